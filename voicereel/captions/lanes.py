"""Where cues that are shown at once are put: each in a lane of its own."""

from collections.abc import Iterator, Sequence
from itertools import count

from voicereel.captions.cue import Cue


def lanes(cues: Sequence[Cue]) -> Iterator[int]:
    """The lane of each cue, the least that is free: 0, unless another is shown there. Cues are by start."""
    shown: dict[int, int] = {}
    for cue in cues:
        shown = {lane: end_ms for lane, end_ms in shown.items() if end_ms > cue.start_ms}
        lane = next(lane for lane in count() if lane not in shown)
        shown[lane] = cue.end_ms
        yield lane
