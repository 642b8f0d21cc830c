"""Logs: fields that are known, events with fixed names, and nothing that a customer wrote."""

import ast
import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.bodies import form, script
from tests.conftest import Headers, make_key
from tests.rendering import studio
from voicereel.api.app import create_app
from voicereel.domain.account import new_key
from voicereel.telemetry import log
from voicereel.telemetry.logs import FIELDS, LibraryHandler
from workers.stages import STAGES

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
# given to the logger, and made into `error` and `trace`
SPECIAL = {"exc_info"}

# what an event may be called
NAME = re.compile(r"[a-z_]+")

SECRET = "Quittenbaum Nebelhorn Holunderweg"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_field_that_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log().info("rendered", job_id="job_1", text=SECRET)
    (line,) = lines(capsys.readouterr().err)
    assert (line["job_id"], line["missing"], "text" in line) == ("job_1", ["text"], False)


def test_every_thread_names_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    log().info("request")
    thread = threading.Thread(target=lambda: log().info("request"))
    thread.start()
    thread.join()
    first, second = lines(capsys.readouterr().err)
    assert first["process"] == second["process"] != ""


def test_a_librarys_line_is_told_without_what_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("tests.library")
    library.propagate = False
    library.addHandler(LibraryHandler())
    library.warning("cannot read %s", SECRET)
    library.warning(f"cannot read {SECRET}")
    try:
        raise ValueError(SECRET)
    except ValueError:
        library.exception("failed on %s", SECRET)
    text = capsys.readouterr().err
    first, second, third = lines(text)
    assert SECRET not in text
    assert (first["message"], first["level"], first["logger"]) == ("cannot read %s", "warning", library.name)
    assert second["message"] == ""
    assert (third["error"], third["level"]) == ("ValueError", "error")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in the tree: `log().info(…)` and the like."""
    for package in ("voicereel", "workers"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _is_log_call(node.func):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _is_log_call(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    target = function.value
    return isinstance(target, ast.Call) and isinstance(target.func, ast.Name) and target.func.id == "log"


def test_every_line_in_the_tree_has_a_fixed_name_and_known_fields() -> None:
    found = list(calls())
    assert len(found) > 10
    wrong = [
        (where, keyword.arg)
        for where, call in found
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in FIELDS | SPECIAL
    ]
    unnamed = [
        where
        for where, call in found
        if not any(isinstance(word, ast.Constant) and NAME.fullmatch(str(word.value)) for word in call.args)
    ]
    assert (wrong, unnamed) == ([], [])


def test_every_request_has_one_line(client: FlaskClient, headers: Headers, capsys: Any) -> None:
    capsys.readouterr()
    client.get("/v1/jobs?limit=7", headers=headers | {"X-Request-Id": "mine"})
    client.get("/nowhere?key=secret")
    known, unknown = lines(capsys.readouterr().err)
    assert known["event"] == unknown["event"] == "request"
    assert (known["operation"], known["method"], known["status"]) == ("listJobs", "GET", 200)
    assert (known["request_id"], known["ms"] >= 0) == ("mine", True)
    assert known["tenant_id"].startswith("ten_")
    assert known["key_id"].startswith("key_")
    assert (unknown["operation"], unknown["method"], unknown["status"]) == ("", "", 404)
    assert unknown["tenant_id"] == unknown["key_id"] == ""


def refuse(client: FlaskClient, headers: Headers) -> None:
    """Requests of every kind that fail, each with the secret in it."""
    stranger = new_key()
    client.post("/v1/synthesize", data=f'{{"lines": "{SECRET}"}}', headers=headers)
    client.post("/v1/synthesize", json={SECRET: SECRET}, headers=headers)
    client.post("/v1/synthesize", data=SECRET, headers=headers | {"Content-Type": "application/json"})
    client.post("/v1/synthesize", json=script(), headers=headers | {"Idempotency-Key": SECRET})
    client.get("/v1/jobs", query_string={"cursor": SECRET}, headers=headers)
    client.get(f"/v1/jobs/{SECRET}", headers=headers)
    client.get(f"/{SECRET}", headers={"X-Request-Id": SECRET, "User-Agent": SECRET})
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {stranger}"}).status_code == 401


def test_nothing_a_customer_wrote_is_in_any_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A script, a name, a key, a presigned URL: through submit, render, a failing render, refusals."""
    with studio(tmp_path / "home", engines="fake", default_engine="fake", max_attempts=1) as service:
        client, headers = create_app(service.services).test_client(), make_key(service.services)
        said = [{"speaker": "stock:fake/a", "text": SECRET}]
        body = {"title": SECRET, "metadata": {"note": SECRET}, "lines": said}
        job = client.post("/v1/synthesize", json=body, headers=headers).json
        client.post("/v1/speakers", data=form() | {"name": SECRET}, headers=headers)
        service.work()
        done = client.get(f"/v1/jobs/{job['id']}", headers=headers).json
        url = done["outputs"]["audio"][0]["url"]
        with client.get(url) as reply:
            assert reply.status_code == 200
        assert client.get(url[:-2]).status_code == 403

        def fail(*_: object, **__: object) -> None:
            raise ValueError(SECRET)

        monkeypatch.setitem(STAGES, "fit", fail)
        client.post("/v1/synthesize", json=body, headers=headers)
        service.work()
        refuse(client, headers)
    out, err = capfd.readouterr()
    written = out + err
    assert {"request", "stage_crashed"} <= {line["event"] for line in lines(err)}
    signature = url.rpartition("=")[2]
    key = headers["Authorization"].removeprefix("Bearer ")
    assert [word for word in (SECRET, *SECRET.split(), key, key[20:40], signature) if word in written] == []
