import numpy as np
import pytest

from workers.audio.clip import Clip
from workers.audio.timing import trim


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], (0, 0)),
        ([0, 0, 0], (0, 0)),
        ([0.0009, -0.0009], (0, 0)),
        ([0, 0.5, 0, -0.5, 0.0005], (1, 4)),
        ([0.0011], (0, 1)),
        ([0, 0, -1], (2, 3)),
    ],
)
def test_a_take_lasts_from_its_first_to_its_last_sample_above_minus_60_dbfs(samples, expected):
    assert trim(Clip(np.array(samples, np.float32), 24_000)) == expected
