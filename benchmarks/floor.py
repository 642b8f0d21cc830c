"""The least that rendering a script can cost here: espeak in process, one MP3 encoder, one core.

`python benchmarks/floor.py SECONDS` prints JSON: wall seconds of synthesis and of encoding.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scripts import script_of

from workers.audio.clip import Clip, Samples
from workers.audio.encode import encode
from workers.audio.mix import resample
from workers.engines.base import TakeRequest
from workers.engines.tts.espeak import Espeak

RATE = 44_100


def main() -> None:
    script = script_of(float(sys.argv[1]))
    engine = Espeak()
    engine.load()
    list(engine.synthesize([TakeRequest(text="Warm.", language="en", voice="en-us")]))
    started = time.perf_counter()
    clips = [take.clip for take in engine.synthesize([*requests(script)])]
    spoken = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "floor.mp3"
        encode(path, "mp3", rate=RATE, channels=1, blocks=at_output_rate(clips))
    encoded = time.perf_counter()
    seconds = sum(clip.duration_ms for clip in clips) / 1000
    print(json.dumps({"audio_s": seconds, "synthesis_s": spoken - started, "encode_s": encoded - spoken}))


def requests(script: dict[str, Any]) -> Iterator[TakeRequest]:
    for line in script["lines"]:
        voice = script["cast"][line["speaker"]].removeprefix("stock:espeak/")
        yield TakeRequest(text=line["text"], language="en", voice=voice)


def at_output_rate(clips: list[Clip]) -> Iterator[Samples]:
    """Every clip and the pause after it: the floor encodes as much sound as the service does."""
    pause = np.zeros(RATE // 4, np.float32)
    for clip in clips:
        yield resample(clip, RATE).samples
        yield pause


if __name__ == "__main__":
    main()
