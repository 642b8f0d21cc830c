"""What each format's reader makes of what people write."""

from __future__ import annotations

import io
from datetime import time
from typing import Any

import openpyxl
import pytest

from tests.client.scripts.test_properties import EXAMPLES, SAMPLES
from voicereel_client.scripts import FORMATS, ScriptError, ScriptSource, load, loads

AT_1 = "00:00:01,000 --> 00:00:03,000"


def lines(text: str | bytes, file_format: str, **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = loads(text, file_format=file_format, **given).script["lines"]
    return found


def said(text: str | bytes, file_format: str, **given: Any) -> list[tuple[str, str]]:
    return [(line["speaker"], line["text"]) for line in lines(text, file_format, **given)]


def warned(source: ScriptSource) -> list[tuple[str, int | None]]:
    return [(each.code, each.place.line) for each in source.warnings]


def refused(text: str | bytes, file_format: str) -> list[tuple[str, int | None]]:
    with pytest.raises(ScriptError) as error:
        loads(text, file_format=file_format)
    return [(each.code, each.place.line) for each in error.value.problems if each.severity == "error"]


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


# --- all formats -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_examples_are_one_scene(name: str):
    path = EXAMPLES / f"lighthouse{FORMATS[name].suffixes[0]}"
    source = load(path, cast={"ANA": "spk_a", "BEN": "spk_b"})
    assert [(each["speaker"], each["text"]) for each in source.script["lines"]] == said(
        SAMPLES["json"], "json"
    )
    assert source.check() == ()
    assert source.file_format == name


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_newlines(encoding: str, newline: str):
    text = newline.join(["# an é", "ZOË: Ça va?", "ANA: Oui."])
    source = loads(text.encode(encoding), file_format="plain")
    assert source.script["lines"][0] == {"speaker": "ZOË", "text": "Ça va?"}
    assert source.place("/lines/1").line == 3
    guessed = encoding in ("cp1252", "utf-16-le")
    assert [each.code for each in source.warnings] == ["encoding_guessed"] * guessed


def test_a_cast_from_outside_comes_first_and_case_does_not_count():
    source = loads(SAMPLES["plain"], file_format="plain", cast={"ana": "spk_1", "EVE": "spk_2"})
    assert source.script["cast"]["ANA"] == "spk_1"
    assert [(each.code) for each in source.warnings] == ["unused_role"]


def test_a_role_without_a_voice_is_one_error_with_what_to_do():
    (problem,) = loads("\nANA: One.\nANA: Two.\n", file_format="plain").check()
    assert (problem.code, problem.place.line, problem.count) == ("unknown_speaker", 2, 2)
    assert "--cast 'ANA=spk_…'" in problem.detail


def test_who_says_lines_that_name_nobody():
    assert said("Hello.", "plain", speaker="ANA") == [("ANA", "Hello.")]
    assert said(f"1\n{AT_1}\nHello.", "srt", speaker="ANA") == [("ANA", "Hello.")]
    assert said("speaker,text\n,Hello.", "csv", speaker="ANA") == [("ANA", "Hello.")]


# --- JSON and YAML ---------------------------------------------------------------------------


def test_json_has_the_place_of_every_value():
    source = loads('{\n "lines": [\n  {"speaker": "A", "te/xt": 1}]}', file_format="json")
    place = source.place("/lines/0/te~1xt")
    assert (place.line, place.column) == (3, 29)
    assert source.place("/lines/0/slot/end_ms") == source.place("/lines/0")


@pytest.mark.parametrize("file_format", ["json", "yaml"])
def test_a_key_that_is_there_twice(file_format: str):
    assert refused('{"title": "a",\n "title": "b", "lines": []}', file_format) == [("duplicate_key", 2)]


def test_words_that_yaml_1_1_takes_for_something_else_are_text():
    source = loads(
        "language: no\ntitle: 12:30\nseed: 7\nlines:\n- {speaker: NO, text: on}", file_format="yaml"
    )
    assert (source.script["language"], source.script["title"], source.script["seed"]) == ("no", "12:30", 7)
    assert source.script["lines"] == [{"speaker": "NO", "text": "on"}]
    assert [each.place.line for each in source.warnings] == [1, 2, 5, 5]
    assert "'12:30' is read as text" in source.warnings[1].detail


def test_a_number_for_a_text_is_explained():
    source = loads("lines:\n- {speaker: spk_1, text: 42}", file_format="yaml")
    (problem,) = source.check()
    assert (problem.code, problem.place.line, problem.place.column) == ("wrong_type", 2, 26)
    assert "more than text" in problem.detail


def test_aliases_are_written_out_and_tags_are_not_read():
    text = "lines:\n- &a {speaker: spk_1, text: Hi}\n- *a"
    assert said(text, "yaml") == [("spk_1", "Hi")] * 2
    assert refused("lines: !!python/object/apply:os.system [ls]", "yaml") == [("bad_syntax", 1)]
    assert refused("a: *b", "yaml") == [("bad_syntax", 1)]
    assert refused("a: 1\n---\nb: 2", "yaml") == [("bad_syntax", 2)]
    assert refused("a:\n\tb: 1", "yaml") == [("bad_syntax", 2)]


# --- SRT and WebVTT --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ANA: Hello\nthere.", [("ANA", "Hello there.")]),
        ("[ANA] Hello.", [("ANA", "Hello.")]),
        ("[ANA]\nHello.", [("ANA", "Hello.")]),
        (">> ANA: Hello.", [("ANA", "Hello.")]),
        ("- ANA: Hello.\n- BEN: Hi.", [("ANA", "Hello."), ("BEN", "Hi.")]),
        ("ANA: Hello.\nBEN: Hi.", [("ANA", "Hello."), ("BEN", "Hi.")]),
        ("ANA: One thing\nis certain: death.", [("ANA", "One thing is certain: death.")]),
        ("<i>ANA: Hello.</i>", [("ANA", "Hello.")]),
        ("\u202bאנה: שלום\u202c", [("אנה", "שלום")]),
        ("安娜：你好", [("安娜", "你好")]),
    ],
)
def test_the_ways_subtitles_name_speakers(text: str, expected: list[tuple[str, str]]):
    assert said(f"1\n{AT_1}\n{text}\n", "srt") == expected


