"""Recordings of an enrolment are kept as long as anybody may have been told that they are."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tests.rendering import Studio
from voicereel.adapters.database.database import Database, DatabaseTransaction
from voicereel.domain.errors import Unavailable
from voicereel.domain.speakers import Consent
from voicereel.services.idempotency import Once, Reply
from voicereel.services.speakers import Enrolment, Sample


def enroll(studio: Studio, once: Once) -> Reply:
    consent = Consent(subject="Ana", attested_by="legal", attested_at=datetime.now(UTC))
    enrolment = Enrolment(name="Ana", language="en", consent=consent)
    samples = [Sample(kind="wav", stream=io.BytesIO(b"RIFF"))]
    return studio.services.speakers.enroll(studio.principal, enrolment, samples, once=once, request_id="r")


def test_an_enrolment_whose_answer_was_lost_keeps_its_recordings(
    fake_studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Database.writing

    @contextmanager
    def cut_after_commit(database: Database) -> Iterator[DatabaseTransaction]:
        with writing(database) as tx:
            yield tx
        monkeypatch.undo()
        raise Unavailable("The answer to the COMMIT was lost.")

    once = Once(route="createSpeaker", key="k", request_sha256="x")
    monkeypatch.setattr(Database, "writing", cut_after_commit)
    with pytest.raises(Unavailable):
        enroll(fake_studio, once)
    assert enroll(fake_studio, once).replayed
    with fake_studio.services.jobs.work.reading() as tx:
        page = tx.speakers.page(fake_studio.principal.tenant_id, limit=9, cursor=None, status=None)
        (speaker,) = page.data
        job_id = tx.speakers.enrolment(speaker.id, tenant_id=speaker.tenant_id)
        (sample,) = tx.artifacts.of_job(job_id or "", kind="sample")
    with fake_studio.services.work.store.open(sample.key) as file:
        assert file.read() == b"RIFF"


def test_deleting_a_speaker_takes_its_recordings_along(fake_studio: Studio) -> None:
    reply = enroll(fake_studio, Once(route="createSpeaker", key="k", request_sha256="x"))
    fake_studio.services.speakers.delete(fake_studio.principal, str(reply.body["id"]))
    fake_studio.services.upkeep.sweep()
    assert list(fake_studio.services.work.store.keys()) == []
    assert fake_studio.work() == 0
