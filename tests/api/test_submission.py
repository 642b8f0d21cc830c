"""Scripts that are accepted: what the stages get to see of them."""

from typing import Any

from flask.testing import FlaskClient

from tests.api.bodies import line, script
from tests.conftest import Headers
from voicereel.bootstrap import Services


def send(client: FlaskClient, headers: Headers, body: dict[str, Any]) -> None:
    assert client.post("/v1/synthesize", json=body, headers=headers).status_code == 202


def test_control_characters_are_not_spoken(client: FlaskClient, headers: Headers, services: Services) -> None:
    send(client, headers, script(lines=[line(text="a\x00b\x1bc\td\r\ne\x9f")]))
    claim = services.work.claim("cpu", worker_id="w1")
    (record,) = services.work.lines(claim)
    assert record.line.text == "abc\td\r\ne"


def test_lines_without_an_id_are_numbered(client: FlaskClient, headers: Headers, services: Services) -> None:
    send(client, headers, script(lines=[line(), line(id="b"), line()]))
    claim = services.work.claim("cpu", worker_id="w1")
    assert [record.line.id for record in services.work.lines(claim)] == ["l1", "b", "l3"]