def test_cues_become_lines_with_ids_and_slots():
    text = f"12\n{AT_1}\n- ANA: Hello.\n- BEN: Hello.\n\n12\n00:00:04.000 --> 00:00:05.5\nANA: Hi."
    source = loads(text, file_format="srt")
    first, second, third = source.script["lines"]
    assert first == {
        "id": "c12.1",
        "speaker": "ANA",
        "text": "Hello.",
        "slot": {"start_ms": 1000, "end_ms": 2000},
    }
    assert second["slot"] == {"start_ms": 2000, "end_ms": 3000}
    assert (third["id"], third["slot"]["start_ms"]) == ("c12-2", 4000)
    assert warned(source) == [("cue_shared", 2), ("id_changed", 7)]
    assert (source.place("/lines/1/text").line, source.place("/lines/1/slot/end_ms").line) == (4, 2)


def test_what_is_wrong_with_subtitles_is_told_by_line():
    text = f"Hello\n1\n00:00:01 -> x --> 2\nANA: a\n\n2\n{AT_1}\nnobody\n\n3\n{AT_1}\n- Hi\n- Ho"
    assert refused(text, "srt") == [
        ("bad_syntax", 1), ("bad_time", 3), ("no_speaker", 8), ("no_speaker", 12), ("no_speaker", 13),
    ]  # fmt: skip
    source = loads("1\n00:00:03,000 --> 00:00:01,000\nANA: Hi", file_format="srt", cast={"ANA": "spk_1"})
    assert [(each.code, each.place.line) for each in source.check()] == [("slot_order", 2)]


def test_sounds_and_formatting_in_subtitles():
    source = loads(f"1\n{AT_1}\n{{\\an8}}ANA: Hi\n\n2\n{AT_1}\n[door slams]\n", file_format="srt")
    assert said(f"1\n{AT_1}\n{{\\an8}}ANA: Hi", "srt") == [("ANA", "Hi")]
    assert warned(source) == [("tags_removed", 3), ("not_spoken", 6)]


def test_webvtt_voices_identifiers_and_what_is_not_spoken():
    text = (
        "WEBVTT - title\nKind: captions\n\nSTYLE\n::cue {color: red}\n\nNOTE a\nnote\n\n"
        "intro 1\n00:01.000 --> 00:03.000 align:start\n<v.loud Ana Ruiz>Tom &amp; <c.x>J</c></v>\nOK: go\n\n"
        "00:04.000 --> 00:05.000\n<v A>Yes.<v B>No.\n"
    )
    source = loads(text, file_format="vtt")
    first = source.script["lines"][0]
    assert (first["id"], first["speaker"], first["text"]) == ("intro-1", "Ana Ruiz", "Tom & J OK: go")
    assert said(text, "vtt")[1:] == [("A", "Yes."), ("B", "No.")]
    assert "id" not in source.script["lines"][1]
    assert warned(source) == [("tags_removed", 12), ("id_changed", 11), ("cue_shared", 15)]
    assert refused("1\n00:01.000 --> 00:03.000\nx", "vtt") == [("bad_syntax", 1)]
    assert refused("WEBVTT\n\n00:01 --> 00:03\nA: x", "vtt") == [("bad_time", 3)]


# --- Fountain --------------------------------------------------------------------------------

SCENE = """Title: _**The Pier**_
    Act One
Draft date: today

FADE IN:

INT. PIER - DAY
Waves.

ANA (V.O.) (CONT'D)
(softly)
It is *late*.
(beat)
Very \\*late\\*. [[not
spoken]] Go.

BEN ^
No!

@McCoy
(to
Ana)
He's
{blank}
dead.

/* ANA
Cut. */
CUT TO:

> THE END <
""".replace("{blank}", "  ")


