"""Bad input is refused with every bad field named, and never with a server error."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.bodies import JSON, Pointers, line, pointers, script
from tests.conftest import Headers, Shared
from voicereel.settings import Settings


@pytest.fixture(scope="module")
def client(shared: Shared) -> FlaskClient:
    return shared.client


@pytest.fixture(scope="module")
def headers(shared: Shared) -> Headers:
    return shared.headers


def send(client: FlaskClient, headers: Headers, body: Any) -> TestResponse:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/v1/synthesize", data=data, content_type=JSON, headers=headers)


def bad_line(**changes: Any) -> dict[str, Any]:
    return script(lines=[line(**changes)])


BAD_SCRIPTS: dict[str, tuple[dict[str, Any], Pointers]] = {
    "unknown role": (bad_line(speaker="EVE"), {"/lines/0/speaker": "unknown_speaker"}),
    "unknown stock voice": (bad_line(speaker="stock:fake/eve"), {"/lines/0/speaker": "unknown_speaker"}),
    "unknown engine": (bad_line(speaker="stock:nope/ana"), {"/lines/0/speaker": "unknown_speaker"}),
    "unknown speaker id": (bad_line(speaker="spk_" + "0" * 26), {"/lines/0/speaker": "unknown_speaker"}),
    "unknown speaker in the cast": (
        script(cast={"A/N": "spk_x"}, lines=[line(speaker="A/N")]),
        {"/cast/A~1N": "unknown_speaker"},
    ),
    "blank text": (bad_line(text=" \n\t\u3000"), {"/lines/0/text": "blank"}),
    "empty text": (bad_line(text=""), {"/lines/0/text": "blank"}),
    "nothing but control characters": (bad_line(text="\x00\x07 \x1b\x85"), {"/lines/0/text": "blank"}),
    "no text": (script(lines=[{"speaker": "ANA"}]), {"/lines/0/text": "missing"}),
    "no lines": (script(lines=[]), {"/lines": "too_few"}),
    "2,001 lines": (script(lines=[line()] * 2001), {"/lines": "too_many_lines"}),
    "a line of 6,000 characters": (bad_line(text="x" * 6000), {"/lines/0/text": "line_too_long"}),
    "200,001 characters": (script(lines=[line(text="x" * 4900)] * 41), {"/lines": "script_too_long"}),
    "speed too low": (bad_line(speed=0.49), {"/lines/0/speed": "out_of_range"}),
    "pitch too high": (bad_line(pitch_st=12.5), {"/lines/0/pitch_st": "out_of_range"}),
    "gain huge": (bad_line(gain_db=1e300), {"/lines/0/gain_db": "out_of_range"}),
    "pause huge": (bad_line(pause_after_ms=10**400), {"/lines/0/pause_after_ms": "out_of_range"}),
    "pause negative": (bad_line(pause_after_ms=-1), {"/lines/0/pause_after_ms": "out_of_range"}),
    "pause in parts": (bad_line(pause_after_ms=1.5), {"/lines/0/pause_after_ms": "wrong_type"}),
    "speed as text": (bad_line(speed="1"), {"/lines/0/speed": "wrong_type"}),
    "speed null": (bad_line(speed=None), {"/lines/0/speed": "wrong_type"}),
    "seed true": (bad_line(seed=True), {"/lines/0/seed": "wrong_type"}),
    "channels true": (script(output={"channels": True}), {"/output/channels": "wrong_type"}),
    "text a number": (bad_line(text=7), {"/lines/0/text": "wrong_type"}),
    "line a list": (script(lines=[[]]), {"/lines/0": "wrong_type"}),
    "lines an object": (script(lines={}), {"/lines": "wrong_type"}),
    "unknown field": (script(x=1), {"/x": "unknown_field"}),
    "unknown field of a line": (bad_line(**{"a/b~c": 1}), {"/lines/0/a~1b~0c": "unknown_field"}),
    "a field of a later issue": (script(output={"watermark": True}), {"/output/watermark": "unknown_field"}),
    "bit depth as text": (script(output={"bit_depth": "24"}), {"/output/bit_depth": "unknown_value"}),
    "bit depth nobody has": (script(output={"bit_depth": 20}), {"/output/bit_depth": "unknown_value"}),
    "float in FLAC": (
        script(output={"formats": ["flac"], "bit_depth": 32}),
        {"/output/bit_depth": "bit_depth_not_supported"},
    ),
    "stems as text": (script(output={"stems": "yes"}), {"/output/stems": "wrong_type"}),
    "clips a number": (script(output={"clips": 1}), {"/output/clips": "wrong_type"}),
    "more stems than are made": (
        script(lines=[line(speaker=f"stock:fake/ana+{n}") for n in range(65)], output={"stems": True}),
        {"/output/stems": "too_many_stems"},
    ),
    "unknown cue sheet": (script(output={"cue_sheets": ["edl"]}), {"/output/cue_sheets/0": "unknown_value"}),
    "cue sheet twice": (script(output={"cue_sheets": ["csv", "csv"]}), {"/output/cue_sheets": "repeated"}),
    "Broadcast Wave of an mp3": (script(output={"bwf": True}), {"/output/bwf": "without_effect"}),
    "frame rate a number": (script(output={"fps": 25}), {"/output/fps": "unknown_value"}),
    "frame rate nobody counts": (script(output={"fps": "48"}), {"/output/fps": "unknown_value"}),
    "timecode without its frames": (
        script(output={"cue_sheets": ["csv"], "fps": "25", "start_timecode": "01:00:00"}),
        {"/output/start_timecode": "bad_format"},
    ),
    "timecode without a rate": (
        script(output={"cue_sheets": ["csv"], "start_timecode": "01:00:00:00"}),
        {"/output/fps": "missing"},
    ),
    "timecode that drop-frame leaves out": (
        script(output={"cue_sheets": ["csv"], "fps": "29.97df", "start_timecode": "01:01:00;00"}),
        {"/output/start_timecode": "bad_timecode"},
    ),
    "a bad line and outputs that do not go together": (
        script(lines=[line(text=" ")], output={"bwf": True}),
        {"/lines/0/text": "blank", "/output/bwf": "without_effect"},
    ),
    "bad language tag": (bad_line(language="english!"), {"/lines/0/language": "bad_language"}),
    "language nobody speaks": (bad_line(language="ko"), {"/lines/0/language": "language_not_supported"}),
    "unknown format": (script(output={"formats": ["aiff"]}), {"/output/formats/0": "unknown_value"}),
    "format twice": (script(output={"formats": ["mp3", "mp3"]}), {"/output/formats": "repeated"}),
    "no format": (script(output={"formats": []}), {"/output/formats": "too_few"}),
    "unknown rate": (script(output={"sample_rate": 44000}), {"/output/sample_rate": "unknown_value"}),
    "rate that Opus lacks": (
        script(output={"formats": ["mp3", "ogg"], "sample_rate": 44100}),
        {"/output/sample_rate": "sample_rate_not_supported"},
    ),
    "rate for Opus alone": (
        script(output={"formats": ["ogg", "wav"], "sample_rate": 12000}),
        {"/output/sample_rate": "sample_rate_not_supported"},
    ),
    "rate for Opus with the default": (
        script(output={"sample_rate": 12000}),
        {"/output/sample_rate": "sample_rate_not_supported"},
    ),
    "caption format": (script(captions={"formats": ["ass"]}), {"/captions/formats/0": "unknown_value"}),
    "caption style": (script(captions={"style": "netflix@9"}), {"/captions/style": "unknown_value"}),
    "frame rate of no picture": (script(captions={"fps": 2.5}), {"/captions/fps": "out_of_range"}),
    "unknown limit": (script(captions={"limits": {"rows": 2}}), {"/captions/limits/rows": "unknown_field"}),
    "three display lines": (
        script(captions={"limits": {"max_lines": 3}}),
        {"/captions/limits/max_lines": "unknown_value"},
    ),
    "limits that cannot both be met": (
        script(captions={"style": "social", "limits": {"min_ms": 4000}}),
        {"/captions/limits": "limits_conflict"},
    ),
    "limits as they are, not as text": (
        script(captions={"limits": {"cps": "17", "columns": 7}}),
        {"/captions/limits/cps": "wrong_type", "/captions/limits/columns": "out_of_range"},
    ),
    "a cut before the beginning": (
        script(captions={"shot_cuts_ms": [1000, -1, 2.5]}),
        {"/captions/shot_cuts_ms/1": "out_of_range", "/captions/shot_cuts_ms/2": "wrong_type"},
    ),
    "5,001 cuts": (script(captions={"shot_cuts_ms": [0] * 5001}), {"/captions/shot_cuts_ms": "too_many"}),
    "strict as text": (script(captions={"strict": "yes"}), {"/captions/strict": "wrong_type"}),
    "slot that ends before it starts": (
        bad_line(slot={"start_ms": 5, "end_ms": 5}),
        {"/lines/0/slot/end_ms": "slot_order"},
    ),
    "line id with a space": (bad_line(id="a b"), {"/lines/0/id": "bad_format"}),
    "line ids twice": (script(lines=[line(id="a"), line(id="a")]), {"/lines/1/id": "duplicate_line_id"}),
    "line id of a later line without one": (
        script(lines=[line(id="l2"), line()]),
        {"/lines/1/id": "duplicate_line_id"},
    ),
    "overlap at the start": (bad_line(overlap_ms=1), {"/lines/0/overlap_ms": "overlap_too_long"}),
    "role with a line break": (
        script(cast={"A\nB": "stock:fake/ana"}, lines=[line(speaker="stock:fake/ana")]),
        {"/cast/A\nB": "bad_format"},
    ),
    "cast entry a number": (script(cast={"ANA": 3}, lines=[line()]), {"/cast/ANA": "wrong_type"}),
    "cast entry without a speaker": (
        script(cast={"ANA": {}}, lines=[line()]),
        {"/cast/ANA/speaker": "missing"},
    ),
    "cast entry empty": (script(cast={"ANA": ""}, lines=[line()]), {"/cast/ANA": "too_short"}),
    "metadata key": (script(metadata={"a b": "x"}), {"/metadata/a b": "bad_format"}),
    "metadata value": (script(metadata={"a": 1}), {"/metadata/a": "wrong_type"}),
    "21 metadata": (script(metadata={f"k{n}": "" for n in range(21)}), {"/metadata": "too_many"}),
    "kept for no time": (script(retention_hours=0), {"/retention_hours": "out_of_range"}),
    "title with NUL": (script(title="a\x00"), {"/title": "bad_format"}),
    "loudness NaN": (script(output={"loudness_lufs": float("nan")}), {"/output/loudness_lufs": "not_finite"}),
    "speed infinite": (bad_line(speed=float("-inf")), {"/lines/0/speed": "not_finite"}),
    "pause NaN": (bad_line(pause_after_ms=float("nan")), {"/lines/0/pause_after_ms": "wrong_type"}),
}


@pytest.mark.parametrize("name", BAD_SCRIPTS)
def test_a_bad_script_is_422_with_its_pointer(client: FlaskClient, headers: Headers, name: str) -> None:
    body, expected = BAD_SCRIPTS[name]
    reply = send(client, headers, body)
    assert (reply.status_code, reply.json["code"]) == (422, "invalid_request")
    assert pointers(reply) == expected


def test_every_bad_field_is_named_at_once(client: FlaskClient, headers: Headers) -> None:
    """Also the rules between lines, for as much of each line as is good."""
    lines = [
        line(speed=9, text=" "),
        line(speaker="EVE"),
        line(id="x"),
        line(id="x", color="red"),
        line(id="x", language="?"),
        line(id="x"),
        line(speaker="BROKEN"),
        line(speaker="EVE", text=" "),
        line(speaker="EVE", id="a b", text=7),
        line(speaker=3, id="x"),
        line(text="", overlap_ms=1),
        line(overlap_ms=1),
    ]
    cast = {"ANA": "stock:fake/ana", "BROKEN": 1}
    reply = send(client, headers, script(lines=lines, cast=cast, title=5, fallback="EVE"))
    assert reply.status_code == 422
    assert pointers(reply) == {
        "/title": "wrong_type",
        "/fallback": "unknown_speaker",
        "/cast/BROKEN": "wrong_type",
        "/lines/0/speed": "out_of_range",
        "/lines/0/text": "blank",
        "/lines/1/speaker": "unknown_speaker",
        "/lines/3/color": "unknown_field",
        "/lines/3/id": "duplicate_line_id",
        "/lines/4/language": "bad_language",
        "/lines/4/id": "duplicate_line_id",
        "/lines/5/id": "duplicate_line_id",
        "/lines/7/text": "blank",
        "/lines/7/speaker": "unknown_speaker",
        "/lines/8/id": "bad_format",
        "/lines/8/text": "wrong_type",
        "/lines/8/speaker": "unknown_speaker",
        "/lines/9/speaker": "wrong_type",
        "/lines/9/id": "duplicate_line_id",
        "/lines/10/text": "blank",
    }


def test_a_script_with_too_many_lines_still_names_the_bad_ones(client: FlaskClient, headers: Headers) -> None:
    reply = send(client, headers, script(lines=[line(speed=9), *[line()] * 2001]))
    assert pointers(reply) == {"/lines": "too_many_lines", "/lines/0/speed": "out_of_range"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"lines": [}',
        b'{"lines": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"title": "\\ud800", "lines": []}',
        b"[" * 100_000,
        b'{"title":' * 5_000,
        b'{"seed": ' + b"9" * 5_000 + b"}",
        b"\x00",
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_not_json_is_400(client: FlaskClient, headers: Headers, raw: bytes) -> None:
    reply = send(client, headers, raw)
    assert (reply.status_code, reply.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("raw", ["[]", "null", "7", '"lines"', "true", "NaN", "1e999"])
def test_a_body_that_is_no_object_is_422(client: FlaskClient, headers: Headers, raw: str) -> None:
    reply = send(client, headers, raw)
    assert (reply.status_code, pointers(reply)) == (422, {"": "wrong_type"})


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 4000])
@pytest.mark.parametrize("field", ["speed", "seed"])
def test_numbers_that_no_field_can_hold(
    client: FlaskClient, headers: Headers, field: str, number: str
) -> None:
    raw = json.dumps(bad_line(**{field: 0})).replace(f'"{field}": 0', f'"{field}": {number}')
    reply = send(client, headers, raw)
    assert reply.status_code == 422
    assert pointers(reply).keys() == {f"/lines/0/{field}"}


def test_whole_numbers_may_be_written_with_a_point(client: FlaskClient, headers: Headers) -> None:
    """JSON Schema counts 1.0 as an integer."""
    body = script(
        lines=[line(pause_after_ms=10.0, speed=1)], output={"channels": 2.0, "sample_rate": 48000.0}
    )
    assert send(client, headers, body).status_code == 202


def test_of_a_key_given_twice_the_last_counts(client: FlaskClient, headers: Headers) -> None:
    raw = json.dumps(script()).replace('"lines"', '"lines": 7, "lines"', 1)
    assert send(client, headers, raw).status_code == 202


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", None]
)
def test_another_type_of_body_is_415(client: FlaskClient, headers: Headers, content_type: str | None) -> None:
    reply = client.post("/v1/synthesize", data=b"{}", content_type=content_type, headers=headers)
    assert (reply.status_code, reply.json["code"]) == (415, "unsupported_media_type")


def test_a_body_over_the_limit_is_413(client: FlaskClient, headers: Headers, settings: Settings) -> None:
    reply = send(client, headers, b" " * (settings.max_json_bytes + 1))
    assert (reply.status_code, reply.json["code"]) == (413, "too_large")


def test_a_body_of_unknown_length_is_cut_at_the_limit(
    client: FlaskClient, headers: Headers, settings: Settings
) -> None:
    class Endless:
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b" " * size

        def readline(self, size: int = -1) -> bytes:
            return self.read(size)

    body = Endless()
    reply = client.post(
        "/v1/synthesize",
        content_type=JSON,
        headers=headers | {"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert reply.status_code == 413
    assert body.given <= settings.max_json_bytes + (1 << 20)


def test_a_body_shorter_than_announced_is_400(client: FlaskClient, headers: Headers) -> None:
    reply = client.post(
        "/v1/synthesize",
        data=b"{",
        content_type=JSON,
        headers=headers,
        environ_overrides={"CONTENT_LENGTH": "100"},
    )
    assert reply.status_code == 400


def test_what_a_customer_sent_is_never_echoed(client: FlaskClient, headers: Headers) -> None:
    secret = "correct horse battery staple"
    bad = {"speaker": secret, "text": secret * 300, "language": secret, "speed": secret, "slot": secret}
    body = script(lines=[bad], title={secret: 1}, output={"formats": [secret]}, cast={"X": [secret]})
    assert secret not in send(client, headers, body).get_data(as_text=True)
    assert secret not in send(client, headers, f'{{"title": "{secret}" oops').get_data(as_text=True)


def test_a_key_too_long_to_show_is_named_by_its_object(client: FlaskClient, headers: Headers) -> None:
    reply = send(client, headers, script(lines=[line(**{"k" * 1000: 1})]))
    assert pointers(reply) == {"/lines/0": "unknown_field"}


def test_the_list_of_errors_has_an_end(client: FlaskClient, headers: Headers) -> None:
    reply = send(client, headers, script(**{f"k{n}": 1 for n in range(5000)}))
    assert reply.status_code == 422
    assert len(reply.json["errors"]) == 2000


def test_a_body_of_nothing_but_errors_gets_one(client: FlaskClient, headers: Headers) -> None:
    reply = send(client, headers, script(**{f"k{n}": 1 for n in range(20_001)}))
    assert (reply.status_code, pointers(reply)) == (422, {"": "too_many_errors"})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", {"limit": "out_of_range"}),
        ("limit=101", {"limit": "out_of_range"}),
        ("limit=ten", {"limit": "wrong_type"}),
        ("limit=1.0", {"limit": "wrong_type"}),
        ("limit=", {"limit": "wrong_type"}),
        ("limit=1&limit=2", {"limit": "repeated"}),
        ("cursor=", {"cursor": "too_short"}),
        ("cursor=%00", {"cursor": "bad_cursor"}),
        ("cursor=" + "x" * 201, {"cursor": "too_long"}),
        ("cursor=c3RvY2s6ZmFrZS9hbmE", {"cursor": "bad_cursor"}),
        ("status=done", {"status": "unknown_value"}),
        ("created_after=yesterday", {"created_after": "bad_moment"}),
        ("created_before=2026-02-30T00:00:00Z", {"created_before": "bad_moment"}),
        (
            "limit=-1&x=1&kind=dub&cursor=x",
            {
                "limit": "out_of_range",
                "x": "unknown_parameter",
                "kind": "unknown_value",
                "cursor": "bad_cursor",
            },
        ),
    ],
)
def test_every_bad_parameter_is_named(
    client: FlaskClient, headers: Headers, query: str, expected: Pointers
) -> None:
    reply = client.get(f"/v1/jobs?{query}", headers=headers)
    assert (reply.status_code, pointers(reply)) == (422, expected)
