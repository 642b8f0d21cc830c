"""Scripts through a running service by the client, and what comes back read by others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import RunningService
from tests.reels import check_captions, check_reel, reel_of, samples_of
from voicereel_client import UnprocessableError, VoiceReel

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.json"))
FORMATS = ["wav", "mp3", "flac", "ogg", "m4a"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_keeps_what_is_published(path: Path, client: VoiceReel, tmp_path: Path) -> None:
    script = json.loads(path.read_text(encoding="utf-8"))
    job = client.synthesize({**script, "output": {"formats": ["wav"]}}).wait(timeout=120)
    job.download(tmp_path)
    reel = reel_of(tmp_path)
    assert job.status == "succeeded"
    assert job.billable_ms == reel["duration_ms"]
    check_reel(reel, script)
    check_captions(tmp_path, reel)
    samples, rate = samples_of(tmp_path / "reel.wav")
    assert len(samples) == round(reel["duration_ms"] * rate / 1000)


def test_lines_sound_where_the_reel_says_to_the_end_of_five_minutes(
    client: VoiceReel, tmp_path: Path
) -> None:
    """Drift: a line's first sound is where the reel puts it. 40 ms is published; trimming and
    placing are exact to a sample, so what remains is a lossy coder's smear.
    """
    script = json.loads(next(p for p in EXAMPLES if p.stem == "briefing").read_text(encoding="utf-8"))
    client.synthesize({**script, "output": {"formats": ["mp3"]}}).wait(timeout=120).download(tmp_path)
    reel = reel_of(tmp_path)
    assert (len(reel["lines"]), reel["duration_ms"] > 280_000) == (60, True)
    samples, rate = samples_of(tmp_path / "reel.mp3")
    assert abs(len(samples) * 1000 / rate - reel["duration_ms"]) <= 1
    errors = [
        onset_error_ms(samples, rate, line, before)
        for before, line in zip(reel["lines"], reel["lines"][1:], strict=False)
    ]
    heard = [error for error in errors if error is not None]
    assert len(heard) > 40
    assert max(abs(error) for error in heard) <= 40


def onset_error_ms(samples: Any, rate: int, line: dict[str, Any], before: dict[str, Any]) -> float | None:
    """Where sound begins after the pause before a line, against where the reel says; None without a pause."""
    if line["start_ms"] - before["end_ms"] < 150:
        return None
    first = round((before["end_ms"] + 60) * rate / 1000)
    last = round((line["start_ms"] + 500) * rate / 1000)
    loud = np.flatnonzero(np.abs(samples[first:last]) > 0.003)
    return (first + loud[0]) * 1000 / rate - line["start_ms"] if len(loud) else None


def test_every_format_is_the_reel_to_the_millisecond(client: VoiceReel, tmp_path: Path) -> None:
    lines = [{"speaker": "stock:espeak/en-us", "text": "One, two, three."}]
    output = {"formats": FORMATS, "channels": 2, "preview": True}
    job = client.synthesize(lines=lines, output=output).wait(timeout=120)
    names = {path.name for path in job.download(tmp_path)}
    assert names == {
        *(f"reel.{name}" for name in (*FORMATS, "vtt", "srt", "json", "html")),
        "certificate.json",
    }
    for name in FORMATS:
        samples, rate = samples_of(tmp_path / f"reel.{name}")
        assert rate == (48_000 if name == "ogg" else 44_100)
        assert abs(len(samples) * 1000 / rate - reel_of(tmp_path)["duration_ms"]) <= 1, name
    assert job.outputs is not None
    for audio in job.outputs.audio:
        assert audio.loudness_lufs == pytest.approx(-16, abs=0.2)
        assert (audio.true_peak_dbtp or 0) <= -1.0


def test_the_same_script_gives_the_same_bytes_whoever_renders_it(service: RunningService) -> None:
    """Two runs, many shards, two worker processes: one waveform."""
    assert len(service.children("workers.main")) >= 2
    lines = [
        {"speaker": voice, "text": f"Sentence number {n}, spoken again and again. " * 6, "seed": n}
        for n in range(12)
        for voice in ("stock:espeak/en-us+f2", "stock:espeak/ko+m3", "stock:espeak/de")
    ]
    with service.client() as client:
        jobs = [client.synthesize(lines=lines, output={"formats": ["wav"]}) for _ in range(2)]
        done = [job.wait(timeout=120) for job in jobs]
    hashes = {job.outputs.audio[0].sha256 for job in done if job.outputs}
    assert len(hashes) == 1


ODD_TEXTS = [
    "Emoji 😀 in the 👩‍👩‍👧 middle.",
    "שלום עולם, זה מבחן.",
    "Bell\x07 and\x00 escape\x1b[31m.",
    "<speak><break time='2s'/>Not <b>markup</b> &amp; not an entity.</speak>",
    "a --> b\n\nNOTE this is no cue",
    "[[h@l'oU]] is not a phoneme.",
    "Zalgo t̸e̷x̵t̶ and a wordthatdoesnotend" + "n" * 120,
]


def test_odd_texts_are_spoken_as_they_stand(client: VoiceReel, tmp_path: Path) -> None:
    lines = [{"id": f"t{n}", "speaker": "A", "text": text} for n, text in enumerate(ODD_TEXTS)]
    # an English voice would name its letters one by one, and a person be asked to listen
    lines[1]["language"] = "he"
    silent = [{"id": "dots", "speaker": "A", "text": "… — 😀"}]
    script = {
        "lines": [*lines, *silent],
        "cast": {"A": "stock:espeak/en-us+m3"},
        "output": {"formats": ["wav"]},
    }
    job = client.synthesize(script).wait(timeout=120)
    job.download(tmp_path)
    assert job.status == "succeeded"
    check_reel(reel_of(tmp_path), script)
    check_captions(tmp_path, reel_of(tmp_path))
    assert [(w.code, w.pointer) for w in job.warnings if w.code == "nothing_to_speak"] == [
        ("nothing_to_speak", f"/lines/{len(ODD_TEXTS)}/text")
    ]
    assert reel_of(tmp_path)["lines"][-1]["words"] == []


def test_a_line_that_fails_keeps_the_good_ones_and_asks_for_review(client: VoiceReel, tmp_path: Path) -> None:
    lines = [{"speaker": "A", "text": text} for text in ("Good.", "This will FAIL here.", "Good again.")]
    job = client.synthesize(lines=lines, cast={"A": "stock:fake/a"}, output={"formats": ["wav"]}).wait(
        timeout=60
    )
    job.download(tmp_path)
    reel = reel_of(tmp_path)
    assert (job.status, job.billable_ms) == ("needs_review", None)
    assert [line["error"] is None for line in reel["lines"]] == [True, False, True]
    assert reel["lines"][1]["words"] == []


def test_bad_fields_come_back_all_at_once(client: VoiceReel) -> None:
    lines = [{"speaker": "A", "text": " "}, {"speaker": "B", "text": "x", "speed": 9}]
    with pytest.raises(UnprocessableError) as refused:
        client.synthesize(lines=lines, cast={"A": "stock:espeak/klingon"})
    assert {error.pointer for error in refused.value.errors} >= {"/lines/0/text", "/lines/1/speed"}


def test_an_overlap_longer_than_the_line_before_it_fails_with_figures(client: VoiceReel) -> None:
    lines = [
        {"speaker": "stock:espeak/en-us", "text": "Hm."},
        {"speaker": "stock:espeak/en-us", "text": "No!", "overlap_ms": 5000},
    ]
    job = client.synthesize(lines=lines)
    with pytest.raises(Exception) as failed:
        job.wait(timeout=60)
    assert client.jobs.get(job.id).error is not None
    assert client.jobs.get(job.id).error.code == "overlap_too_long"  # type: ignore[union-attr]
    assert "/lines/1/overlap_ms" in str(client.jobs.get(job.id).error.detail)  # type: ignore[union-attr]
    assert failed.type.__name__ == "JobFailedError"


def test_stems_clips_and_cue_sheets_come_with_the_download(client: VoiceReel, tmp_path: Path) -> None:
    lines = [
        {"id": "Hall", "speaker": "ANA", "text": "One, two, three.", "pause_after_ms": 0},
        {"id": "hall", "speaker": "BEN", "text": "Four.", "overlap_ms": 300},
    ]
    output = {
        "formats": ["wav"],
        "bit_depth": 24,
        "stems": True,
        "clips": True,
        "cue_sheets": ["csv", "otio"],
    }
    cast = {"ANA": "stock:espeak/en-us+f2", "BEN": "stock:espeak/en-us+m3"}
    job = client.synthesize(lines=lines, cast=cast, output=output).wait(timeout=120)
    names = {path.relative_to(tmp_path).as_posix() for path in job.download(tmp_path)}
    assert names >= {"stems/ANA.wav", "stems/BEN.wav", "clips/Hall.wav", "clips/hall_2.wav", "clips.json"}
    assert names >= {"reel.csv", "reel.otio", "reel.wav"}
    assert names == {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    reel, ana, ben = (
        samples_of(tmp_path / name)[0] for name in ("reel.wav", "stems/ANA.wav", "stems/BEN.wav")
    )
    assert len(reel) == len(ana) == len(ben)
    assert np.abs(ana + ben - reel).max() <= 2**-22
    assert [clip.name for clip in client.jobs.clips(job.id)] == ["Hall.wav", "hall_2.wav"]
    assert job.billable_ms == reel_of(tmp_path)["duration_ms"]
