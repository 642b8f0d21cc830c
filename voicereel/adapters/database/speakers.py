"""Enrolled speakers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import from_text, to_text
from voicereel.adapters.database.tables import speakers
from voicereel.domain.speakers import Consent, Speaker
from voicereel.ports import Page

_COPIED = (
    "id", "tenant_id", "name", "language", "status", "engine", "created_at", "transcript", "profile",
    "capabilities", "reference", "error",
)  # fmt: skip


class Speakers:
    """`SpeakerRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, speaker: Speaker, *, job_id: str) -> None:
        values = {name: getattr(speaker, name) for name in _COPIED}
        consent = _consent_json(speaker.consent)
        self._connection.execute(speakers.insert(), {**values, "job_id": job_id, "consent": consent})

    def get(self, speaker_id: str, *, tenant_id: str) -> Speaker | None:
        query = sa.select(speakers).where(speakers.c.id == speaker_id, speakers.c.tenant_id == tenant_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _speaker(row)

    def page(self, tenant_id: str, *, limit: int, cursor: str | None, status: str | None) -> Page[Speaker]:
        query = sa.select(speakers).where(speakers.c.tenant_id == tenant_id)
        if cursor:
            query = query.where(speakers.c.id < cursor)
        if status:
            query = query.where(speakers.c.status == status)
        rows = self._connection.execute(query.order_by(speakers.c.id.desc()).limit(limit + 1)).mappings()
        found = [_speaker(row) for row in rows]
        return Page(
            data=tuple(found[:limit]), next_cursor=found[limit - 1].id if len(found) > limit else None
        )

    def rename(self, speaker_id: str, *, tenant_id: str, name: str) -> bool:
        where = (speakers.c.id == speaker_id) & (speakers.c.tenant_id == tenant_id)
        return self._connection.execute(speakers.update().where(where).values(name=name)).rowcount == 1

    def settle(
        self,
        speaker_id: str,
        *,
        status: str,
        profile: Mapping[str, Any] | None,
        reference: Mapping[str, Any] | None,
        error: Mapping[str, Any] | None,
    ) -> None:
        """End the enrolment of a speaker that is still processing."""
        where = (speakers.c.id == speaker_id) & (speakers.c.status == "processing")
        values = {"status": status, "profile": profile, "error": error}
        if reference is not None:  # figures once measured are kept, whatever comes after
            values["reference"] = reference
        self._connection.execute(speakers.update().where(where).values(**values))

    def enrolment(self, speaker_id: str, *, tenant_id: str) -> str | None:
        """The job that holds a speaker's recordings, or None if there is no such speaker."""
        where = (speakers.c.id == speaker_id) & (speakers.c.tenant_id == tenant_id)
        return self._connection.scalar(sa.select(speakers.c.job_id).where(where))

    def delete(self, speaker_id: str, *, tenant_id: str) -> None:
        where = (speakers.c.id == speaker_id) & (speakers.c.tenant_id == tenant_id)
        self._connection.execute(speakers.delete().where(where))


def _consent_json(consent: Consent) -> dict[str, Any]:
    moments = {
        name: to_text(moment) if isinstance(moment := getattr(consent, name), datetime) else None
        for name in ("attested_at", "expires_at")
    }
    return {**asdict(consent), **moments}


def _speaker(row: sa.RowMapping) -> Speaker:
    return Speaker(**{name: row[name] for name in _COPIED}, consent=_consent(row["consent"]))


def _consent(value: Mapping[str, Any]) -> Consent:
    return Consent(
        subject=value["subject"],
        attested_by=value["attested_by"],
        attested_at=from_text(value["attested_at"]),
        languages=tuple(value["languages"]),
        projects=tuple(value["projects"]),
        expires_at=from_text(value["expires_at"]) if value["expires_at"] else None,
    )
