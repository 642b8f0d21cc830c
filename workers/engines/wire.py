"""What goes between a worker and an engine's process: frames of JSON and samples, never code.

A frame is the lengths of its two parts (in bytes), a JSON object, and mono float32 samples, little-endian.
The worker asks (``do``: load, speak, enroll, stop); the process says first what it is (``info`` or
``refused``), then answers each question but ``stop`` with frames of which the last has ``end``.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from voicereel.domain.lexicons import Reading
from voicereel.domain.speakers import EngineInfo, StockVoice
from workers.audio.clip import Clip, Samples
from workers.engines.base import EngineError, EngineTake, Mark, TakeRequest

_LENGTHS = struct.Struct("<IQ")
# Far above any frame there is; what goes beyond is not ours, and its length is not to be believed.
_MAX_HEADER_BYTES, _MAX_SAMPLES_BYTES = 1 << 27, 1 << 31

Facts = Mapping[str, Any]


class Garbled(Exception):
    """What came through the pipe is no frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """``facts`` are a JSON object; ``samples`` are of shape (n,), and empty where there is no sound."""

    facts: Facts
    samples: Samples


def write_frame(facts: Facts, samples: Samples | None, write: Callable[[memoryview], None]) -> None:
    """Hand the parts of a frame to ``write``, which takes all it is given."""
    text = json.dumps(facts, separators=(",", ":")).encode()
    sound = np.ascontiguousarray(_NONE if samples is None else samples, "<f4")
    write(memoryview(_LENGTHS.pack(len(text), sound.nbytes) + text))
    if sound.nbytes:
        write(sound.data.cast("B"))


def read_frame(fill: Callable[[memoryview], None]) -> Frame:
    """A frame from ``fill``, which fills all it is given. Raises `Garbled`."""
    lengths = bytearray(_LENGTHS.size)
    fill(memoryview(lengths))
    text_bytes, sound_bytes = _LENGTHS.unpack(lengths)
    if text_bytes > _MAX_HEADER_BYTES or sound_bytes > _MAX_SAMPLES_BYTES or sound_bytes % 4:
        raise Garbled
    text = bytearray(text_bytes)
    fill(memoryview(text))
    sound = np.empty(sound_bytes // 4, "<f4")
    if sound_bytes:
        fill(sound.data.cast("B"))
    try:
        return Frame(json.loads(text), sound.astype(np.float32, copy=False))
    except ValueError:
        raise Garbled from None


_NONE: Samples = np.zeros(0, np.float32)


# --- what frames are about ---------------------------------------------------------------------


def facts_of_info(info: EngineInfo) -> Facts:
    return {"info": asdict(info)}


def info_of(facts: Facts) -> EngineInfo:
    info = facts["info"]
    voices = [StockVoice(**{**voice, "languages": tuple(voice["languages"])}) for voice in info["voices"]]
    lists = {name: tuple(value) for name, value in info.items() if isinstance(value, list)}
    return EngineInfo(**{**info, **lists, "voices": tuple(voices)})


def facts_of_request(request: TakeRequest) -> Facts:
    values = {part.name: getattr(request, part.name) for part in fields(TakeRequest)}
    return {
        **values,
        "profile": dict(request.profile),
        "phonemes": [asdict(each) for each in request.phonemes],
    }


def request_of(facts: Facts) -> TakeRequest:
    return TakeRequest(**{**facts, "phonemes": tuple(Reading(**each) for each in facts["phonemes"])})


def facts_of_take(take: EngineTake) -> Facts:
    """All of a take but its samples."""
    return {
        "rate": take.clip.rate,
        "marks": facts_of_marks(take.marks),
        "warnings": take.warnings,
        **(facts_of_error(take.error) if take.error else {}),
    }


def take_of(frame: Frame) -> EngineTake:
    facts = frame.facts
    return EngineTake(
        clip=Clip(frame.samples, facts["rate"]),
        marks=marks_of(facts["marks"]),
        warnings=tuple((code, detail) for code, detail in facts["warnings"]),
        error=error_of(facts),
    )


def facts_of_marks(marks: Sequence[Mark]) -> list[tuple[Any, ...]]:
    return [tuple(getattr(mark, name) for name in _MARK) for mark in marks]


def marks_of(rows: Sequence[Sequence[Any]]) -> tuple[Mark, ...]:
    return tuple(Mark(**dict(zip(_MARK, row, strict=True))) for row in rows)


_MARK = tuple(part.name for part in fields(Mark))


def facts_of_error(error: EngineError) -> Facts:
    return {"error": {"detail": error.detail, "code": error.code, "retryable": error.retryable}}


def error_of(facts: Facts) -> EngineError | None:
    """The error that a frame tells of, if it does."""
    error = facts.get("error")
    return EngineError(error["detail"], code=error["code"], retryable=error["retryable"]) if error else None
