"""Test signals, float32 of shape (n,)."""

import numpy as np

from workers.audio.clip import Samples

RATE = 24_000


def tone(seconds: float, *, rate: int = RATE, hz: float = 440.0, amplitude: float = 0.3) -> Samples:
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def noise(seconds: float, *, rate: int = RATE, rms: float = 0.05, seed: int = 0) -> Samples:
    return (rms * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def speechlike(
    seconds: float, *, rate: int = RATE, hz: float = 120.0, syllables_per_s: float = 4.0
) -> Samples:
    """A buzz of ten harmonics that swells and fades, and a pause of 0.4 s every two seconds."""
    times = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * hz * k * times) / k for k in range(1, 11))
    swell = np.sin(np.pi * syllables_per_s * times) ** 2
    return (0.2 * buzz * swell * (times % 2 < 1.6)).astype(np.float32)


def in_blocks(samples: Samples, size: int = 4_001) -> list[Samples]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]
