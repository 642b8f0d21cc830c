import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicereel.domain.delivery import MAX_STEMS, check_output, safe_names
from voicereel.domain.script import Line, Output

WINDOWS_REFUSES = set('<>:"/\\|?*') | {chr(code) for code in range(32)}


@given(st.lists(st.text(min_size=0, max_size=64), max_size=12))
def test_names_are_legal_everywhere_and_no_file_system_takes_two_for_one(names):
    made = safe_names(names)
    assert len({unicodedata.normalize("NFKD", name).casefold() for name in made}) == len(names)
    for name in made:
        assert 0 < len(name.encode()) <= 120
        assert not WINDOWS_REFUSES & set(name)
        assert name[0] not in ".-"
        assert name[-1] not in ". "


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (["ANA", "l1.a-b_c", "지민", "Zoë"], ("ANA", "l1.a-b_c", "지민", "Zoë")),
        (["L1", "l1", "l1_2", "ß", "SS"], ("L1", "l1_2", "l1_2_2", "ß", "SS_2")),
        (["CON", "nul.x", "Com1", "com10"], ("_CON", "_nul.x", "_Com1", "com10")),
        (["..", ".hidden", "-rf", "a/../b", ""], ("_", "_.hidden", "_-rf", "a_.._b", "__2")),
        (["Zoe\u0308", "Zoë"], ("Zoë", "Zoë_2")),
    ],
)
def test_names_stay_as_near_as_they_can(given_names, expected):
    assert safe_names(given_names) == expected


def found(lines: int = 0, **output: object) -> list[tuple[str, str]]:
    spoken = [Line(id=f"l{n}", speaker=f"R{n}", text="Hi.") for n in range(lines)]
    return [(error.pointer, error.code) for error in check_output(Output(**output), spoken)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "pointer", "code"),
    [
        ({"formats": ("flac",), "bit_depth": 32}, "bit_depth", "bit_depth_not_supported"),
        ({"formats": ("mp3",), "bit_depth": 24}, "bit_depth", "without_effect"),
        ({"formats": ("flac",), "bwf": True}, "bwf", "without_effect"),
        ({"fps": "25"}, "fps", "without_effect"),
        ({"start_timecode": "01:00:00:00", "fps": "25"}, "start_timecode", "without_effect"),
        ({"start_timecode": "01:00:00:00", "cue_sheets": ("csv",)}, "fps", "missing"),
        *(
            (
                {"start_timecode": timecode, "fps": fps, "cue_sheets": ("csv",)},
                "start_timecode",
                "bad_timecode",
            )
            for timecode, fps in (
                ("01:00:00:25", "25"),
                ("01:00:00:24", "23.976"),
                ("01:00:00;00", "29.97"),
                ("01:01:00;00", "29.97df"),
                ("01:01:00:01", "29.97df"),
                ("01:01:00;03", "59.94df"),
            )
        ),
    ],
)
def test_what_cannot_be_together_is_named(output, pointer, code):
    assert found(**output) == [(f"/output/{pointer}", code)]


@pytest.mark.parametrize(
    "output",
    [
        {"formats": ("mp3",), "clips": True, "bit_depth": 32, "bwf": True},
        {"formats": ("wav", "flac"), "bit_depth": 24, "bwf": True},
        {"start_timecode": "01:10:00;00", "fps": "29.97df", "cue_sheets": ("csv",)},
        {"start_timecode": "01:01:00:02", "fps": "29.97df", "cue_sheets": ("csv",)},
        {"start_timecode": "23:59:59:59", "fps": "59.94", "formats": ("wav",), "bwf": True},
    ],
)
def test_what_goes_together_is_taken(output):
    assert found(**output) == []


def test_stems_are_counted_by_role():
    assert found(lines=MAX_STEMS, stems=True) == []
    assert found(lines=MAX_STEMS + 1) == []
    assert found(lines=MAX_STEMS + 1, stems=True) == [("/output/stems", "too_many_stems")]


def test_stems_and_clips_have_the_rate_of_the_files_that_are_not_opus():
    assert Output(formats=("ogg",)).parts_rate == 48_000
    assert Output(formats=("ogg", "mp3")).parts_rate == 44_100
    assert Output(formats=("ogg",), sample_rate=16_000).parts_rate == 16_000
