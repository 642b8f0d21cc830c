"""A job's script as it stands: its lines are read, changed, added, removed and moved."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.drafts import (
    LineChange,
    Place,
    cast_of,
    content_sha256,
    free_id,
    index_of,
    is_changed,
    is_spoken_alike,
    script_sha256,
)
from voicereel.domain.errors import Conflict, FieldError, InvalidRequest, NotFound
from voicereel.domain.job import FINISHED, Job, LineRecord
from voicereel.domain.script import Line, Script, check
from voicereel.ports import Transaction, UnitOfWork
from voicereel.services.draft_casting import DraftCasting
from voicereel.services.idempotency import Once, Reply, recall, remember
from voicereel.services.jobs import speech_job
from voicereel.services.limits import ScriptLimits, check_limits
from voicereel.services.line_audio import LineAudioService
from voicereel.services.line_views import line_view


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftService:
    """Use cases on the lines of a job that rests. An edit changes nothing that was rendered."""

    work: UnitOfWork
    casting: DraftCasting
    limits: ScriptLimits
    audio: LineAudioService

    def page(
        self, principal: Principal, job_id: str, *, limit: int, first: int, words: bool
    ) -> tuple[list[dict[str, Any]], int | None]:
        """``limit`` lines in script order from the one at index ``first``; where the next page begins."""
        with self.work.reading() as tx:
            job = speech_job(tx, principal, job_id)
            found = tx.jobs.lines(job_id, first=first, last=first + limit + 1, words=words)
        views = [self._view(job, record, words=words) for record in found[:limit]]
        return views, first + limit if len(found) > limit else None

    def line(self, principal: Principal, job_id: str, line_id: str, *, words: bool) -> dict[str, Any]:
        with self.work.reading() as tx:
            job = speech_job(tx, principal, job_id)
            record = tx.jobs.line(job_id, line_id, words=words)
        if record is None:
            raise NotFound("line")
        return self._view(job, record, words=words)

    def update(self, principal: Principal, job_id: str, line_id: str, change: LineChange) -> dict[str, Any]:
        """Change a line, or move it; all of it or, where anything of it is wrong, nothing."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            job, records = open_draft(tx, principal, job_id)
            record = _line(records, line_id)
            changed = self._changed(tx, job, records, record, change.of(record.line))
            tx.drafts.write(job_id, changed)
            if change.place.is_said:
                to = index_of(change.place, records, moved=line_id)
                tx.drafts.move(job_id, line_id, ordinal=record.ordinal, to=to)
            records = self._noted(tx, job)
            return self._view(replace(job, stale=True), _line(records, line_id), words=False)

    def insert(
        self, principal: Principal, job_id: str, line: Line, place: Place, *, once: Once | None
    ) -> Reply:
        """Add a line; one without an id is given one. A line that was removed may come back under its own."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            job, records = open_draft(tx, principal, job_id)
            removed = {record.line.id: record for record in tx.drafts.removed(job_id)}
            line = _with_id(line, records, removed.keys())
            ordinal = index_of(place, records)
            if line.id in removed:
                changed = self._changed(tx, job, records, removed[line.id], line)
                tx.drafts.restore(job_id, line.id, ordinal=ordinal)
                tx.drafts.write(job_id, changed)
            else:
                cast = self.casting.cast_line(tx, job, line, cast_of(job.cast, records))
                tx.drafts.insert(job_id, replace(cast, ordinal=ordinal))
            found = _line(self._noted(tx, job), line.id)
            reply = Reply(
                status=201,
                body=self._view(job, found, words=False),
                location=f"/v1/jobs/{job_id}/lines/{line.id}",
            )
            return remember(tx, principal.tenant_id, once, reply)

    def delete(self, principal: Principal, job_id: str, line_id: str) -> None:
        """Take a line out; a script keeps at least one."""
        with self.work.writing() as tx:
            tx.jobs.lock(job_id)
            job, records = open_draft(tx, principal, job_id)
            record = _line(records, line_id)
            if len(records) == 1:
                raise Conflict("A script has at least one line: this is the last.", code="last_line")
            tx.drafts.remove(job_id, line_id, ordinal=record.ordinal)
            self._noted(tx, job)

    def _changed(
        self, tx: Transaction, job: Job, records: Sequence[LineRecord], record: LineRecord, line: Line
    ) -> LineRecord:
        """A line's record with what it says now, spoken by whoever is to speak that.

        A line that says once more what it said when it was rendered is spoken by who spoke it then.
        """
        before = record.rendered_as
        if before and record.rendered_sha256 == content_sha256(line):
            return replace(record.spoken(before), line=line, rendered_as=None)
        if is_spoken_alike(line, record.line):
            return replace(record, line=line)
        cast = self.casting.cast_line(tx, job, line, cast_of(job.cast, records))
        return replace(record.spoken(cast.spoken_as), line=line, rendered_as=before or record.spoken_as)

    def _noted(self, tx: Transaction, job: Job) -> tuple[LineRecord, ...]:
        """The script after an edit, within the limits; noted is whether it differs from what was rendered."""
        records = tx.jobs.lines(job.id, words=False)
        check_limits(Script(lines=tuple(record.line for record in records)), self.limits)
        known = tx.jobs.get(job.id, tenant_id=job.tenant_id)
        stale = known is None or script_sha256(records) != known.rendered_sha256
        tx.drafts.note(job.id, stale=stale, lines_total=len(records))
        return records

    def _view(self, job: Job, record: LineRecord, *, words: bool) -> dict[str, Any]:
        # Before the first edit nothing has been noted: then all is as it was rendered.
        changed = job.rendered_sha256 is not None or job.stale
        return line_view(
            job,
            record,
            changed=changed and is_changed(record),
            words=words,
            audio=self.audio.of_line(job, record),
        )


def open_draft(tx: Transaction, principal: Principal, job_id: str) -> tuple[Job, tuple[LineRecord, ...]]:
    """A job whose script may be edited, and its lines; what was rendered is noted before the first edit."""
    job = speech_job(tx, principal, job_id)
    if job.status not in FINISHED:
        raise Conflict("The job is still being rendered; wait for its end.", code="job_not_finished")
    if job.heard_revision is None:
        detail = f"The job has {job.status} and has no reel to revise; send the script again."
        raise Conflict(detail, code=f"job_{job.status}")
    records = tx.jobs.lines(job_id, words=False)
    if job.rendered_sha256 is None:
        note_rendered(tx, job_id, records)
        job = speech_job(tx, principal, job_id)
        records = tx.jobs.lines(job_id, words=False)
    return job, records


def note_rendered(tx: Transaction, job_id: str, records: Sequence[LineRecord]) -> None:
    """The script as it stands is what has been rendered."""
    changed = [record for record in records if is_changed(record)]
    shas = {record.line.id: content_sha256(record.line) for record in changed}
    tx.drafts.note_rendered(job_id, script_sha256(records), shas)
    for record in records:
        if record.rendered_as is not None:
            tx.drafts.write(job_id, replace(record, rendered_as=None))


def settle_draft(tx: Transaction, job: Job) -> None:
    """A revision has been rendered: its script is what later edits are compared with.

    Of the first one that is noted when it is first edited: most never are.
    """
    if job.revision:
        note_rendered(tx, job.id, tx.jobs.lines(job.id, words=False))
        tx.drafts.forget_removed(job.id)


def check_draft(job: Job, records: Sequence[LineRecord]) -> None:
    """The rules between lines; `InvalidRequest` points into the script as it stands."""
    lines = [record.line for record in records]
    errors = tuple(check(lines, cast_of(job.cast, records)))
    if errors:
        raise InvalidRequest(errors)


def _line(records: Sequence[LineRecord], line_id: str) -> LineRecord:
    for record in records:
        if record.line.id == line_id:
            return record
    raise NotFound("line")


def _with_id(line: Line, records: Sequence[LineRecord], removed: AbstractSet[str]) -> Line:
    known = {record.line.id for record in records}
    if line.id in known:
        raise InvalidRequest((FieldError("/id", "duplicate_line_id", "Another line has this id."),))
    return line if line.id else replace(line, id=free_id(frozenset(known | removed)))
