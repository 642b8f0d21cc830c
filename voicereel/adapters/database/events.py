"""What happened to each job, and what is still to be done because of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.tables import events, outbox
from voicereel.ports import Event, OutboxRow


class Events:
    """`EventRepository`: numbered 1, 2, 3 … within a job, ``seq`` over all jobs."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, job_id: str, *, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        last = sa.select(sa.func.coalesce(sa.func.max(_events.c.id), 0)).where(_events.c.job_id == job_id)
        first = self._connection.execute(last).scalar_one() + 1
        self._connection.execute(
            _events.insert(),
            [
                {"job_id": job_id, "id": number, "type": kind, "data": dict(data)}
                for number, (kind, data) in enumerate(events, first)
            ],
        )

    def after(self, job_id: str, *, event_id: int, limit: int) -> tuple[Event, ...]:
        c = _events.c
        query = sa.select(c.id, c.job_id, c.type, c.data).where(c.job_id == job_id, c.id > event_id)
        found = self._connection.execute(query.order_by(c.id).limit(limit)).mappings()
        return tuple(Event(**row) for row in found)

    def latest(self) -> int:
        """The highest ``seq``: when it has not moved, no stream has anything new."""
        query = sa.select(sa.func.coalesce(sa.func.max(_events.c.seq), 0))
        return int(self._connection.execute(query).scalar_one())


_events = events


class Outbox:
    """`OutboxRepository`: rows are removed once done."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, topic: str, payload: Mapping[str, Any]) -> None:
        self._connection.execute(outbox.insert().values(topic=topic, payload=dict(payload)))

    def pending(self, topic: str, *, limit: int) -> tuple[OutboxRow, ...]:
        c = outbox.c
        query = sa.select(c.id, c.topic, c.payload).where(c.topic == topic).order_by(c.id).limit(limit)
        return tuple(OutboxRow(**row) for row in self._connection.execute(query).mappings())

    def done(self, ids: Sequence[int]) -> None:
        self._connection.execute(outbox.delete().where(outbox.c.id.in_(ids)))
