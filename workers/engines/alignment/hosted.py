"""The aligner in a process of its own, as a worker sees it: started when the first word has no time.

Alignment never fails a line. Where it hangs, crashes or raises there are no times, and the words are
estimated; after a few such lines in a row the others are not tried.
"""

import sys
from collections.abc import Sequence

from voicereel.domain.words import Timing
from voicereel.telemetry import log
from workers.audio.clip import Clip
from workers.engines.base import Aligner, EngineError, Watch, unwatched
from workers.engines.child import Child
from workers.engines.wire import Frame, error_of, marks_of

_COMMAND = (sys.executable, "-m", "workers.engines.alignment.host")
# The first answer waits for imports, and any for a busy machine; itself it takes a 30th of the clip.
_START_S, _CLIP_SHARE = 30.0, 1.0
_GRACE_S = 2.0
_MOST_LOSSES = 3


class AlignerHost:
    """At most one process, for one thread. ``command`` is another one's, for tests."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        self._command = command
        self._child: Child | None = None

    def aligner(self, *, watch: Watch = unwatched) -> Aligner:
        """An `Aligner` for a stage run; ``watch`` is called while it is waited for, and may raise."""
        return _Hosted(self, watch)

    def ask(self, clip: Clip, text: str, language: str, *, watch: Watch) -> Frame:
        """The process's answer. Raises `EngineError` where it is lost, and what ``watch`` raises."""
        child = self._living(watch)
        limit_s = _START_S + _CLIP_SHARE * len(clip.samples) / clip.rate
        question = {"rate": clip.rate, "text": text, "language": language}
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
    def __init__(self, host: AlignerHost, watch: Watch) -> None:
        self._host = host
        self._watch = watch
        self._losses = 0

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        if self._losses >= _MOST_LOSSES:
            return ()
        try:
            facts = self._host.ask(clip, text, language, watch=self._watch).facts
            error = error_of(facts)
            if error is not None:
                raise error
        except EngineError as error:
            self._losses += 1
            log().warning("not_aligned", code=error.code)
            return ()
        self._losses = 0
        return marks_of(facts["timings"])
