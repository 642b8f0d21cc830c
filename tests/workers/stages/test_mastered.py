"""Scripts through the stages: what was done to their levels, and whether the reel tells."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.reels import reel_of, samples_of
from tests.rendering import Studio, studio
from tests.workers.audio.meters import read_file
from tests.workers.audio.signals import tone
from voicereel.services.sources import SourceUpload

LINES = [
    {"id": "a", "speaker": "ANA", "text": "The first boat came in before noon."},
    {"id": "b", "speaker": "BEN", "text": "Nobody was ready for it.", "gain_db": -3},
    {"id": "c", "speaker": "ANA", "text": "Are you sure about that?"},
    {"id": "d", "speaker": "ANA", "text": "…"},
]
CAST = {"ANA": "stock:espeak/en-us+f2", "BEN": "stock:espeak/en-us+m3"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with studio(tmp_path_factory.mktemp("home")) as made:
        yield made


def rendered(found: Studio, folder: Path, **output: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    output = {"formats": ["wav"], "sample_rate": 22050, **output}
    job = found.render({"cast": CAST, "lines": LINES, "output": output}, folder)
    return job, reel_of(folder)


def test_the_default_loudness_is_reached_and_every_file_tells_what_it_is(
    found: Studio, tmp_path: Path
) -> None:
    job, reel = rendered(found, tmp_path, formats=["mp3", "wav"])
    assert [w["code"] for w in job["warnings"]] == ["nothing_to_speak"]
    files = {file["format"]: file for file in job["outputs"]["audio"]}
    assert [file["format"] for file in reel["audio"]] == ["mp3", "wav"]
    for told in reel["audio"]:
        heard = read_file(tmp_path / f"reel.{told['format']}")
        assert heard.lufs == pytest.approx(-16.0, abs=0.2)
        assert heard.dbtp <= -1.0
        same = ("loudness_lufs", "true_peak_dbtp", "gain_db", "limiting_db", "duration_ms", "sha256")
        assert {name: told[name] for name in same} == {name: files[told["format"]][name] for name in same}
        assert told["limiting_db"] > 1


def test_lines_are_moved_as_the_reel_says_and_as_asked(found: Studio, tmp_path: Path) -> None:
    """The same takes with and without matching, at a level that needs no limiter: the samples of a
    line differ by what the reel says, and by the gain of the whole.
    """
    quiet = {"loudness_lufs": -34.0}
    plain_job, plain = rendered(found, tmp_path / "off", level_matching="off", **quiet)
    matched_job, matched = rendered(found, tmp_path / "on", **quiet)
    before, rate = samples_of(tmp_path / "off" / "reel.wav")
    after, _ = samples_of(tmp_path / "on" / "reel.wav")
    whole_db = gain(matched_job) - gain(plain_job)
    for line, other in zip(matched["lines"][:3], plain["lines"][:3], strict=True):
        part = slice(line["start_ms"] * rate // 1000, line["end_ms"] * rate // 1000)
        moved_db = 20 * np.log10(rms(after[part]) / rms(before[part]))
        assert moved_db == pytest.approx(line["level"]["matching_db"] + whole_db, abs=0.02)
        assert other["level"] == {**line["level"], "matching_db": 0.0}
    assert {line["level"]["matching_db"] for line in matched["lines"][:3]} != {0.0}
    assert matched["lines"][1]["level"]["gain_db"] == -3
    assert matched["lines"][3]["level"] is None


def gain(job: dict[str, Any]) -> float:
    return float(job["outputs"]["audio"][0]["gain_db"])


def rms(samples: Any) -> float:
    return float(np.sqrt((samples.astype(np.float64) ** 2).mean()))


def upload(found: Studio, samples: Any, rate: int) -> str:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    file.seek(0)
    sources = found.services.sources
    made = sources.add(found.principal, SourceUpload(name="bed", kind="flac", stream=file), once=None)
    return str(made.body["id"])


def test_a_bed_lies_under_the_script_and_gives_way_to_it(found: Studio, tmp_path: Path) -> None:
    """A tone no voice has: what is heard at its pitch is the bed, and how far it is down."""
    rate = 22_050
    source = upload(found, tone(3.0, rate=rate, hz=9_000.0, amplitude=0.1), rate)
    slot = {"start_ms": 1_000, "end_ms": 4_000}
    script = {
        "lines": [{**LINES[0], "slot": slot, "speaker": CAST["ANA"], "pause_after_ms": 3_000}],
        "bed": {"source": source, "gain_db": -6, "duck": {"depth_db": 9}, "fade_out_ms": 0},
        "output": {"formats": ["wav"], "sample_rate": rate, "loudness_lufs": -30},
    }
    job = found.render(script, tmp_path)
    samples, _ = samples_of(tmp_path / "reel.wav")
    line = reel_of(tmp_path)["lines"][0]
    whole_db = gain(job)

    def level_db(first_ms: int, last_ms: int) -> float:
        part = samples[first_ms * rate // 1000 : last_ms * rate // 1000]
        wave = np.exp(-2j * np.pi * 9_000.0 / rate * np.arange(len(part))) * np.hanning(len(part))
        return float(20 * np.log10(2 * abs((part * wave).sum()) / np.hanning(len(part)).sum()))

    alone = 20 * np.log10(0.1) - 6 + whole_db
    assert level_db(100, 850) == pytest.approx(alone, abs=0.1)
    assert level_db(line["start_ms"] + 20, min(line["end_ms"], 2_900) - 20) == pytest.approx(
        alone - 9, abs=0.5
    )
    (warning,) = job["warnings"]
    assert (warning["code"], warning["pointer"]) == ("bed_ends_early", "/bed")
    assert "3000 ms" in warning["detail"]
    assert not samples[3_100 * rate // 1000 : line["start_ms"] * rate // 1000].any()


def test_a_bed_that_is_no_sound_or_is_gone_fails_the_job_and_says_why(found: Studio, tmp_path: Path) -> None:
    sources = found.services.sources
    broken = SourceUpload(name="bed", kind="flac", stream=io.BytesIO(b"fLaC" + bytes(500)))
    source = str(sources.add(found.principal, broken, once=None).body["id"])
    script = {"lines": [{"speaker": CAST["ANA"], "text": "Hello."}], "bed": {"source": source}}
    job_id = found.submit(script)
    found.work()
    error = found.job(job_id)["error"]
    assert (error["code"], error["detail"][:8]) == ("not_audio", "The bed:")
    job_id = found.submit(script)
    sources.delete(found.principal, source)
    found.work()
    assert found.job(job_id)["error"]["code"] == "source_gone"


def test_what_cannot_be_reached_is_said_with_what_was(found: Studio, tmp_path: Path) -> None:
    job, reel = rendered(found, tmp_path, loudness_lufs=-8, true_peak_dbtp=-6)
    (warning,) = [w for w in job["warnings"] if w["code"] == "loudness_limited"]
    reached = reel["audio"][0]["loudness_lufs"]
    assert f"wav {reached:g}" in warning["detail"]
    assert reached < -8.2
    assert read_file(tmp_path / "reel.wav").dbtp <= -6.0
