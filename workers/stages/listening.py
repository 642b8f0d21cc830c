"""Takes are listened to as they are made, and bad ones are spoken again: see docs/guides/verification.md."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from voicereel.domain.checks import LINE_SUSPECT, UNVERIFIED, SpokenCheck, compare
from voicereel.domain.job import LineRecord
from voicereel.domain.pace import typical_ms
from voicereel.domain.script import Qa, Warn
from voicereel.domain.speakers import EngineInfo
from workers.audio.audibility import faults
from workers.audio.clip import Clip
from workers.audio.timing import trim
from workers.engines.base import EngineTake, Mark, Recognizer, Synthesizer, TakeRequest
from workers.engines.requests import request_of

_WORD = re.compile(r"\S*[^\W_]\S*")
_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an engine made of a line, and what was heard of it: None where there is no sound."""

    take: EngineTake
    check: SpokenCheck | None

    def is_good(self, qa: Qa) -> bool:
        """Whether it is to be kept; an engine's own failure is not for another seed to mend."""
        return self.take.error is not None or (self.check is not None and self.check.is_good(qa))

    def badness(self) -> tuple[bool, int, float]:
        """The less, the better."""
        if self.check is None:
            return True, 0, 0.0
        return False, len(self.check.faults), self.check.wer or 0.0


class Listener:
    """Listens to the takes of one engine. ``unverified`` are languages in which it could not always tell."""

    def __init__(self, qa: Qa, engine: EngineInfo, recognizer: Recognizer) -> None:
        self.qa = qa
        self.unverified: set[str] = set()
        self._engine = engine
        self._recognizer = recognizer

    def attempt(self, record: LineRecord, take: EngineTake) -> Attempt:
        return Attempt(take, None if take.error else self.check(record, take.clip, marks=take.marks))

    def check(
        self,
        record: LineRecord,
        clip: Clip,
        *,
        marks: Sequence[Mark] = (),
        known: SpokenCheck | None = None,
    ) -> SpokenCheck | None:
        """What is heard of a clip as the engine made it; of one that was trimmed, more than was ``known``."""
        request = request_of(record, self._engine)
        first, last = trim(clip)
        if first == last:
            return None
        if known is None:
            speed = 1.0 if "speed" in self._engine.unsupported_controls else request.speed
            expected_ms = typical_ms(request.text, request.language) / speed
            last_ms = max((mark.end_ms for mark in marks), default=None)
            known = SpokenCheck(faults=faults(clip, expected_ms=expected_ms, last_word_ms=last_ms))
        if known.recognizer or not self.qa.verify:
            return known
        return self._compared(known, Clip(clip.samples[first:last], clip.rate), request)

    def _compared(self, check: SpokenCheck, sound: Clip, request: TakeRequest) -> SpokenCheck:
        hearing = self._recognizer.hear(sound, request.text, request.language)
        if hearing is None:
            self.unverified.add(request.language)
            return check
        found = compare(hearing.expected, hearing.heard, untold=_told_in_ipa(request, len(hearing.expected)))
        return replace(
            check,
            recognizer=hearing.recognizer,
            words=len(hearing.expected),
            wer=found.wer,
            limit=hearing.limit,
            missing=found.missing,
            repeated=found.repeated,
        )

    def suspicions(self, record: LineRecord, check: SpokenCheck | None) -> Iterator[Warn]:
        if check is not None and not check.is_good(self.qa):
            pointer = f"/lines/{record.ordinal}"
            yield Warn(code=LINE_SUSPECT, pointer=pointer, detail=check.suspicion(self.qa))

    def warnings(self) -> Iterator[Warn]:
        """Of the job: the same words from every shard are one warning."""
        for language in sorted(self.unverified):
            detail = f"Not every line in '{language}' was compared with its text: no recogniser could tell."
            yield Warn(code=UNVERIFIED, pointer="/qa/verify", detail=detail)


def _told_in_ipa(request: TakeRequest, words: int) -> frozenset[int]:
    """Numbers of the words that were to be said otherwise than any recogniser expects them."""
    spans = [match.span() for match in _WORD.finditer(request.text)]
    if len(spans) != words:
        return frozenset()
    return frozenset(
        number
        for number, (start, end) in enumerate(spans, 1)
        if any(each.start < end and start < each.end for each in request.phonemes)
    )


def can_retry(engine: EngineInfo, qa: Qa) -> bool:
    """Where every seed gives the same take there is no point."""
    return engine.seeded and qa.retries > 0


def spoken_again(
    engine: Synthesizer, listener: Listener, bad: Sequence[tuple[LineRecord, Attempt]]
) -> Iterator[tuple[LineRecord, Attempt]]:
    """Each bad line with the best that was made of it: the first good one, else the least bad.

    The seeds follow from the line's own and the attempt's number alone: two runs make the same.
    """
    best = {record.ordinal: attempt for record, attempt in bad}
    tries = dict.fromkeys(best, 1)
    for number in range(1, listener.qa.retries + 1):
        still = [record for record, _ in bad if not best[record.ordinal].is_good(listener.qa)]
        if not still:
            break
        requests = [_with_another_seed(record, engine.info, number) for record in still]
        for record, take in zip(still, engine.synthesize(requests), strict=False):
            attempt = listener.attempt(record, take)
            tries[record.ordinal] += 1
            if not take.error:
                best[record.ordinal] = min(best[record.ordinal], attempt, key=Attempt.badness)
    for record, _ in bad:
        found = best[record.ordinal]
        check = found.check and replace(found.check, attempts=tries[record.ordinal])
        yield record, Attempt(found.take, check)


def _with_another_seed(record: LineRecord, engine: EngineInfo, attempt: int) -> TakeRequest:
    request = request_of(record, engine)
    digest = hashlib.sha256(f"{request.seed} {attempt}".encode()).digest()
    return replace(request, seed=int.from_bytes(digest[:4], "big") % _SEEDS)
