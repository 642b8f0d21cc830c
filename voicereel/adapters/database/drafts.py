"""A job's script as it is edited, and the revisions that were rendered of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database import rows
from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.connections import Connections
from voicereel.adapters.database.tables import jobs, lines, revisions
from voicereel.domain.job import LineRecord
from voicereel.domain.revisions import Revision
from voicereel.domain.script import Warn
from voicereel.ports import Beginning

# Lines that are being moved stand here meanwhile: no script has as many.
_ASIDE = 1_000_000

_REVISION_COLUMNS = ("number", "status", "billable_ms", "error", "created_at", "started_at", "finished_at")


class Drafts:
    """`DraftRepository` over SQLAlchemy Core. Lines that were removed stand below zero for a while."""

    def __init__(self, tx: Connections) -> None:
        self._connections = tx

    @property
    def _connection(self) -> sa.Connection:
        return self._connections.connection

    def write(self, job_id: str, record: LineRecord) -> None:
        """A line as it reads now; what was made of it stays."""
        row = rows.line_row(job_id, record)
        names = ("role", "text", "spec", "status", "warnings")
        values = {name: row[name] for name in names} | {"error": record.error}
        where = (lines.c.job_id == job_id) & (lines.c.line_id == record.line.id)
        self._connection.execute(lines.update().where(where).values(values))

    def insert(self, job_id: str, record: LineRecord) -> None:
        """A line that is new, at its ordinal; those from there on go one down."""
        self._shift(job_id, record.ordinal, _ASIDE, by=1)
        self._connection.execute(lines.insert(), rows.line_row(job_id, record))

    def restore(self, job_id: str, line_id: str, *, ordinal: int) -> None:
        """A line that was removed, as `insert` would have it."""
        self._shift(job_id, ordinal, _ASIDE, by=1)
        self._put(job_id, line_id, sa.literal(ordinal))

    def remove(self, job_id: str, line_id: str, *, ordinal: int) -> None:
        """Take a line out of the script. What was made of it is kept until a revision has been rendered."""
        lowest = sa.select(sa.func.min(lines.c.ordinal)).where(lines.c.job_id == job_id).scalar_subquery()
        below = sa.case((lowest < 0, lowest), else_=0) - 1
        self._put(job_id, line_id, below)
        self._shift(job_id, ordinal + 1, _ASIDE, by=-1)

    def move(self, job_id: str, line_id: str, *, ordinal: int, to: int) -> None:
        self._put(job_id, line_id, sa.literal(2 * _ASIDE))
        if ordinal < to:
            self._shift(job_id, ordinal + 1, to + 1, by=-1)
        else:
            self._shift(job_id, to, ordinal, by=1)
        self._put(job_id, line_id, sa.literal(to))

    def _put(self, job_id: str, line_id: str, ordinal: sa.ColumnElement[int]) -> None:
        where = (lines.c.job_id == job_id) & (lines.c.line_id == line_id)
        self._connection.execute(lines.update().where(where).values(ordinal=ordinal))

    def _shift(self, job_id: str, first: int, last: int, *, by: int) -> None:
        """Move lines ``[first, last)`` along, by way of where nobody is: no two ever share a number."""
        c = lines.c
        mine = c.job_id == job_id
        away = lines.update().where(mine, c.ordinal >= first, c.ordinal < min(last, _ASIDE))
        self._connection.execute(away.values(ordinal=c.ordinal + _ASIDE + by))
        back = lines.update().where(mine, c.ordinal >= _ASIDE - 1, c.ordinal < 2 * _ASIDE)
        self._connection.execute(back.values(ordinal=c.ordinal - _ASIDE))

    def removed(self, job_id: str) -> tuple[LineRecord, ...]:
        """Lines that were taken out since the script was last rendered, without their takes."""
        query = sa.select(lines).where(lines.c.job_id == job_id, lines.c.ordinal < 0)
        return tuple(rows.line_of(row, None) for row in self._connection.execute(query).mappings())

    def forget_removed(self, job_id: str) -> None:
        where = (lines.c.job_id == job_id) & (lines.c.ordinal < 0)
        self._connection.execute(lines.delete().where(where))

    def note(self, job_id: str, *, stale: bool, lines_total: int) -> None:
        values = {"stale": stale, "lines_total": lines_total}
        self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))

    def note_rendered(self, job_id: str, sha256: str, line_sha256s: Mapping[str, str]) -> None:
        """What was rendered last: of the whole script, and of the lines named."""
        self._connection.execute(
            jobs.update().where(jobs.c.id == job_id).values(rendered_sha256=sha256, stale=False)
        )
        if line_sha256s:
            where = (lines.c.job_id == job_id) & (lines.c.line_id == sa.bindparam("rendered"))
            update = lines.update().where(where).values(rendered_sha256=sa.bindparam("sha256"))
            self._connection.execute(
                update, [{"rendered": line_id, "sha256": sha} for line_id, sha in line_sha256s.items()]
            )

    def begin(self, job_id: str, beginning: Beginning) -> None:
        """The job's row tells of the next revision from now on; of the last one, a row of its own."""
        self._keep_last(job_id)
        heard = sa.case(
            (jobs.c.status.in_(("succeeded", "needs_review")), jobs.c.revision),
            else_=jobs.c.finished_revision,
        )
        values = {
            "finished_revision": heard,
            "revision": jobs.c.revision + 1,
            "revised_at": db_now(),
            "status": "queued",
            "started_at": None,
            "finished_at": None,
            "expires_at": None,
            "error": None,
            "billable_ms": None,
            "lines_done": beginning.lines_done,
            "lines_total": beginning.lines_total,
            "warnings": rows.warnings_json(beginning.warnings),
            "key_id": beginning.key_id,
            "request_id": beginning.request_id,
            "trace": beginning.trace,
            "request": {**self._request(job_id), "cap": beginning.cap and rows.shallow(beginning.cap)},
        }
        self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))

    def _request(self, job_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._connection.scalars(
            sa.select(jobs.c.request).where(jobs.c.id == job_id)
        ).one()
        return found

    def _keep_last(self, job_id: str) -> None:
        c = jobs.c
        created = sa.func.coalesce(c.revised_at, c.created_at)
        names = ("job_id", *_REVISION_COLUMNS)
        columns = (c.id, c.revision, c.status, c.billable_ms, c.error, created, c.started_at, c.finished_at)
        query = sa.select(*columns).where(c.id == job_id)
        self._connection.execute(revisions.insert().from_select(names, query))

    def revisions(self, job_id: str) -> tuple[Revision, ...]:
        """Those before the one that the job's row tells of, newest first."""
        c = revisions.c
        query = sa.select(*(c[name] for name in _REVISION_COLUMNS)).where(c.job_id == job_id)
        found = self._connection.execute(query.order_by(c.number.desc())).mappings()
        return tuple(Revision(**row) for row in found)

    def recount(self, job_id: str, *, lines_done: int, warnings: Sequence[Warn]) -> None:
        """A revision that begins again."""
        values = {"lines_done": lines_done, "warnings": rows.warnings_json(warnings)}
        self._connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))
