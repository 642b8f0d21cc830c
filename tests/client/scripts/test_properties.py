"""Whatever is in a file: a script or our error. Whatever is in a script: kept, or said to be lost."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.scripts.strategies import ANY_SCRIPT, HELD
from voicereel_client.scripts import FORMATS, ScriptError, dumps, loads, losses

EXAMPLES = Path(__file__).parents[3] / "examples" / "formats"
SAMPLES = {name: (EXAMPLES / f"lighthouse{FORMATS[name].suffixes[0]}").read_bytes() for name in FORMATS}
PIECES = (
    "ANA: ", "[BEN] ", "- ", "<v ANA>", "</v>", "<i>", "-->", "00:00:01,000 --> 00:00:02,000", "1",
    "WEBVTT", "NOTE voicereel", "---", "[pause 5", "ms]", "#", "@", "^", "(beat)", "/*", "*/", "[[", "]]",
    "*", "_", "\\", "Title:", "Cast:", "A = b", "id,role,text", "\t", ";", '"', "=1+1", "{", "}", "[", "]",
    ":", ",", "&a ", "*a", "!!python/object:os.system", "<<: ", "- - ", "lines", "text", "speaker", "cast",
    "\n", "\n\n", "\r", "\r\n", "\u2028", "\x85", "\x0b", "\u202b", "\ufeff", "\0", "\ud800", "no", "12:30",
    "1e999", "NaN", "\x1b[31m", "  ",
)  # fmt: skip

files = pytest.mark.parametrize("file_format", sorted(FORMATS))
calmly = settings(max_examples=25, deadline=None)


def read(content: bytes | str, file_format: str) -> None:
    try:
        source = loads(content, file_format=file_format, speaker=None)
    except ScriptError as error:
        problems = error.problems
        if not any(each.severity == "error" for each in problems):
            raise AssertionError("nothing is said to be wrong") from error
    else:
        problems = (*source.check(), *source.warnings)
    for problem in problems:
        assert problem.shown("f").startswith("f:")


@files
@calmly
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_anything_is_a_script_or_our_error(file_format: str, content: bytes | str):
    read(content, file_format)


@files
@calmly
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_pieces_of_formats_are_a_script_or_our_error(file_format: str, pieces: list[str]):
    read("".join(pieces), file_format)


@files
@calmly
@given(data=st.data())
def test_a_damaged_file_is_a_script_or_our_error(file_format: str, data: st.DataObject):
    sample = SAMPLES[file_format]
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 40)))
    read(sample[:start] + data.draw(st.binary(max_size=6)) + sample[end:], file_format)


@files
@calmly
@given(data=st.data())
def test_a_script_that_a_format_can_hold_comes_back_the_same(file_format: str, data: st.DataObject):
    script = data.draw(HELD[file_format])
    assert losses.lost(script, dumps(script, file_format), file_format) == ()


@files
@calmly
@given(script=ANY_SCRIPT)
def test_no_other_script_loses_anything_in_silence(file_format: str, script: dict):
    """``lost`` compares; here only that it can: writing and reading again end well, or in our error."""
    with suppress(ScriptError):
        for problem in losses.lost(script, dumps(script, file_format), file_format):
            assert problem.code == "not_held"
