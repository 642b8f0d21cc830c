"""The clips of a job, one by one: each lies whole and uncompressed in one archive, and is served from it.

What is where says the manifest that was stored with the archive.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.errors import NotFound
from voicereel.domain.job import Artifact, Job
from voicereel.ports import ArtifactStore, Clock, UnitOfWork
from voicereel.services.artifacts import URL_LIFETIME_S, ArtifactService, Download, Signed
from voicereel.services.views import moment

_FOLDER = "clips/"
_SHOWN = ("line_id", "role", "in_ms", "out_ms", "duration_ms", "in_timecode", "out_timecode", "samples")

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipService:
    work: UnitOfWork
    store: ArtifactStore
    files: ArtifactService
    now: Clock

    def page(
        self, principal: Principal, job_id: str, *, limit: int, after: int
    ) -> tuple[Sequence[Entry], int | None]:
        """``limit`` clips in script order after the first ``after``; and where the next page begins.

        They are those of the newest revision that has any. There are none before the first has ended, and
        where none were asked for.
        """
        with self.work.reading() as tx:
            job = tx.jobs.get(job_id, tenant_id=principal.tenant_id)
        if job is None or job.kind != "speech":
            raise NotFound("job")
        archive, manifest = (_file(job, kind) for kind in ("clips", "clips_manifest"))
        if archive is None or manifest is None:
            return (), None
        entries = self._entries(manifest)
        page = [self._view(archive, entry) for entry in entries[after : after + limit]]
        return page, after + limit if len(entries) > after + limit else None

    def _view(self, archive: Artifact, entry: Entry) -> Entry:
        name = entry["file"].removeprefix(_FOLDER)
        expires = int(self.now().timestamp()) + URL_LIFETIME_S
        return {
            **{shown: entry[shown] for shown in _SHOWN},
            "name": name,
            "url": self.files.url(archive, expires=expires, path=clip_path(archive.id, name)),
            "expires_at": moment(datetime.fromtimestamp(expires, UTC)),
            "sha256": entry["sha256"],
            "bytes": entry["bytes"],
        }

    def open_signed(
        self, artifact_id: str, name: str, *, expires: int, key_id: str, signature: str
    ) -> Download:
        """Open one clip by its presigned URL, which names the archive it lies in."""
        path = clip_path(artifact_id, name)
        signed = Signed(path=path, expires=expires, key_id=key_id, signature=signature)
        archive = self.files.signed_for(artifact_id, signed)
        entry = self._entry(archive, name)
        clip = replace(
            archive, name=name, media_type="audio/wav", size_bytes=entry["bytes"], sha256=entry["sha256"]
        )
        stream = self.store.open_range(archive.key, offset=entry["offset"], length=entry["bytes"])
        return Download(artifact=clip, stream=stream)

    def _entry(self, archive: Artifact, name: str) -> Entry:
        with self.work.reading() as tx:
            found = tx.artifacts.of_job(archive.job_id, kind="clips_manifest")
        for manifest in (each for each in found if each.revision == archive.revision):
            for entry in self._entries(manifest):
                if entry["file"] == _FOLDER + name:
                    return entry
        raise NotFound("clip")

    def _entries(self, manifest: Artifact) -> list[Entry]:
        with self.store.open(manifest.key) as stream:
            document = json.load(stream)
        return [entry for entry in document["clips"] if entry["file"]]


def _file(job: Job, kind: str) -> Artifact | None:
    heard = (artifact for artifact in job.artifacts if artifact.revision == job.heard_revision)
    return next((artifact for artifact in heard if artifact.kind == kind), None)


def clip_path(artifact_id: str, name: str) -> str:
    return f"/v1/artifacts/{artifact_id}/clips/{name}"
