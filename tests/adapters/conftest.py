"""A migrated database on SQLite, and on PostgreSQL where one is to be had."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import KINDS, postgresql
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    migrate.upgrade(url)
    database = Database(url, max_attempts=3)
    yield database
    database.close()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database of each kind."""
    migrate.upgrade(database_url)
    database = Database(database_url, max_attempts=3)
    yield database
    database.close()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """An empty database on PostgreSQL."""
    with postgresql() as url:
        yield url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'test.db'}"
