"""`voicereel-server doctor`: whether database, broker and store can be used."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.adapters.test_migrate import at_the_first_revision
from tests.brokers import URL, need_broker
from voicereel.reach import Finding, examine
from voicereel.settings import Settings
from workers import doctor

SECRET = "hush%40hush"


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that nobody listens at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "127.0.0.1:{1}".format(*bound.getsockname())


def look(**settings: object) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(Settings(**settings))}  # type: ignore[arg-type]


def test_a_new_machine_needs_nothing_and_is_left_as_it_was(tmp_path: Path) -> None:
    found = look(home=tmp_path)
    assert {what: finding.ok for what, finding in found.items()} == {
        "database": True,
        "broker": True,
        "store": True,
    }
    assert "not made yet" in found["database"].detail
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_well_is_told_from_what_is_behind(tmp_path: Path, any_database: str) -> None:
    need_broker()
    new = f"sqlite:///{tmp_path / 'old.db'}"
    at_the_first_revision(new).dispose()
    old = look(home=tmp_path, database_url=new)["database"]
    assert (old.ok, old.remedy) == (False, "Run 'voicereel-server migrate'; 'up' does it by itself.")
    assert "revision 0001" in old.detail
    if any_database:
        found = look(home=tmp_path, database_url=any_database, broker_url=URL)
        assert [finding.detail for finding in found.values() if not finding.ok] == []


def test_what_cannot_be_reached_is_named_without_passwords(
    tmp_path: Path, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    settings = {
        "VOICEREEL_HOME": str(tmp_path),
        "VOICEREEL_ENGINES": "fake",
        "VOICEREEL_DATABASE_URL": f"postgresql://ana:{SECRET}@{deaf}/voicereel?connect_timeout=2&password={SECRET}",
        "VOICEREEL_BROKER_URL": f"amqp://ana:{SECRET}@{deaf}/",
        "VOICEREEL_STORE": f"s3://bucket/prefix?endpoint=http://ana:{SECRET}@{deaf}&region=x",
    }
    done = CliRunner().invoke(doctor.main, ["--json"], env=settings)
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert [what for what, finding in found.items() if not finding["ok"]] == ["database", "broker", "store"]
    assert f"{deaf}/voicereel" in found["database"]["detail"]
    assert all(found[what]["remedy"] for what in ("database", "broker", "store"))
    assert "hush" not in done.output


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_url": f"postgresql+psycopg:ana:{SECRET}"},
        {"database_url": f"postgresql://ana:{SECRET}@host:hush/x"},
        {"database_url": f"mysql://ana:{SECRET}@host/x"},
        {"broker_url": f"http://ana:{SECRET}@host", "database_url": "postgresql://host/x"},
        {"store": f"ftp://ana:{SECRET}@host"},
        {"store": "file:/dev/null/inside"},
    ],
)
def test_a_setting_that_cannot_be_is_a_finding(tmp_path: Path, wrong: dict[str, str]) -> None:
    (found,) = look(home=tmp_path, **wrong).values()
    assert (found.what, found.ok) == ("settings", False)
    assert "VOICEREEL_" in found.detail
    assert "hush" not in found.detail
