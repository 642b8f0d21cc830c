"""Files made to break a reader: each is refused with a reason, and soon."""

import io
import json
import zipfile

import pytest

from voicereel_client.scripts import FORMATS, ScriptError, dumps, loads

LAUGHS = "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
SCRIPT = {"lines": [{"speaker": "ANA", "text": "Hi"}]}
MANY = 300_000


def packed(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(f"xl/{name}.xml", content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("file_format", "content", "code"),
    [
        ("json", "[" * MANY, "bad_syntax"),
        ("json", '{"lines": ' + "[" * 100 + "]" * 100 + "}", "bad_syntax"),
        ("json", '{"lines": 1' + "0" * 10_000 + "}", "bad_syntax"),
        ("json", '{"lines": [1e999]}', "not_finite"),
        ("json", '{"lines": NaN}', "bad_syntax"),
        ("json", '{"title": "\\ud800", "lines": []}', "lone_surrogate"),
        ("json", '{"\\ud800": 1, "lines": []}', "lone_surrogate"),
        ("json", b'{"title": "\xff"}', "bad_encoding"),
        ("yaml", f"a: &a [x]\n{LAUGHS}", "too_many_values"),
        ("yaml", "[" * 5_000, "bad_syntax"),
        ("yaml", "- " * 5_000 + "x", "bad_syntax"),
        ("yaml", "&a [*a]", "bad_syntax"),
        ("yaml", '"\\UFFFFFFFF"', "bad_syntax"),
        ("yaml", "lines: .\x01", "bad_syntax"),
        ("srt", "9" * MANY + " --> x", "bad_time"),
        ("srt", f"1\n{'9' * 5_000}:00:00,000 --> 00:00:01,000\nANA: a", "bad_time"),
        ("srt", "\n" * MANY, "no_lines"),
        ("vtt", "WEBVTT\n\n" + "<v " * MANY, "no_lines"),
        ("vtt", "WEBVTT\n\n99999999999:00:00.000 --> 00:00:01.000\nANA: a", "bad_time"),
        ("fountain", "/*" * MANY, "no_lines"),
        ("fountain", "A" + " " * MANY + "(", "no_lines"),
        ("plain", "ANA: a [pause" + " " * MANY, None),
        ("plain", "x\n" * 1_000, "too_many_problems"),
        ("plain", "ANA: a\n" * 21_000, "too_many_lines"),
        ("csv", "speaker,text\nANA," + "x" * MANY, "bad_syntax"),
        ("csv", "," * MANY, "no_header"),
        ("xlsx", b"PK\x03\x04", "bad_syntax"),
        ("xlsx", packed(a=b"0" * 70_000_000), "file_too_large"),
        ("xlsx", packed(a=b'<!DOCTYPE lolz [<!ENTITY a "b">]><x/>'), "bad_syntax"),
        ("xlsx", packed(a='<!DOCTYPE lolz [<!ENTITY a "b">]><x/>'.encode("utf-16")), "bad_syntax"),
    ],
)  # fmt: skip
def test_it_is_refused(file_format: str, content: bytes | str, code: str | None):
    try:
        loads(content, file_format=file_format)
    except ScriptError as error:
        found = {each.code for each in error.problems if each.severity == "error"}
    else:
        found = {None}
    assert code in found


@pytest.mark.parametrize("file_format", sorted(set(FORMATS) - {"xlsx"}))
def test_zero_bytes_and_endless_files(file_format: str):
    for content, code in ((b"A: a\nB\0: b", "not_text"), (b"A" * 9_000_000, "file_too_large")):
        with pytest.raises(ScriptError) as error:
            loads(content, file_format=file_format)
        assert error.value.problems[0].code == code


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_text_that_looks_like_a_formula_stays_a_text(file_format: str):
    script = {"lines": [{"speaker": "ANA", "text": '=HYPERLINK("x")'}]}
    assert loads(dumps(script, file_format), file_format=file_format).script == script


def test_a_missing_library_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.delitem(sys.modules, "voicereel_client.scripts.xlsx_format", raising=False)
    with pytest.raises(ScriptError, match=r"missing_extra: openpyxl .* 'voicereel-client\[formats\]'"):
        loads(b"PK\x03\x04", file_format="xlsx")
    assert json.loads(dumps(SCRIPT, "json")) == SCRIPT
