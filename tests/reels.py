"""What is published about every reel, checked by readers other than our own code."""

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile
import srt
import webvtt

_MS = timedelta(milliseconds=1)


def reel_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "reel.json").read_text(encoding="utf-8"))
    return document


def samples_of(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Mono float32 samples of shape (n,) and their rate: WAV and FLAC by libsndfile, others by FFmpeg."""
    if path.suffix in (".wav", ".flac"):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return samples[:, 0], rate
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        parts = [frame.to_ndarray() for frame in container.decode(stream)]
        rate = stream.codec_context.sample_rate
    return np.concatenate([part[0] for part in parts], dtype=np.float32), rate


def normal(text: str) -> str:
    """White space collapsed, control characters removed: how texts are compared."""
    kept = "".join(c for c in text if c.isspace() or c.isprintable() or ord(c) > 0x9F)
    return re.sub(r"\s+", " ", kept).strip()


def unspaced(text: str) -> str:
    return re.sub(r"\s+", "", normal(text))


def check_reel(reel: dict[str, Any], script: dict[str, Any]) -> None:
    """The invariants of the published reel, for any script."""
    ids = [line.get("id", f"l{number}") for number, line in enumerate(script["lines"], 1)]
    assert [line["id"] for line in reel["lines"]] == ids
    for line, asked in zip(reel["lines"], script["lines"], strict=True):
        assert normal(line["text"]) == normal(asked["text"])
        check_words(line)
    assert max((line["end_ms"] for line in reel["lines"]), default=0) <= reel["duration_ms"]
    check_cues(reel)


def check_words(line: dict[str, Any]) -> None:
    at = line["start_ms"]
    for word in line["words"]:
        assert at <= word["start_ms"] < word["end_ms"] <= line["end_ms"], (line["id"], word)
        at = word["end_ms"]
    if line["words"]:
        assert unspaced("".join(word["text"] for word in line["words"])) == unspaced(line["text"])


def check_cues(reel: dict[str, Any]) -> None:
    cues = reel["cues"]
    assert [cue["start_ms"] for cue in cues] == sorted(cue["start_ms"] for cue in cues)
    for line in reel["lines"]:
        mine = [cue for cue in cues if cue["line_id"] == line["id"]]
        assert bool(mine) == bool(line["words"])
        if mine:
            assert unspaced("".join("".join(cue["lines"]) for cue in mine)) == unspaced(line["text"])
    for cue in cues:
        assert 0 <= cue["start_ms"] < cue["end_ms"] <= reel["duration_ms"]
        assert cue["end_ms"] - cue["start_ms"] <= 7000


def check_captions(folder: Path, reel: dict[str, Any]) -> None:
    """VTT and SRT, read by their libraries, say what the reel says."""
    captions = webvtt.read(str(folder / "reel.vtt"))
    assert [(c.start_in_seconds, c.end_in_seconds) for c in captions] == [
        (cue["start_ms"] // 1000, cue["end_ms"] // 1000) for cue in reel["cues"]
    ]
    assert [c.voice for c in captions] == [html.escape(cue["speaker"]["name"]) for cue in reel["cues"]]
    subtitles = list(srt.parse((folder / "reel.srt").read_text(encoding="utf-8")))
    assert [(s.start // _MS, s.end // _MS, unspaced(s.content)) for s in subtitles] == [
        (cue["start_ms"], cue["end_ms"], unspaced("".join(cue["lines"]))) for cue in reel["cues"]
    ]
