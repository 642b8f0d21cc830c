"""Warping one saying of a text onto another. Pure functions over frames of shape (n, d)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from dtaidistance import dtw_ndim

from workers.audio.cepstra import Floats

Indices = npt.NDArray[np.intp]

# how far from the diagonal a path may stray, as a share of the longer saying
_BAND = 0.25
# 30 s; what is longer is warped roughly first, and the matrix of costs stays under 40 MB
_DIRECT_FRAMES = 3000
# for each step that lets one saying wait for the other
_PENALTY = 0.2
_COARSE_HOP = 8
_FINE_BAND_FRAMES = 150


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """A path of shape (k,) each: frames of the known saying, of the other one, and how unlike they are."""

    known: Indices
    other: Indices
    cost: Floats

    def at(self, frame: float) -> float:
        """Where in the other saying a moment of the known one is, in frames."""
        return float(np.interp(frame, *self._line()))

    def _line(self) -> tuple[Floats, Floats]:
        """The path as a line: a frame that is met several times is where the middle of those is."""
        frames, first = np.unique(self.known, return_index=True)
        sums = np.add.reduceat(self.other.astype(np.float64), first)
        return frames.astype(np.float64), sums / np.diff([*first, len(self.known)])


def warp(known: Floats, other: Floats) -> Warp:
    """The path of least cost (1 - cosine) through two sayings of frames of length one."""
    longest = max(len(known), len(other))
    if longest <= _DIRECT_FRAMES:
        rows, columns = _path(known, other, band=int(longest * _BAND))
    else:
        rows, columns = _refined(known, other)
    return Warp(rows, columns, 1 - np.einsum("ij,ij->i", known[rows], other[columns]))


def _refined(known: Floats, other: Floats) -> tuple[Indices, Indices]:
    """Warp roughly, bend the known saying to that, and look for the rest nearby."""
    small = [_thinned(frames) for frames in (known, other)]
    rough = warp(*small)
    bent = np.interp(np.arange(len(other)), rough.other * _COARSE_HOP, rough.known * _COARSE_HOP)
    frames = np.minimum(np.round(bent).astype(np.intp), len(known) - 1)
    rows, columns = _path(known[frames], other, band=_FINE_BAND_FRAMES)
    return frames[rows], columns


def _thinned(frames: Floats) -> Floats:
    count = -(-len(frames) // _COARSE_HOP)
    padded = np.pad(frames, ((0, count * _COARSE_HOP - len(frames)), (0, 0)), mode="edge")
    mean = padded.reshape(count, _COARSE_HOP, -1).mean(axis=1)
    return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9))


def _path(known: Floats, other: Floats, *, band: int) -> tuple[Indices, Indices]:
    """Between frames of length one the squared distance, which the library adds up, is 2 (1 - cosine)."""
    path = dtw_ndim.warping_path(known, other, window=max(band, 20), penalty=_PENALTY, use_c=True)
    rows, columns = np.array(path, dtype=np.intp).T
    return rows, columns
