from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.workers.audio.signals import noise
from voicereel.domain.job import LineRecord, Take
from voicereel.domain.script import Controls, Line, Segment
from voicereel.domain.speakers import Voice
from workers.audio.placing import PreparedTake, prepare_takes

RATE = 24_000


@pytest.fixture
def takes_file(tmp_path: Path) -> Path:
    """Ones: what comes out is the gain and the fades alone."""
    path = tmp_path / "takes.wav"
    soundfile.write(path, np.ones(4 * RATE, np.float32), RATE, subtype="FLOAT")
    return path


def record(
    number: int, start_ms: int, length_ms: int, *, speaker: str = "A", gain_db: float = 0.0
) -> LineRecord:
    take = Take(
        line_id=f"l{number}",
        fingerprint="",
        artifact_id="art",
        offset_samples=0,
        length_samples=length_ms * RATE // 1000,
        sample_rate=RATE,
        duration_ms=length_ms,
    )
    return LineRecord(
        ordinal=number,
        line=Line(id=f"l{number}", speaker=speaker, text="x"),
        controls=Controls(gain_db=gain_db),
        voice=Voice(speaker_id=speaker, speaker_name=speaker, engine="fake"),
        take=take,
        segment=Segment(start_ms=start_ms, end_ms=start_ms + length_ms),
    )


def summed(takes: tuple[PreparedTake, ...], total: int) -> np.ndarray:
    programme = np.zeros(total, np.float32)
    for take in takes:
        programme[take.start_sample : take.end_sample] += take.samples()
    return programme


def test_edges_fade_and_everything_between_is_exact(takes_file):
    (take,) = prepare_takes([record(0, 100, 1000, gain_db=-6.0)], {"art": takes_file}, rate=RATE)
    heard = take.samples()
    assert (take.start_sample, len(heard)) == (2_400, RATE)
    rise, fall = heard[: RATE // 200], heard[-RATE // 100 :]
    assert (np.diff(rise) > 0).all()
    assert (np.diff(fall) < 0).all()
    assert max(rise[0], fall[-1]) < 0.001
    np.testing.assert_array_equal(heard[RATE // 200 : -RATE // 100], np.float32(10 ** (-6 / 20)))


def test_matching_comes_on_top_of_the_lines_gain(takes_file):
    lines = [record(0, 0, 500, gain_db=-2.0)]
    (take,) = prepare_takes(lines, {"art": takes_file}, rate=RATE, matching_db={"l0": 1.5})
    assert take.gain_db == -0.5


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("overlap_ms", [1, 7, 50])
def test_a_speaker_that_overlaps_itself_a_little_is_crossfaded(takes_file, rate, overlap_ms):
    """Two takes of ones: the sum stays one all through the overlap."""
    lines = [record(0, 0, 400), record(1, 400 - overlap_ms, 400)]
    takes = prepare_takes(lines, {"art": takes_file}, rate=rate)
    programme = summed(takes, takes[-1].end_sample)
    at = takes[1].start_sample
    seam = programme[at - 20 : at + overlap_ms * rate // 1000 + 20]
    np.testing.assert_allclose(seam, 1.0, atol=3e-2 if rate != RATE else 1e-6)


@pytest.mark.parametrize(
    ("overlap_ms", "other"), [(120, "A"), (20, "B"), (0, "A")], ids=["long", "other speaker", "touching"]
)
def test_any_other_neighbours_keep_their_own_edges(takes_file, overlap_ms, other):
    lines = [record(0, 0, 400), record(1, 400 - overlap_ms, 400, speaker=other)]
    takes = prepare_takes(lines, {"art": takes_file}, rate=RATE)
    assert {(take.fade_in, take.fade_out) for take in takes} == {(RATE // 200, RATE // 100)}


def test_a_take_of_a_few_samples_is_still_heard(tmp_path):
    path = tmp_path / "takes.wav"
    soundfile.write(path, noise(1.0, rate=RATE), RATE, subtype="FLOAT")
    (take,) = prepare_takes([record(0, 0, 4)], {"art": path}, rate=RATE)
    heard, source = take.samples(), soundfile.read(path, frames=len(take.samples()), dtype="float32")[0]
    np.testing.assert_array_equal(heard[take.fade_in : -take.fade_out], source[take.fade_in : -take.fade_out])
    assert take.fade_in + take.fade_out <= len(heard) // 2


def test_takes_come_in_order_of_their_start_and_silent_lines_not_at_all(takes_file):
    lines = [record(0, 900, 100), record(1, 0, 100), record(2, 500, 0)]
    takes = prepare_takes(lines, {"art": takes_file}, rate=RATE)
    assert [take.line_id for take in takes] == ["l1", "l0"]
