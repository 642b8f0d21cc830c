"""`voicereel-server keys` and `tenants`; and that no command migrates what is not its own to migrate."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.adapters.test_migrate import at_the_first_revision
from tests.databases import postgresql
from voicereel.adapters.database import migrate
from voicereel.manage import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICEREEL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def made(*options: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(run("keys", "create", "--json", *options).stdout)
    return found


def test_the_first_key_begins_a_service_of_this_machine(home: Path) -> None:
    key = made("--name", "first")
    assert migrate.revision(f"sqlite:///{home / 'voicereel.db'}") == migrate.newest()
    assert key["id"] in run("keys", "list").stdout


def test_keys_are_listed_with_whose_they_are_and_since_when_and_not_themselves() -> None:
    live = made("--name", "farm", "--tenant", "acme", "--scope", "jobs:read")
    gone = made("--name", "old")
    assert run("keys", "revoke", gone["id"]).exit_code == 0
    first, second = json.loads(run("keys", "list", "--json").stdout)
    assert {**first, "created_at": ""} == {
        "id": live["id"],
        "tenant": "acme",
        "name": "farm",
        "scopes": ["jobs:read"],
        "created_at": "",
        "expires_at": None,
        "revoked_at": None,
    }
    assert second["revoked_at"] >= second["created_at"] > ""
    told = run("keys", "list").stdout
    lines = [line.split() for line in told.splitlines()]
    day = first["created_at"][:10]
    assert lines[0] == [live["id"], "acme", day, "live", "farm", "[jobs:read]"]
    assert lines[1][:5] == [gone["id"], "default", day, "revoked", second["revoked_at"][:10]]
    assert "vr_live" not in told
    again = run("keys", "revoke", gone["id"])
    assert (again.exit_code, again.output) == (1, "Error: There is no such live key.\n")


def test_tenants_are_listed_with_their_live_keys_and_who_helps_out() -> None:
    made("--name", "farm", "--tenant", "acme")
    made("--name", "desk", "--tenant", "acme")
    old = made("--name", "old")
    run("keys", "revoke", old["id"])
    first, second = json.loads(run("tenants", "list", "--json").stdout)
    assert {**first, "id": "", "created_at": ""} == {
        "id": "", "name": "acme", "created_at": "", "live_keys": 2, "fallback": None,
    }  # fmt: skip
    assert (second["name"], second["live_keys"]) == ("default", 0)
    assert first["id"].startswith("ten_")
    day = first["created_at"][:10]
    lines = [line.split() for line in run("tenants", "list").stdout.splitlines()]
    assert lines[0] == [first["id"], "acme", day, "2", "keys", "-"]
    assert lines[1] == [second["id"], "default", day, "0", "keys", "-"]


COMMANDS = [
    ("keys", "list"),
    ("tenants", "list"),
    ("keys", "revoke", "key_1"),
    ("tenants", "fallback", "acme"),
    ("prices", "show"),
    ("ledger", "adjust", "--job", "job_1", "--amount", "1", "--reason", "x"),
    ("recover",),
]


@pytest.mark.parametrize("command", [*COMMANDS, ("keys", "create", "--name", "x")], ids=" ".join)
def test_a_schema_that_is_behind_is_told_and_left_alone(command: tuple[str, ...], home: Path) -> None:
    home.mkdir()
    database = f"sqlite:///{home / 'voicereel.db'}"
    at_the_first_revision(database).dispose()
    done = run(*command)
    assert (done.exit_code, "run 'voicereel-server migrate'" in done.output) == (1, True)
    assert migrate.revision(database) == "0001"
    assert run("migrate").exit_code == 0
    assert "migrate" not in run(*command).output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_database_is_made_in_passing(command: tuple[str, ...], home: Path) -> None:
    done = run(*command)
    assert (done.exit_code, "there is no database" in done.output) == (1, True)
    assert not (home / "voicereel.db").exists()


def test_an_empty_database_of_a_server_is_not_ours_to_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgresql() as url:
        monkeypatch.setenv("VOICEREEL_DATABASE_URL", url)
        done = run("keys", "create", "--name", "x")
        assert (done.exit_code, "run 'voicereel-server migrate'" in done.output) == (1, True)
        assert migrate.revision(url) is None
