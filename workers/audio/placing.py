"""One take as it sounds in the programme: at its rate, at its level, at its place, with soft edges.

Whatever is made of takes (the mix, a speaker's stem, one line's clip) takes them from here, so that
all of them hold the same samples.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from voicereel.domain.job import LineRecord, Take
from voicereel.domain.reel import samples
from workers.audio.clip import Clip, Samples
from workers.audio.mix import PlacedTake, resample

# A take begins with its first sound, which may be a plosive: a short fade keeps its attack. It ends
# in a decay, where a longer one costs nothing.
FADE_IN_MS, FADE_OUT_MS = 5, 10
# A longer overlap of a speaker with itself was meant: both takes are then heard in full.
CROSSFADE_MAX_MS = 50
_LARGEST_FADE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTake:
    """A line's take in a programme at ``rate`` Hz, from ``start_sample`` for ``length`` samples.

    ``gain_db`` is all that its level is moved by. The fades are in samples; none moves the sound.
    """

    line_id: str
    role: str
    speaker_id: str
    start_sample: int
    length: int
    rate: int
    gain_db: float
    fade_in: int
    fade_out: int
    take: Take
    path: Path

    @property
    def end_sample(self) -> int:
        return self.start_sample + self.length

    @property
    def placed(self) -> PlacedTake:
        """For `mix_blocks`, which reads it when it gets there."""
        return PlacedTake(start_sample=self.start_sample, read=self.samples)

    def samples(self) -> Samples:
        """The sound as it is in the programme, float32 of shape (length,)."""
        clip = resample(read_take(self.take, self.path), self.rate)
        heard = np.zeros(self.length, np.float32)
        heard[: len(clip.samples)] = clip.samples[: self.length]
        heard *= np.float32(10 ** (self.gain_db / 20))
        if self.fade_in:
            heard[: self.fade_in] *= _rise(self.fade_in)
        if self.fade_out:
            heard[-self.fade_out :] *= _rise(self.fade_out)[::-1]
        return heard


def read_take(take: Take, path: Path) -> Clip:
    """A take's own samples from its shard's file."""
    with soundfile.SoundFile(path) as file:
        file.seek(take.offset_samples)
        heard: Samples = file.read(take.length_samples, dtype="float32")
    return Clip(heard, take.sample_rate)


def prepare_takes(
    records: Sequence[LineRecord],
    files: Mapping[str, Path],
    *,
    rate: int,
    matching_db: Mapping[str, float] | None = None,
) -> tuple[PreparedTake, ...]:
    """Every audible line's take in order of its start; nothing is read yet.

    ``files`` are the shards' files by artifact id, ``matching_db`` what level matching adds to a
    line's own gain, by line id.
    """
    matching_db = matching_db or {}
    prepared = [
        _prepared(record, record.take, files, rate, matching_db.get(record.line.id, 0.0))
        for record in records
        if record.take and record.take.length_samples and record.segment
    ]
    return _crossfaded(sorted(prepared, key=lambda take: take.start_sample))


def _prepared(
    record: LineRecord, take: Take, files: Mapping[str, Path], rate: int, matching_db: float
) -> PreparedTake:
    assert record.segment is not None
    length = (take.length_samples * rate + take.sample_rate // 2) // take.sample_rate
    longest = int(length * _LARGEST_FADE)
    return PreparedTake(
        line_id=record.line.id,
        role=record.line.speaker,
        speaker_id=record.voice.speaker_id,
        start_sample=samples(record.segment.start_ms, rate),
        length=length,
        rate=rate,
        gain_db=(record.controls.gain_db or 0.0) + matching_db,
        fade_in=min(samples(FADE_IN_MS, rate), longest),
        fade_out=min(samples(FADE_OUT_MS, rate), longest),
        take=take,
        path=files[take.artifact_id],
    )


def _crossfaded(takes: Iterable[PreparedTake]) -> tuple[PreparedTake, ...]:
    """The takes, those of one speaker that overlap a little faded into each other.

    The two curves add up to one, over all of the overlap and nothing else.
    """
    result: list[PreparedTake] = []
    latest: dict[str, int] = {}
    for take in takes:
        before = latest.get(take.speaker_id)
        latest[take.speaker_id] = len(result)
        result.append(take)
        if before is None:
            continue
        overlap = result[before].end_sample - take.start_sample
        if _can_crossfade(overlap, result[before], take):
            result[before] = replace(result[before], fade_out=overlap)
            result[-1] = replace(take, fade_in=overlap)
    return tuple(result)


def _can_crossfade(overlap: int, before: PreparedTake, take: PreparedTake) -> bool:
    shortest = min(before.length - before.fade_in, take.length - take.fade_out)
    return 0 < overlap <= min(samples(CROSSFADE_MAX_MS, take.rate), shortest)


def _rise(length: int) -> Samples:
    """Half a raised cosine from 0 to 1, shape (length,); with its mirror image it adds up to one."""
    phase = (np.arange(length) + 0.5) * (np.pi / length)
    return np.asarray(0.5 - 0.5 * np.cos(phase), dtype=np.float32)
