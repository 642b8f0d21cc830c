"""Stems, clips and cue sheets of rendered reels, read by others than who wrote them."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile

from tests.rendering import Studio, studio
from tests.workers.audio.signals import tone
from voicereel.services.sources import SourceUpload

SCRIPT: dict[str, Any] = {
    "title": "Pilot",
    "cast": {
        "ANA": "stock:espeak/en-us+f2",
        "지민/x": "stock:espeak/ko",
        "ana": {"speaker": "stock:fake/a", "gain_db": -3},
        "MUTE": "stock:fake/b",
    },
    "lines": [
        {"id": "L1", "speaker": "ANA", "text": "Did you hear that? I think so.", "pause_after_ms": 0},
        {"id": "l1", "speaker": "지민/x", "text": "안녕하세요.", "overlap_ms": 300, "gain_db": -2},
        {"id": "con", "speaker": "ANA", "text": "=1+1 is two.", "overlap_ms": 500},
        {"id": "dots", "speaker": "MUTE", "text": "…"},
        {"id": "l5", "speaker": "ana", "text": "Hello there.", "slot": {"start_ms": 100, "end_ms": 5000}},
        {
            "id": "l6",
            "speaker": "ANA",
            "text": "And I, over myself.",
            "slot": {"start_ms": 900, "end_ms": 5000},
        },
    ],
}
WANTED = {
    "formats": ["wav"],
    "bit_depth": 32,
    "stems": True,
    "clips": True,
    "cue_sheets": ["csv", "otio"],
    "bwf": True,
    "fps": "29.97df",
    "start_timecode": "01:00:00;00",
}
# What float arithmetic leaves of a limiter's curve and a few sums: two steps of 24 bits
LSB = 2**-22


@pytest.fixture(scope="module")
def any_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("home"), take_cache_gib=0) as found:
        yield found


@pytest.fixture(scope="module")
def rendered(any_studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The job of the script above, and a folder with its files, the clips unpacked."""
    folder = tmp_path_factory.mktemp("rendered")
    job = any_studio.render({**SCRIPT, "output": WANTED}, folder)
    with zipfile.ZipFile(folder / "clips.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder / "unpacked")
    return job, folder


def sound(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float64")
    assert rate == 44_100
    return samples


def test_the_stems_add_up_to_the_reel(rendered):
    job, folder = rendered
    reel = sound(folder / "reel.wav")
    stems = [sound(folder / "stems" / stem["name"]) for stem in job["outputs"]["stems"]]
    assert [(stem["role"], stem["name"]) for stem in job["outputs"]["stems"]] == [
        ("ANA", "ANA.wav"), ("지민/x", "지민_x.wav"), ("MUTE", "MUTE.wav"), ("ana", "ana_2.wav")
    ]  # fmt: skip
    # a limiter is at work, or this would be no test of what it does to stems
    assert job["outputs"]["audio"][0]["limiting_db"] > 1
    assert {len(stem) for stem in stems} == {len(reel)}
    assert [bool(stem.any()) for stem in stems] == [True, True, False, True]
    assert np.abs(sum(stems) - reel).max() <= LSB


def test_the_clips_at_their_places_add_up_to_the_reel(rendered):
    _, folder = rendered
    reel = sound(folder / "reel.wav")
    total = np.zeros_like(reel)
    for clip in json.loads((folder / "clips.json").read_text())["clips"]:
        if clip["file"]:
            heard = sound(folder / "unpacked" / clip["file"])
            assert len(heard) == clip["samples"]
            total[clip["start_sample"] : clip["start_sample"] + len(heard)] += heard
    assert np.abs(total - reel).max() <= LSB


def test_the_manifest_names_every_line_and_each_file_as_it_is(rendered):
    _, folder = rendered
    reel = json.loads((folder / "reel.json").read_text())
    manifest = json.loads((folder / "clips.json").read_text())
    assert manifest == json.loads((folder / "unpacked" / "clips.json").read_text())
    keys = [(clip["line_id"], clip["role"], clip["in_ms"], clip["out_ms"]) for clip in manifest["clips"]]
    assert keys == [(line["id"], line["role"], line["start_ms"], line["end_ms"]) for line in reel["lines"]]
    assert [clip["file"] for clip in manifest["clips"]] == [
        "clips/L1.wav", "clips/l1_2.wav", "clips/_con.wav", None, "clips/l5.wav", "clips/l6.wav"
    ]  # fmt: skip
    archive = (folder / "clips.zip").read_bytes()
    for clip in filter(lambda clip: clip["file"], manifest["clips"]):
        data = (folder / "unpacked" / clip["file"]).read_bytes()
        assert (clip["sha256"], clip["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert archive[clip["offset"] : clip["offset"] + len(data)] == data


def test_the_csv_says_what_the_reel_says_and_no_spreadsheet_runs_it(rendered):
    _, folder = rendered
    lines = json.loads((folder / "reel.json").read_text())["lines"]
    with (folder / "reel.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line_id"], row["role"], int(row["in_ms"]), int(row["out_ms"])) for row in rows] == [
        (line["id"], line["role"], line["start_ms"], line["end_ms"]) for line in lines
    ]
    assert [row["text"] for row in rows][2] == "'=1+1 is two."
    assert rows[0]["in_timecode"] == "01:00:00;00"
    assert (rows[3]["file"], rows[4]["file"]) == ("", "clips/l5.wav")


def test_the_timeline_opened_by_its_library_has_the_times_of_the_reel(rendered):
    _, folder = rendered
    timeline = otio.adapters.read_from_file(str(folder / "reel.otio"))
    heard = {}
    for clip in timeline.find_clips():
        place = clip.trimmed_range_in_parent()
        heard[clip.name] = (place.start_time.value, place.end_time_exclusive().value)
        media = clip.media_reference
        # what is asked of a file lies in it
        assert clip.source_range.start_time >= media.available_range.start_time
        assert clip.source_range.end_time_exclusive() <= media.available_range.end_time_exclusive()
        info = soundfile.info(folder / "unpacked" / media.target_url)
        assert info.frames == media.available_range.duration.value
    lines = json.loads((folder / "reel.json").read_text())["lines"]
    assert heard == {
        line["id"]: (line["start_ms"], line["end_ms"]) for line in lines if line["end_ms"] > line["start_ms"]
    }
    assert [marker.name for track in timeline.tracks for marker in track.markers] == ["dots"]
    # a role that sounds over itself has a second track
    assert [track.name for track in timeline.tracks] == ["ANA", "ANA 2", "지민/x", "MUTE", "ana"]
    assert timeline.global_start_time.to_timecode() == "01:00:00;00"


def test_clips_tell_an_editor_where_they_belong(rendered):
    _, folder = rendered
    clips = json.loads((folder / "clips.json").read_text())["clips"]
    hour = 107_892 * 1001 * 44_100 // 30_000
    for name, first in (
        ("reel.wav", 0),
        ("stems/ANA.wav", 0),
        ("unpacked/clips/l5.wav", clips[4]["start_sample"]),
    ):
        data = (folder / name).read_bytes()
        at = data.index(b"bext") + 8 + 338
        assert int.from_bytes(data[at : at + 8], "little") == hour + first


def test_a_reel_is_the_same_and_costs_the_same_without_its_parts(any_studio: Studio, tmp_path: Path):
    plain = any_studio.render({**SCRIPT, "output": {"formats": ["wav"]}}, tmp_path / "plain")
    whole = any_studio.render(
        {**SCRIPT, "output": {"formats": ["wav"], "stems": True, "clips": True, "cue_sheets": ["csv"]}},
        tmp_path / "whole",
    )
    assert plain["billable_ms"] == whole["billable_ms"] > 0
    assert (tmp_path / "plain/reel.wav").read_bytes() == (tmp_path / "whole/reel.wav").read_bytes()
    assert (plain["outputs"]["stems"], plain["outputs"]["clips"], plain["outputs"]["cue_sheets"]) == (
        [],
        [],
        {},
    )


def test_cue_sheets_without_clips_refer_to_the_reel(any_studio: Studio, tmp_path: Path):
    job = any_studio.render(
        {**SCRIPT, "output": {"formats": ["mp3", "flac"], "cue_sheets": ["otio"]}}, tmp_path
    )
    timeline = otio.adapters.read_from_file(str(tmp_path / "reel.otio"))
    clips = list(timeline.find_clips())
    assert {clip.media_reference.target_url for clip in clips} == {"reel.flac"}
    for clip in clips:
        assert clip.source_range == clip.trimmed_range_in_parent()
    assert (job["outputs"]["clips"], list(job["outputs"]["cue_sheets"])) == ([], ["otio"])


def test_parts_of_an_opus_reel_of_two_channels(any_studio: Studio, tmp_path: Path):
    output = {"formats": ["ogg"], "channels": 2, "stems": True, "clips": True, "sample_rate": 12_000}
    any_studio.render({**SCRIPT, "output": output}, tmp_path)
    info = soundfile.info(tmp_path / "stems/ANA.wav")
    assert (info.samplerate, info.channels, info.subtype) == (12_000, 2, "PCM_16")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive, archive.open("clips/L1.wav") as clip:
        assert soundfile.info(clip).channels == 1


def test_more_stems_than_a_deployment_makes_fail_the_job(tmp_path: Path):
    lines = [
        {"speaker": f"R{n}", "text": "Hi.", "slot": {"start_ms": 59_000, "end_ms": 60_000}} for n in range(3)
    ]
    cast = {f"R{n}": "stock:fake/a" for n in range(3)}
    script = {"lines": lines, "cast": cast, "output": {"stems": True}}
    with studio(tmp_path / "home", engines="fake", max_stems_minutes=1) as small:
        job = small.render(script, tmp_path / "out")
        assert (job["status"], job["error"]["code"]) == ("failed", "stems_too_long")
        script["output"] = {"stems": False}
        assert small.render(script, tmp_path / "out")["status"] == "succeeded"


def test_the_bed_has_a_stem_of_its_own_beside_a_role_of_that_name(any_studio: Studio, tmp_path: Path):
    with io.BytesIO() as file:
        soundfile.write(file, tone(6.0, rate=16_000, hz=5_000), 16_000, format="FLAC")
        file.seek(0)
        upload = SourceUpload(name="bed", kind="flac", stream=file)
        source = any_studio.services.sources.add(any_studio.principal, upload, once=None).body["id"]
    script = {
        "cast": {"bed": "stock:fake/a"},
        "lines": [{"speaker": "bed", "text": "A voice over music."}],
        "bed": {"source": source, "gain_db": -6, "fade_out_ms": 0},
        "output": {**WANTED, "cue_sheets": [], "clips": False, "fps": "25", "start_timecode": "01:00:00:00"},
    }
    job = any_studio.render(script, tmp_path)
    assert [(stem["role"], stem["name"]) for stem in job["outputs"]["stems"]] == [
        ("bed", "bed.wav"), (None, "bed_2.wav")
    ]  # fmt: skip
    voice, bed, reel = (sound(tmp_path / name) for name in ("stems/bed.wav", "stems/bed_2.wav", "reel.wav"))
    assert np.abs(voice + bed - reel).max() <= LSB
    # after the line there is nothing but the bed
    pause = slice(-44_100 // 5, None)
    assert (voice[pause].any(), np.abs(bed[pause]).max() > 0.01) == (False, True)
