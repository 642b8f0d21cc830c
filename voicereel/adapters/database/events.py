"""What happened to each job, and what is still to be done because of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json

from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.dialect import Dialect, dialect_of, run
from voicereel.adapters.database.tables import events, outbox
from voicereel.ports import Event, OutboxRow

_LARGEST = 2**31 - 1  # of PostgreSQL's integer


@cache
def _add_statement(dialect: Dialect) -> str:
    """Numbers go on from the job's last; whoever adds holds the job's lock."""
    last = "(SELECT coalesce(max(id), 0) FROM events WHERE job_id = CAST(:job_id AS varchar))"
    if dialect.is_sqlite:
        listed = """key + 1, json_extract(value, '$[0]'), json_extract(value, '$[1]')"""
        source = "json_each(:events)"
    else:
        listed, source = (
            "n, e ->> 0, e -> 1",
            "jsonb_array_elements(CAST(:events AS jsonb)) WITH ORDINALITY AS x(e, n)",
        )
    return dialect.statement(f"""
        INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
        SELECT CAST(:tenant_id AS varchar), CAST(:job_id AS varchar), {last} + {listed}, {dialect.now}
          FROM {source}""")


class Events:
    """`EventRepository`: numbered 1, 2, 3 … within a job, ``seq`` over all jobs.

    ``tell`` is called with the job's id; what it says goes out once the transaction is committed.
    """

    def __init__(self, connection: sa.Connection, *, tell: Callable[[str], None]) -> None:
        self._connection = connection
        self._tell = tell

    def add(self, job_id: str, *, tenant_id: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        run(
            self._connection,
            _add_statement(dialect_of(self._connection)),
            tenant_id=tenant_id,
            job_id=job_id,
            events=to_json(events).decode(),
        )
        self._tell(job_id)

    def after(self, job_id: str, *, event_id: int, limit: int) -> tuple[Event, ...]:
        c = _events.c
        query = sa.select(c.id, c.job_id, c.type, c.data).where(
            c.job_id == job_id, c.id > min(event_id, _LARGEST)
        )
        found = self._connection.execute(query.order_by(c.id).limit(limit)).mappings()
        return tuple(Event(**row) for row in found)

    def first_of(self, job_id: str, *, revision: int) -> int:
        """The id of the event that a revision began with; 1 where that is not known any more."""
        c = _events.c
        of_it = c.data["revision"].as_integer() == revision
        query = sa.select(sa.func.min(c.id)).where(c.job_id == job_id, c.type == "job.updated", of_it)
        return self._connection.scalar(query) or 1

    def forget_job(self, job_id: str) -> None:
        """Drop what happened to a job; that it was deleted is told afterwards."""
        self._connection.execute(_events.delete().where(_events.c.job_id == job_id))

    def forget_old(self, *, older_than_s: float) -> int:
        """Drop what is left of deleted jobs after so long."""
        where = (_events.c.type == "job.deleted") & (_events.c.created_at < db_now(-older_than_s))
        return self._connection.execute(_events.delete().where(where)).rowcount


_events = events


class Outbox:
    """`OutboxRepository`: rows are removed once done. ``tell`` is called when there is something new."""

    def __init__(self, connection: sa.Connection, *, tell: Callable[[], None]) -> None:
        self._connection = connection
        self._tell = tell

    def add(self, topic: str, payload: Mapping[str, Any]) -> None:
        self._connection.execute(outbox.insert().values(topic=topic, payload=dict(payload)))
        self._tell()

    def take(self, topic: str, *, limit: int) -> tuple[OutboxRow, ...]:
        """The oldest rows of a topic, held until the commit: two dispatchers never take the same."""
        c = outbox.c
        query = sa.select(c.id, c.topic, c.payload).where(c.topic == topic).order_by(c.id).limit(limit)
        query = query.with_for_update(skip_locked=True)  # SQLite has no such words, and no need of them
        return tuple(OutboxRow(**row) for row in self._connection.execute(query).mappings())

    def done(self, ids: Sequence[int]) -> None:
        self._connection.execute(outbox.delete().where(outbox.c.id.in_(ids)))
