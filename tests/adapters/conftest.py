"""A migrated database on SQLite, and on PostgreSQL where one is to be had."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database

SERVER = os.environ.get("VOICEREEL_TEST_DATABASE_URL", "")


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    migrate.upgrade(url)
    database = Database(url, max_attempts=3)
    yield database
    database.close()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """A database of its own on the test server, dropped afterwards."""
    if not SERVER:
        if os.environ.get("VOICEREEL_REQUIRE_SERVICES") == "1":
            pytest.fail("VOICEREEL_REQUIRE_SERVICES=1, but there is no PostgreSQL to test on")
        pytest.skip("no PostgreSQL: set VOICEREEL_TEST_DATABASE_URL")
    name = f"voicereel_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'test.db'}"