def test_a_screenplay():
    source = loads(SCENE, file_format="fountain")
    assert source.script["title"] == "The Pier Act One"
    assert source.script["lines"] == [
        {"speaker": "ANA", "text": "It is late.", "style": "softly", "pause_after_ms": 500},
        {"speaker": "ANA", "text": "Very *late*. Go.", "style": "softly", "pause_after_ms": 0},
        {"speaker": "BEN", "text": "No!", "overlap_ms": 320},
        {"speaker": "McCoy", "text": "He's dead.", "style": "to Ana"},
    ]
    assert source.place("/lines/1").line == 14
    assert {code for code, _ in warned(source)} == {
        "not_spoken", "direction_ignored", "tags_removed", "dual_dialogue",
    }  # fmt: skip


@pytest.mark.parametrize(
    "row", ["CUT TO:", "INT. HOUSE", ".FLASHBACK", "123", "Ana", "!ANA", "# ANA", "> ANA"]
)
def test_rows_that_are_no_character(row: str):
    assert refused(f"\n{row}\nHello.\n", "fountain") == [("no_lines", None)]


# --- plain text ------------------------------------------------------------------------------


def test_plain_text():
    text = (
        "# a comment\nANA: It is 12:30,\n  NOTE: really. [pause 0.5s]\nSee http://x.y\n\n[pause 2s]\n"
        "OLD MAN:\nWhat? [laughs]\nANA: Say \\[pause 1s] now\n"
    )
    assert lines(text, "plain") == [
        {"speaker": "ANA", "text": "It is 12:30, NOTE: really. See http://x.y", "pause_after_ms": 2000},
        {"speaker": "OLD MAN", "text": "What? [laughs]"},
        {"speaker": "ANA", "text": "Say [pause 1s] now"},
    ]
    wrong = "hello\n[pause 1s]\nANA: a [pause 1s] b\nBEN: c [pause long]\nEVE:\n"
    assert refused(wrong, "plain") == [
        ("no_speaker", 1), ("bad_syntax", 2), ("bad_syntax", 3), ("bad_time", 4), ("blank", 5),
    ]  # fmt: skip
    assert refused("---\ntitle: x\n", "plain") == [("bad_syntax", 1)]
    assert refused("---\ntitle: x\n  bad: [\n---\nA: b", "plain")[0][0] == "bad_syntax"
    assert loads("---\ntitle: x\n---\nA: b", file_format="plain").place("/title").line == 2


# --- line lists ------------------------------------------------------------------------------


def test_a_list_with_other_words_delimiters_and_decimal_commas():
    titles = "sep=;\nMy show;;;;;\n\nLine;Character;Dialogue;Rate;Pause (s);Notes\n"
    text = titles + '7;ANA;a; 1,05 ;0.5;x\n;;;;;\n8;BEN;"b\nc";;;\n'
    source = loads(text.encode("cp1252"), file_format="csv")
    assert source.script["lines"] == [
        {"id": "7", "speaker": "ANA", "text": "a", "speed": 1.05, "pause_after_ms": 500},
        {"id": "8", "speaker": "BEN", "text": "b c"},
    ]
    assert warned(source) == [("unknown_column", 4)]
    assert source.place("/lines/1/text").shown("f") == "f:7 (Dialogue)"


def test_what_is_wrong_with_a_list_is_told_by_cell():
    text = "speaker,text,voice,pause,start,end\nANA,a,spk_1,500,,\nANA,b,spk_2,soon,1s,\n,c,,,,\nBEN,,,,,"
    assert refused(text, "csv") == [
        ("bad_time", 2), ("bad_time", 3), ("two_voices", 3), ("bad_time", 3), ("no_speaker", 4),
    ]  # fmt: skip
    assert refused("who,colour\na,b", "csv") == [("no_header", 1)]
    assert refused("role,speaker,text\na,b,c", "csv") == [("two_columns", 1)]
    assert refused('speaker,text\nANA,"open', "csv") == [("bad_syntax", 2)]


def test_a_workbook():
    book = workbook(
        ("Notes", [["buy milk"]]),
        (
            "Lines",
            [["Ep. 1"], [], ["ID", "Role", "Text", "Start", "End"], [1.0, "ANA", 42, time(0, 0, 1), "2.5s"]],
        ),
        ("Cast", [["Role", "Voice", "Speed"], ["ANA", "spk_1", 1.1]]),
    )
    source = loads(book, file_format="xlsx")
    slot = {"start_ms": 1000, "end_ms": 2500}
    assert source.script["lines"] == [{"id": "1", "speaker": "ANA", "text": "42", "slot": slot}]
    assert source.script["cast"] == {"ANA": {"speaker": "spk_1", "speed": 1.1}}
    assert [each.code for each in source.warnings] == ["sheet_ignored"]
    assert source.where("/lines/0/text") == "<stdin>:Lines!C4"


def test_a_formula_is_named_by_its_cell():
    with pytest.raises(ScriptError, match=r"f\.xlsx:Lines!B2: error: formula"):
        loads(workbook(("Lines", [["role", "text"], ["ANA", "=A1"]])), name="f.xlsx")
