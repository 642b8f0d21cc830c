"""A database of the first release: its schema, rows that it left, and a process of it that still writes."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from tests.faults.load import script
from tests.rendering import Studio, studio
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import make_engine
from voicereel.domain.account import SCOPES
from voicereel.services.ids import new_id

_TABLES = (
    "tenants", "api_keys", "jobs", "lines", "stage_runs", "events", "artifacts", "takes", "ledger", "outbox",
)  # fmt: skip
_SERIAL = {"stage_runs": "id", "events": "seq", "takes": "id", "ledger": "id", "outbox": "id"}
_OF_A_JOB = ("jobs", "lines", "stage_runs", "events")
_PAUSE_S = 0.2

Row = dict[str, Any]


@dataclass
class FirstVersion:
    """``done`` were billed before there were prices, ``unfinished`` are in line or half done.

    ``held``: the stage run that a worker of it is at. ``waiting``: the rows of a job in line. ``most``: how
    many jobs it may accept.
    """

    engine: sa.Engine
    tables: Mapping[str, sa.Table]
    key: str
    done: Sequence[str]
    unfinished: Sequence[str]
    held: int
    waiting: Mapping[str, Sequence[Row]]
    most: int
    accepted: list[str] = field(default_factory=list)
    refused: int = 0

    def go_on(self) -> None:
        """What its processes do all the time: accept a job, and beat for what they render."""
        try:
            if len(self.accepted) < self.most:
                self.accept()
            with self.engine.begin() as connection:
                connection.execute(sa.text(_BEAT), {"id": self.held})
        except sa.exc.OperationalError:
            self.refused += 1  # its API says 503, and the client tries again
        time.sleep(_PAUSE_S)

    def accept(self) -> None:
        job_id = new_id("job")
        with self.engine.begin() as connection:
            self._accept(connection, job_id)
        self.accepted.append(job_id)

    def _accept(self, connection: sa.Connection, job_id: str) -> None:
        """One more job like one that is in line, in one transaction."""
        for name, rows in self.waiting.items():
            renamed = [_renamed(row, self.unfinished[-1], job_id) for row in rows]
            connection.execute(self.tables[name].insert(), renamed)
        wake = {"topic": "wake", "payload": {"pools": ["cpu"]}, "created_at": sa.func.clock_timestamp()}
        connection.execute(self.tables["outbox"].insert().values(**wake))


_BEAT = """UPDATE stage_runs SET lease_until = clock_timestamp() + interval '2 s'
    WHERE id = :id AND status = 'running'"""


def _renamed(row: Row, old: str, new: str) -> Row:
    return {
        name: value if isinstance(value, datetime) else json.loads(json.dumps(value).replace(old, new))
        for name, value in row.items()
    }


def first_version(folder: Path, *, model: str, url: str, store: str, most: int) -> FirstVersion:
    """Fill an empty database as the first release would have; ``model`` is another one, to copy from."""
    engine = make_engine(url)
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    metadata = sa.MetaData()
    metadata.reflect(engine, only=_TABLES)
    for table in metadata.tables.values():
        for column in table.c:
            if isinstance(column.type, sa.JSON):
                column.type.none_as_null = True
    source = make_engine(model)
    with studio(
        folder / "first", engines="fake", default_engine="fake", lease_s=60, database_url=model, store=store
    ) as found:
        key = found.services.accounts.create_key("first", tenant="acme", scopes=SCOPES).key
        done, unfinished, held = _jobs_in(found)
        _copy(source, engine, metadata.tables)
        waiting = _rows_of(engine, metadata.tables, unfinished[-1])
    source.dispose()
    return FirstVersion(engine, metadata.tables, key, done, unfinished, held, waiting, most)


def _jobs_in(found: Studio) -> tuple[list[str], list[str], int]:
    """Jobs that have ended, one half done, one at work, one in line; and the run that is at work."""
    done = [found.submit(script(number, slow=0)) for number in range(3)]
    found.work()
    begun = found.submit(script(slow=0))
    found.runner.run_one()
    claim = found.services.work.claim("cpu", worker_id="first.1")
    assert claim is not None
    return done, [begun, found.submit(script(slow=0))], claim.stage_run_id


def _copy(source: sa.Engine, to: sa.Engine, tables: Mapping[str, sa.Table]) -> None:
    with source.connect() as old, to.begin() as new:
        for name in _TABLES:
            rows = [dict(row) for row in old.execute(tables[name].select()).mappings()]
            if rows:
                new.execute(tables[name].insert(), rows)
        for name, column in _SERIAL.items():
            last = f"(SELECT max({column}) FROM {name})"
            new.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), {last})")


def _rows_of(engine: sa.Engine, tables: Mapping[str, sa.Table], job_id: str) -> dict[str, list[Row]]:
    """All that accepting a job writes but its wake-up; without the numbers that the database gives."""
    with engine.connect() as connection:
        return {
            name: [
                {column: value for column, value in row.items() if column != _SERIAL.get(name)}
                for row in connection.execute(_of_job(tables[name], job_id)).mappings()
            ]
            for name in _OF_A_JOB
        }


def _of_job(table: sa.Table, job_id: str) -> sa.Select[Any]:
    return table.select().where(table.c["id" if table.name == "jobs" else "job_id"] == job_id)
