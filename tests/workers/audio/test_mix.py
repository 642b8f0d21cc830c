import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.audio.signals import tone
from workers.audio.clip import Clip, Samples
from workers.audio.mix import PlacedTake, mix_blocks, resample

TAKES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 120)), max_size=8)


def _placed(start: int, samples: Samples) -> PlacedTake:
    return PlacedTake(start, lambda: samples)


@given(TAKES, st.integers(0, 400), st.integers(1, 97))
def test_a_mix_is_the_sum_of_its_takes_each_in_its_place(takes, total, block):
    expected = np.zeros(1000, np.float32)
    placed = []
    for index, (start, length) in enumerate(sorted(takes)):
        samples = np.arange(1, length + 1, dtype=np.float32) * 2**index
        expected[start : start + length] += samples
        placed.append(_placed(start, samples))
    blocks = list(mix_blocks(placed, total_samples=total, block=block))
    assert all(len(part) == block for part in blocks[:-1])
    mixed = np.concatenate([*blocks, np.zeros(0, np.float32)])
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed, expected[:total])


def test_a_take_is_read_when_the_mix_reaches_it_and_only_then():
    read = []

    def take(start: int) -> PlacedTake:
        return PlacedTake(start, lambda: read.append(start) or np.ones(50, np.float32))

    blocks = mix_blocks([take(0), take(120), take(250)], total_samples=300, block=100)
    assert read == []
    next(blocks)
    assert read == [0]
    next(blocks)
    assert read == [0, 120]


@pytest.mark.parametrize("starts", [(10, 5), (-1,)])
def test_takes_out_of_order_are_refused(starts):
    takes = [_placed(start, np.ones(3, np.float32)) for start in starts]
    with pytest.raises(ValueError, match="order"):
        list(mix_blocks(takes, total_samples=100, block=10))


def test_resampling_keeps_the_tone_and_the_length():
    clip = resample(Clip(tone(1.0, rate=22_050), 22_050), 48_000)
    assert (clip.rate, len(clip.samples)) == (48_000, 48_000)
    # away from the edges, where a filter has nothing to look at
    expected = tone(1.0, rate=48_000)
    np.testing.assert_allclose(clip.samples[500:-500], expected[500:-500], atol=1e-4)


def test_resampling_to_the_same_rate_gives_the_same_clip():
    clip = Clip(tone(0.1), 24_000)
    assert resample(clip, 24_000) is clip
