"""Where a take's sound begins and ends."""

import numpy as np

from workers.audio.clip import Clip

# -60 dBFS: what is quieter at a take's edges is not part of it
_EDGE_AMPLITUDE = 0.001


def trim(clip: Clip) -> tuple[int, int]:
    """``(start, end)``: the samples from the first to the last above -60 dBFS; ``(0, 0)`` if none."""
    loud = np.abs(clip.samples) > _EDGE_AMPLITUDE
    if not loud.any():
        return 0, 0
    return int(loud.argmax()), len(loud) - int(loud[::-1].argmax())
