"""What tests of revisions do: edit, render, and see what was spoken for it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.rendering import Studio
from voicereel.api.schemas import LineInsertBody, LineUpdateBody
from voicereel.domain.certificate import contradictions
from workers.engines.base import TakeRequest
from workers.engines.tts import fake

LINES = [
    {"id": "one", "speaker": "ANA", "text": "One two three."},
    {"id": "two", "speaker": "BEN", "text": "Four five."},
    {"id": "three", "speaker": "ANA", "text": "Six seven eight nine."},
    {"id": "four", "speaker": "BEN", "text": "Ten."},
]
SCRIPT: dict[str, Any] = {
    "cast": {"ANA": "stock:fake/a", "BEN": {"speaker": "stock:fake/b", "speed": 1.1}},
    "lines": LINES,
    "output": {"formats": ["wav"]},
    "captions": {"formats": []},
}


@dataclass
class Ear:
    """Hears what the fake engine is asked to speak."""

    texts: list[str] = field(default_factory=list)

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        take = fake._take

        def heard(request: TakeRequest) -> Any:
            self.texts.append(request.text)
            return take(request)

        monkeypatch.setattr(fake, "_take", heard)

    def hear(self) -> list[str]:
        """What was spoken since the last call."""
        texts, self.texts = self.texts, []
        return texts


def update(studio: Studio, job_id: str, line_id: str, **changes: Any) -> dict[str, Any]:
    change = LineUpdateBody.model_validate_json(json.dumps(changes)).change()
    return studio.services.drafts.update(studio.principal, job_id, line_id, change)


def insert(studio: Studio, job_id: str, **line: Any) -> dict[str, Any]:
    body = LineInsertBody.model_validate_json(json.dumps(line))
    reply = studio.services.drafts.insert(
        studio.principal, job_id, body.line(body.id or ""), body.place(), once=None
    )
    return dict(reply.body)


def delete(studio: Studio, job_id: str, line_id: str) -> None:
    studio.services.drafts.delete(studio.principal, job_id, line_id)


def lines(studio: Studio, job_id: str) -> list[dict[str, Any]]:
    views, _ = studio.services.drafts.page(studio.principal, job_id, limit=100, first=0, words=True)
    return views


def ids(studio: Studio, job_id: str) -> list[str]:
    return [line["id"] for line in lines(studio, job_id)]


def revise(studio: Studio, job_id: str, **said: Any) -> dict[str, Any]:
    reply = studio.services.revisions.revise(
        studio.principal, job_id, once=None, request_id="req_revise", **said
    )
    return dict(reply.body)


def estimate(studio: Studio, job_id: str) -> dict[str, Any]:
    return studio.services.revisions.estimate(studio.principal, job_id)


def render(studio: Studio, job_id: str) -> dict[str, Any]:
    """Render the edits; the job as it then is."""
    revise(studio, job_id)
    studio.work()
    return studio.job(job_id)


def revisions(studio: Studio, job_id: str) -> list[dict[str, Any]]:
    views, _ = studio.services.revisions.page(studio.principal, job_id, limit=100, before=None)
    return views


def file_of(studio: Studio, job_id: str, kind: str, revision: int) -> Path:
    with studio.services.jobs.work.reading() as tx:
        (found,) = (a for a in tx.artifacts.of_job(job_id, kind=kind) if a.revision == revision)
    return studio.services.work.store.fetch(found.key, Path("/nowhere"))


def certificate(studio: Studio, job_id: str, revision: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file_of(studio, job_id, "certificate", revision).read_text())
    before = document["previous"] and certificate(studio, job_id, document["previous"]["revision"])
    assert list(contradictions(document, before)) == []
    return document


def done(document: dict[str, Any]) -> dict[str, list[str]]:
    return {line["id"]: line["done"] for line in document["lines"]}


def sound(studio: Studio, job_id: str, revision: int, line: dict[str, Any]) -> np.ndarray:
    """The samples of the delivered file between a line's start and end."""
    samples, rate = soundfile.read(file_of(studio, job_id, "audio", revision), dtype="int16")
    return samples[line["start_ms"] * rate // 1000 : line["end_ms"] * rate // 1000]
