"""How loud each take is, and how far it is moved towards the others.

A speaker's static level is a fact of its voice, engine or recording: it is evened out in full. How a
line differs from its speaker's other lines may be performance: of that only half is taken away, so
that whispers stay whispers and shouts stay shouts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from workers.audio.clip import Clip
from workers.audio.weighting import KWeighting, gated_lufs

MAX_MATCHING_DB = 6.0
WITHIN_SPEAKER = 0.5
_BLOCKS_A_SECOND = 10
_PARTS_A_BLOCK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLevel:
    """A line's take and its gated loudness; None where it is silence."""

    line_id: str
    speaker_id: str
    take_lufs: float | None


def take_lufs(clip: Clip) -> float | None:
    """The gated loudness of one take (BS.1770: blocks of 400 ms, one every 100 ms).

    A take that is shorter than a block is one block: what speech there is, is measured.
    """
    if not len(clip.samples):
        return None
    power = KWeighting(clip.rate).weighted(clip.samples).astype(np.float64) ** 2
    part = clip.rate // _BLOCKS_A_SECOND
    whole = len(power) // part
    if whole < _PARTS_A_BLOCK:
        return gated_lufs(np.array([power.mean()]))
    parts = power[: whole * part].reshape(whole, part).mean(axis=1)
    blocks = np.lib.stride_tricks.sliding_window_view(parts, _PARTS_A_BLOCK).mean(axis=1)
    return gated_lufs(blocks)


def matching_db(spoken: Sequence[SpokenLevel]) -> Mapping[str, float]:
    """What each line is moved by, in dB, by line id: at most `MAX_MATCHING_DB` either way.

    Every speaker's median goes to the median of all lines, and each line half of its own way to its
    speaker's.
    """
    of_speaker: dict[str, list[float]] = defaultdict(list)
    for line in spoken:
        if line.take_lufs is not None:
            of_speaker[line.speaker_id].append(line.take_lufs)
    if not of_speaker:
        return {}
    script = median(level for levels in of_speaker.values() for level in levels)
    usual = {speaker: median(levels) for speaker, levels in of_speaker.items()}
    return {
        line.line_id: _capped(
            script - usual[line.speaker_id] + WITHIN_SPEAKER * (usual[line.speaker_id] - line.take_lufs)
        )
        for line in spoken
        if line.take_lufs is not None
    }


def _capped(wanted_db: float) -> float:
    """Within the cap, and in tenths: finer is not heard, and would differ between machines."""
    return round(max(-MAX_MATCHING_DB, min(MAX_MATCHING_DB, wanted_db)), 1) + 0.0
