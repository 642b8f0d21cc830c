"""Sound in memory: samples and their rate. Milliseconds are turned into samples here only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Mono sound: ``samples`` is float32 of shape (n,), full scale ±1.0; ``rate`` in Hz."""

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise ValueError("samples must be float32 of shape (n,)")

    @property
    def duration_ms(self) -> int:
        """The length in whole milliseconds, rounded up so that the clip fits into it."""
        return -(-len(self.samples) * 1000 // self.rate)
