"""The page as a file: what is in it, and that nothing a customer wrote can become a part of it."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reels import reel_of
from tests.rendering import Studio, studio
from tests.workers.preview.pages import HOSTILE, SCRIPT
from workers.audio.media import DecodeLimits, decode
from workers.preview.peaks import PeakMeter, bucket_ms_for


@pytest.fixture(scope="module")
def any_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("home"), engines="fake", default_engine="fake") as found:
        yield found


@pytest.fixture(scope="module")
def rendered(any_studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("rendered")
    return folder, any_studio.render(SCRIPT, folder)


def data_of(page: str) -> dict[str, Any]:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    data: dict[str, Any] = json.loads(block)
    return data


def test_the_page_holds_the_reel_and_its_sound(rendered: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, job = rendered
    page = (folder / "reel.html").read_text(encoding="utf-8")
    reel = reel_of(folder)
    assert data_of(page)["reel"] == reel
    assert job["outputs"]["preview"]["bytes"] == (folder / "reel.html").stat().st_size
    (sound,) = re.findall(r'<script type="text/plain" id="audio">(.*?)</script>', page, re.DOTALL)
    (tmp_path / "sound.m4a").write_bytes(base64.b64decode(sound, validate=True))
    samples = np.concatenate(list(decode(tmp_path / "sound.m4a", rate=24_000, limits=DecodeLimits())))
    assert abs(len(samples) / 24 - reel["duration_ms"]) <= 1


def test_customers_text_is_nowhere_but_in_the_data(rendered: tuple[Path, dict[str, Any]]) -> None:
    page = (rendered[0] / "reel.html").read_text(encoding="utf-8")
    assert data_of(page)["reel"]["title"] == HOSTILE
    assert HOSTILE not in page
    assert "onerror" not in re.sub(r'id="data">.*?</script>', "", page, flags=re.DOTALL)


def test_the_policy_lets_only_the_pages_own_style_and_script_run(
    rendered: tuple[Path, dict[str, Any]],
) -> None:
    page = (rendered[0] / "reel.html").read_text(encoding="utf-8")
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[0]
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_a_reel_that_is_too_long_has_a_page_without_sound(tmp_path: Path) -> None:
    with studio(tmp_path / "home", engines="fake", default_engine="fake", max_preview_minutes=0) as strict:
        strict.render(SCRIPT, tmp_path)
    page = (tmp_path / "reel.html").read_text(encoding="utf-8")
    assert (data_of(page)["audio"], data_of(page)["files"]) == (None, ["reel.mp3"])
    assert 'id="audio"></script>' in page


def test_nobody_who_did_not_ask_gets_a_page(any_studio: Studio, tmp_path: Path) -> None:
    job = any_studio.render({**SCRIPT, "output": {"formats": ["wav"]}}, tmp_path)
    assert job["outputs"]["preview"] is None
    assert not (tmp_path / "reel.html").exists()


def test_the_same_script_has_the_same_page(
    rendered: tuple[Path, dict[str, Any]], any_studio: Studio, tmp_path: Path
) -> None:
    again = any_studio.render(SCRIPT, tmp_path)
    assert again["id"] != rendered[1]["id"]
    assert again["outputs"]["preview"]["sha256"] == rendered[1]["outputs"]["preview"]["sha256"]


@pytest.mark.parametrize("rate", [11_025, 24_000, 44_100])
def test_peaks_are_where_the_sound_is_whatever_the_blocks(rate: int) -> None:
    """A click a second for a minute, at rates that 10 ms do not divide evenly."""
    sound = np.zeros(60 * rate, np.float32)
    for second in range(60):
        sound[second * rate] = 1.0 if second % 2 else -0.5
    meter = PeakMeter(rate, duration_ms=60_000, bucket_ms=10)
    for block in np.split(sound, [7, 8, 4_000, 100_000, 333_333]):
        meter.add(block)
    pairs = np.frombuffer(meter.data(), np.int8).reshape(-1, 2)
    assert len(pairs) == 6_000
    heard = np.flatnonzero(pairs.any(axis=1))
    assert heard.tolist() == list(range(0, 6_000, 100))
    assert pairs[0].tolist() == [-64, 0]
    assert pairs[100].tolist() == [0, 127]


def test_a_long_reel_has_no_more_peaks_than_a_short_one() -> None:
    assert bucket_ms_for(10_000, most=4_000) == 10
    assert 4 * 3_600_000 / bucket_ms_for(4 * 3_600_000, most=4_000) <= 4_000
