"""Migrations beside others: several at once, and long transactions in their way."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from click.testing import CliRunner

from tests.e2e.conftest import PATIENCE_S, eventually, server_command
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import make_engine
from voicereel.manage import main


@contextmanager
def migrating(url: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "VOICEREEL_DATABASE_URL": url, "VOICEREEL_HOME": str(home)}
    with (home.parent / f"{home.name}.log").open("wb") as log:
        process = subprocess.Popen(server_command("migrate"), env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_two_that_migrate_an_empty_database_at_once_both_succeed(database_url: str, tmp_path: Path) -> None:
    with ExitStack() as running:
        migrations = [running.enter_context(migrating(database_url, tmp_path / name)) for name in "ab"]
        codes = [process.wait(PATIENCE_S) for process in migrations]
    assert codes == [0, 0], "".join(path.read_text() for path in tmp_path.glob("*.log"))
    engine = make_engine(database_url)
    assert migrate.current(engine) == migrate.newest()
    engine.dispose()


def test_a_migration_waits_for_one_that_takes_long(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than it would wait for any other lock: it is not told that the database is busy."""
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(migrate, "PAUSE_S", 0.05)
    engine = make_engine(postgresql_url)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({migrate.TURN})")
        migration = pool.submit(migrate.upgrade, postgresql_url)
        eventually(lambda: other.exec_driver_sql(f"{waits} AND {mine}").scalar() == 1)
        other.exec_driver_sql("SELECT pg_sleep(1)")
        assert not migration.done()
        other.rollback()
        assert migration.result(PATIENCE_S) == migrate.newest()
    engine.dispose()


def at_the_first_revision(url: str) -> sa.Engine:
    """A database of the first release."""
    engine = make_engine(url)
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    return engine


def test_a_long_transaction_in_the_way_is_told_and_nothing_is_left_behind(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEREEL_DATABASE_URL", postgresql_url)
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(migrate, "PAUSE_S", 0.1)
    engine = at_the_first_revision(postgresql_url)
    with engine.connect() as long:
        # The last table that is changed: by then nearly everything has been done.
        long.exec_driver_sql("SELECT * FROM ledger")
        refused = CliRunner().invoke(main, ["migrate", "--home", str(tmp_path)])
        assert refused.exit_code == 1
        assert "try again when long transactions have ended" in refused.output
        assert migrate.current(engine) == "0001"
        assert not sa.inspect(engine).has_table("price_versions")
    done = CliRunner().invoke(main, ["migrate", "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert migrate.current(engine) == migrate.newest()
    engine.dispose()


def test_a_migration_waits_in_no_circle_with_a_transaction_that_accepts_a_job(postgresql_url: str) -> None:
    """It has a job's tables, and comes to the tenant last, whom the foreign keys look up."""
    engine = at_the_first_revision(postgresql_url)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted"
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with ThreadPoolExecutor(1) as pool, engine.connect() as accepting:
        accepting.exec_driver_sql("LOCK TABLE jobs, stage_runs, events IN ROW EXCLUSIVE MODE")
        migration = pool.submit(migrate.upgrade, postgresql_url)
        eventually(lambda: accepting.exec_driver_sql(f"{waits} AND {mine}").scalar() == 1)
        accepting.exec_driver_sql("LOCK TABLE tenants IN ROW SHARE MODE NOWAIT")
        accepting.commit()
        assert migration.result(PATIENCE_S) == migrate.newest()
    engine.dispose()


def test_the_version_before_does_not_stumble_over_a_newer_schema(database_url: str) -> None:
    migrate.upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'newer'")
    engine.dispose()
    assert migrate.upgrade(database_url) == "newer"
