import pytest

from workers.sheets.clock import FrameClock

MINUTE = 60_000


@pytest.mark.parametrize(
    ("fps", "start", "at_ms", "timecode"),
    [
        ("25", None, 40, "00:00:00:01"),
        ("25", None, 59, "00:00:00:01"),
        ("25", None, 60, "00:00:00:02"),
        ("24", "01:00:00:00", 500, "01:00:00:12"),
        ("23.976", "01:00:00:00", 1001, "01:00:01:00"),
        # SMPTE ST 12-1: numbers 00 and 01 are left out each minute but the tenth, 00 to 03 at twice the rate
        ("29.97df", "00:00:59;29", 34, "00:01:00;02"),
        ("29.97df", None, 10 * MINUTE, "00:10:00;00"),
        ("29.97df", "01:00:00:00", 0, "01:00:00;00"),
        ("59.94df", "00:00:59;59", 17, "00:01:00;04"),
        ("59.94", None, 10 * MINUTE, "00:09:59:24"),
        ("30", "23:59:59:29", 34, "00:00:00:00"),
        ("60", None, 4 * 60 * MINUTE, "04:00:00:00"),
    ],
)
def test_frames_are_counted_as_smpte_counts_them(fps, start, at_ms, timecode):
    assert FrameClock(fps, start).at(at_ms) == timecode


@pytest.mark.parametrize(
    ("fps", "start", "seconds"),
    [
        ("25", "01:00:00:00", 3600),
        # without drop-frame an hour of timecode is 3.6 s longer than an hour
        ("29.97", "01:00:00:00", 3603.6),
        ("23.976", "01:00:00:00", 3603.6),
        ("29.97df", "00:10:00;00", 599.9994),
        ("50", None, 0),
    ],
)
def test_a_time_reference_counts_samples_since_midnight(fps, start, seconds):
    assert FrameClock(fps, start).samples_since_midnight(48_000) == round(seconds * 48_000)
