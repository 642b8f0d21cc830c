"""Databases for tests: each made for one test and dropped after it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from voicereel.adapters.database import migrate

SERVER = os.environ.get("VOICEREEL_TEST_DATABASE_URL", "")
KINDS = ("sqlite", "postgresql")


def need_server() -> None:
    """Skip without a PostgreSQL on a laptop; fail where services are required."""
    if SERVER:
        return
    if os.environ.get("VOICEREEL_REQUIRE_SERVICES") == "1":
        pytest.fail("VOICEREEL_REQUIRE_SERVICES=1, but there is no PostgreSQL to test on")
    pytest.skip("no PostgreSQL: set VOICEREEL_TEST_DATABASE_URL")


@contextmanager
def postgresql(*, template: str = "template1") -> Iterator[str]:
    """The URL of a database of its own on the test server: a copy of ``template``."""
    need_server()
    name = f"voicereel_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.dispose()


@contextmanager
def migrated_template() -> Iterator[str]:
    """The name of a migrated database to copy: migrations take longer than most tests."""
    with postgresql() as url:
        migrate.upgrade(url)
        yield sa.make_url(url).database or ""
