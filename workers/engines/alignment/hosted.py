"""The aligner and the recogniser in a process of their own, as a worker sees it: started when it is needed.

Neither fails a line. Where one hangs, crashes or raises there are no times, and the words are estimated, or
nothing is known of what the take says; after a few such lines in a row the others are not tried.
"""

import sys
from collections.abc import Sequence

from voicereel.domain.words import Timing
from voicereel.telemetry import log
from workers.audio.clip import Clip
from workers.engines.base import Aligner, EngineError, Hearing, Recognizer, Watch, unwatched
from workers.engines.child import Child
from workers.engines.wire import Facts, Frame, error_of, marks_of

_COMMAND = (sys.executable, "-m", "workers.engines.alignment.host")
# The first answer waits for imports, and any for a busy machine; itself it takes a 30th of the clip.
_START_S, _CLIP_SHARE = 30.0, 1.0
_GRACE_S = 2.0
_MOST_LOSSES = 3


class AlignerHost:
    """At most one process, for one thread. ``command`` is another one's, for tests."""

    def __init__(self, command: Sequence[str] = _COMMAND, *, whisper_model: str = "") -> None:
        self._command = (*command, "--whisper-model", whisper_model) if whisper_model else command
        self._child: Child | None = None

    def aligner(self, *, watch: Watch = unwatched) -> Aligner:
        """An `Aligner` for a stage run; ``watch`` is called while it is waited for, and may raise."""
        return _HostedAligner(self, watch)

    def recognizer(self, *, watch: Watch = unwatched) -> Recognizer:
        """A `Recognizer`, likewise."""
        return _HostedRecognizer(self, watch)

    def ask(self, do: str, clip: Clip, text: str, language: str, *, watch: Watch) -> Frame:
        """The process's answer to what it is to ``do``.

        Raises `EngineError` where it is lost, and what ``watch`` raises.
        """
        child = self._living(watch)
        limit_s = _START_S + _CLIP_SHARE * len(clip.samples) / clip.rate
        question = {"do": do, "rate": clip.rate, "text": text, "language": language}
        try:
            child.send(question, clip.samples, within_s=limit_s, watch=watch)
            return child.receive(within_s=limit_s, watch=watch)
        except BaseException:
            child.end()  # an answer that nobody waits for would be taken for the next one's
            raise

    def close(self) -> None:
        """End the process, if there is one; returns when it has gone."""
        if self._child is not None:
            self._child.end()
            self._child.wait_gone()
            self._child = None

    def _living(self, watch: Watch) -> Child:
        if self._child is not None and not self._child.usable:
            self._child.end()
            self._child.wait_gone(watch=watch)
            self._child = None
        if self._child is None:
            self._child = Child(self._command, grace_s=_GRACE_S)
        return self._child


class _Hosted:
    """Asks, until too much was lost in a row; ``_tell`` logs what was."""

    def __init__(self, host: AlignerHost, watch: Watch) -> None:
        self._host = host
        self._watch = watch
        self._losses = 0

    def _ask(self, do: str, clip: Clip, text: str, language: str) -> Facts | None:
        if self._losses >= _MOST_LOSSES:
            return None
        try:
            facts = self._host.ask(do, clip, text, language, watch=self._watch).facts
            error = error_of(facts)
            if error is not None:
                raise error
        except EngineError as error:
            self._losses += 1
            self._tell(error)
            return None
        self._losses = 0
        return facts

    def _tell(self, error: EngineError) -> None:
        raise NotImplementedError


class _HostedAligner(_Hosted):
    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        facts = self._ask("align", clip, text, language)
        return marks_of(facts["timings"]) if facts else ()

    def _tell(self, error: EngineError) -> None:
        log().warning("not_aligned", code=error.code)


class _HostedRecognizer(_Hosted):
    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        facts = self._ask("hear", clip, text, language)
        found = facts and facts["hearing"]
        if not found:
            return None
        return Hearing(**{**found, "expected": tuple(found["expected"]), "heard": tuple(found["heard"])})

    def _tell(self, error: EngineError) -> None:
        log().warning("not_recognised", code=error.code)
