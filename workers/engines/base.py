"""What an engine is: facts as data, then few methods. Engines know nothing of jobs or files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicereel.domain.lexicons import Reading
from voicereel.domain.speakers import EngineInfo
from voicereel.domain.words import Timing
from workers.audio.clip import Clip

# Called again and again while a worker waits for an engine; what it raises ends the waiting.
Watch = Callable[[], object]


def unwatched() -> None:
    """Nothing can end the waiting early."""


class EngineError(Exception):
    """A line the engine cannot speak. ``code`` is stable; ``retryable`` says if another try may work.

    ``detail`` is for the customer: it never quotes the text, and neither does anything logged of it.
    """

    def __init__(self, detail: str, *, code: str = "engine_failed", retryable: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.retryable = retryable


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRequest:
    """One line for an engine. ``text`` is spoken text: no control characters, and spaces where emoji were.

    Either ``voice`` (a stock voice's name) or ``profile`` (what `enroll` returned) is given. ``phonemes``
    are words of the text with their sounds in IPA, for engines that say they can be told (``ipa``); what
    one cannot say it speaks by the word's ``alias``, or as written with a warning `pronunciation_ignored`.
    """

    text: str
    language: str
    voice: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    speed: float = 1.0
    pitch_st: float = 0.0
    style: str | None = None
    seed: int = 0
    phonemes: tuple[Reading, ...] = ()


# When characters of a request's text sound, in milliseconds from the clip's first sample.
Mark = Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTake:
    """What an engine made of one request: sound, untrimmed, and the times of its words.

    ``warnings`` are ``(code, detail)`` pairs: what could not be honoured. ``error`` set means
    that this line failed and ``clip`` is empty.
    """

    clip: Clip
    marks: tuple[Mark, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    error: EngineError | None = None


class Synthesizer(Protocol):
    """An engine that speaks. Instances live in one process and are used by one thread."""

    @property
    def info(self) -> EngineInfo: ...

    def load(self) -> None:
        """Make the engine ready to speak; called once, before anything else but `info`."""

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        """One take a request, in order, as each becomes ready."""

    def enroll(self, reference: Clip, *, language: str, transcript: str | None) -> Mapping[str, Any]:
        """A JSON-ready profile by which `synthesize` speaks like the reference."""


class Aligner(Protocol):
    """Finds when the words of a text sound. Instances live in one process and are used by one thread."""

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        """When each word of a spoken text sounds, in order, in milliseconds from the clip's first sample.

        Nothing where this aligner cannot tell: the language is not its own, or the clip says something
        else. ``confidence`` is the chance that a word starts within 50 ms of where it is said to.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a recogniser heard of a take that was to say ``expected``: words, compared as they are spelled.

    ``limit`` is the word error rate that it finds in good takes: up to that, nothing is wrong.
    """

    recognizer: str
    expected: tuple[str, ...]
    heard: tuple[str, ...]
    limit: float = 0.0


class Recognizer(Protocol):
    """Listens to whether a take says its text. Instances live in one process and are used by one thread."""

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        """What the clip says of a spoken text; None where this recogniser cannot tell.

        Words that it cannot tell from silence (the shortest, for some) are given as they were expected.
        """
