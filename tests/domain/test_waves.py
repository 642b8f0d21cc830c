"""WAV files that are made of a header and of samples that are there already."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicereel.domain.waves import Layout, SampleFormat, first_byte_of

RATE = 22_050


def takes(path: Path, sample_format: str) -> np.ndarray:
    """A file of takes as the stage writes it, and what is in it."""
    samples = (np.sin(np.arange(5_001) / 7) * 0.4).astype(np.float32)
    soundfile.write(path, samples, RATE, subtype=sample_format, format="RF64")
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize("sample_format", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize(("first", "samples"), [(0, 5_001), (1_234, 17), (5_000, 1)])
def test_a_run_of_samples_behind_its_header_is_a_wav_file(
    tmp_path: Path, sample_format: SampleFormat, first: int, samples: int
) -> None:
    path = tmp_path / "takes.wav"
    whole = takes(path, sample_format)
    with path.open("rb") as file:
        layout = Layout(sample_rate=RATE, sample_format=sample_format, first_byte=first_byte_of(file))
    offset, length = layout.place(first, samples)
    made = layout.header(samples) + path.read_bytes()[offset : offset + length]
    with soundfile.SoundFile(io.BytesIO(made)) as read:
        assert (read.format, read.subtype, read.samplerate) == ("WAV", sample_format, RATE)
        assert (read.channels, read.frames) == (1, samples)
        assert np.array_equal(read.read(dtype="float32"), whole[first : first + samples])
    assert int.from_bytes(made[4:8], "little") == len(made) - 8


def test_the_plainest_reader_reads_it_too() -> None:
    layout = Layout(sample_rate=RATE, sample_format="PCM_16", first_byte=80)
    with wave.open(io.BytesIO(layout.header(2) + b"\1\0\2\0")) as read:
        assert (read.getnframes(), read.getframerate(), read.readframes(2)) == (2, RATE, b"\1\0\2\0")


def test_a_layout_is_kept_as_facts_and_old_files_have_none() -> None:
    layout = Layout(sample_rate=RATE, sample_format="FLOAT", first_byte=104)
    assert Layout.of(layout.facts) == layout
    assert Layout.of({}) is None


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff"])
def test_a_file_without_samples_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no samples"):
        first_byte_of(io.BytesIO(content))
