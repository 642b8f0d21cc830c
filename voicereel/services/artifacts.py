"""Files of a job: presigned URLs, and who may read what."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import urlencode

from voicereel.domain.errors import Forbidden, NotFound
from voicereel.domain.job import Artifact, Job
from voicereel.ports import ArtifactStore, Clock, OutboxRow, UnitOfWork
from voicereel.services.views import moment

URL_LIFETIME_S = 15 * 60
_OUTPUTS = frozenset(
    {"audio", "caption", "reel", "preview", "stem", "clips", "clips_manifest", "cue_sheet", "certificate"}
)
_PAGE = 100
_PAGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlSigner:
    """Makes and checks the MAC of a presigned URL (profile VRURL1 of the security contract)."""

    secret: bytes
    key_id: str = "u1"

    def signature(self, *, path: str, expires: int, tenant_id: str, disposition: str = "") -> str:
        text = "\n".join(("VRURL1", self.key_id, "GET", path, str(expires), tenant_id, disposition))
        mac = hmac.new(self.secret, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a presigned URL says of itself."""

    path: str
    expires: int
    key_id: str
    signature: str
    disposition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An opened file and what to tell the browser about it."""

    artifact: Artifact
    stream: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactService:
    """Presigned downloads, and the removal of files whose rows are gone."""

    work: UnitOfWork
    store: ArtifactStore
    signer: UrlSigner
    public_url: str
    now: Clock

    def outputs(self, job: Job) -> dict[str, Any] | None:
        """A job's results with fresh URLs: those of its newest revision that has any, else None."""
        revision = job.heard_revision
        return None if revision is None else self.outputs_of(job, revision)

    def outputs_of(self, job: Job, revision: int) -> dict[str, Any] | None:
        """The results of one revision; None where there are none."""
        files = [a for a in job.artifacts if a.kind in _OUTPUTS and a.revision == revision]
        if not files:
            return None
        captions = {a.facts["format"]: self._link(a) for a in files if a.kind in ("caption", "reel")}
        return {
            "audio": [self._audio(a) for a in files if a.kind == "audio"],
            "captions": {name: link for name, link in captions.items() if name in job.captions.formats},
            **{kind: self._only(files, kind) for kind in ("reel", "preview", "certificate")},
            "stems": [self._stem(a) for a in _in_place(files)],
            "clips": [self._named(a) for a in files if a.kind in ("clips", "clips_manifest")],
            "cue_sheets": {a.facts["format"]: self._link(a) for a in files if a.kind == "cue_sheet"},
        }

    def _only(self, files: Sequence[Artifact], kind: str) -> dict[str, Any] | None:
        return next((self._link(artifact) for artifact in files if artifact.kind == kind), None)

    def _audio(self, artifact: Artifact) -> dict[str, Any]:
        facts = artifact.facts
        names = ("duration_ms", "loudness_lufs", "true_peak_dbtp", "gain_db", "limiting_db")
        return {
            "format": facts["format"],
            **self._link(artifact),
            **{name: facts.get(name) for name in names},
        }

    def _named(self, artifact: Artifact) -> dict[str, Any]:
        return {"name": artifact.name, "format": artifact.facts["format"], **self._link(artifact)}

    def _stem(self, artifact: Artifact) -> dict[str, Any]:
        names = ("role", "duration_ms", "gain_db")
        return self._named(artifact) | {name: artifact.facts[name] for name in names}

    def _link(self, artifact: Artifact) -> dict[str, Any]:
        expires = int(self.now().timestamp()) + URL_LIFETIME_S
        return {
            "url": self._direct_url(artifact) or self.url(artifact, expires=expires),
            "expires_at": moment(datetime.fromtimestamp(expires, UTC)),
            "sha256": artifact.sha256,
            "bytes": artifact.size_bytes,
        }

    def _direct_url(self, artifact: Artifact) -> str | None:
        """Where the store itself serves files, they do not pass through here."""
        return self.store.url(
            artifact.key, expires_s=URL_LIFETIME_S, name=artifact.name, media_type=artifact.media_type
        )

    def url(self, artifact: Artifact, *, expires: int, path: str | None = None) -> str:
        """A presigned URL of a file, or of a ``path`` below it."""
        path = path or content_path(artifact.id)
        mac = self.signer.signature(path=path, expires=expires, tenant_id=artifact.tenant_id)
        query = urlencode({"exp": expires, "kid": self.signer.key_id, "sig": mac})
        return f"{self.public_url}{path}?{query}"

    def open_signed(
        self, artifact_id: str, *, expires: int, key_id: str, signature: str, disposition: str = ""
    ) -> Download:
        """Open a file by its presigned URL. The MAC names the tenant, so the row is read first."""
        signed = Signed(
            path=content_path(artifact_id),
            expires=expires,
            key_id=key_id,
            signature=signature,
            disposition=disposition,
        )
        artifact = self.signed_for(artifact_id, signed)
        return Download(artifact=artifact, stream=self.store.open(artifact.key))

    def signed_for(self, artifact_id: str, signed: Signed) -> Artifact:
        """The file that a presigned URL is of; `Forbidden` where the URL is none of ours."""
        with self.work.reading() as tx:
            tenant_id = tx.artifacts.owner(artifact_id)
            if tenant_id is None:
                raise NotFound("file")
            self._check(signed, tenant_id)
            artifact = tx.artifacts.get(artifact_id, tenant_id=tenant_id)
        if artifact is None:
            raise NotFound("file")
        return artifact

    def _check(self, signed: Signed, tenant_id: str) -> None:
        expected = self.signer.signature(
            path=signed.path, expires=signed.expires, tenant_id=tenant_id, disposition=signed.disposition
        )
        genuine = hmac.compare_digest(expected.encode(), signed.signature.encode())
        is_ours = genuine and signed.key_id == self.signer.key_id
        if not is_ours or signed.expires < self.now().timestamp():
            detail = "The URL has expired or was altered; read the job again for a fresh one."
            raise Forbidden(detail, code="bad_url_signature")

    def collect(self) -> None:
        """Remove files whose rows are gone, some pages of them; safe to run at any time, by anyone."""
        for _ in range(_PAGES):
            rows = self._pending_deletions()
            for row in rows:
                self._delete(row.payload)
            with self.work.writing() as tx:
                tx.outbox.done([row.id for row in rows])
            if len(rows) < _PAGE:
                return

    def _delete(self, payload: Mapping[str, Any]) -> None:
        if "key" in payload:
            self.store.delete(payload["key"])
        else:
            self.store.delete_under(payload["prefix"])

    def _pending_deletions(self) -> Sequence[OutboxRow]:
        with self.work.reading() as tx:
            return tx.outbox.take("delete_files", limit=_PAGE)


def _in_place(files: Sequence[Artifact]) -> list[Artifact]:
    """The stems among them in the order of the script: they are made side by side."""
    return sorted((file for file in files if file.kind == "stem"), key=lambda file: int(file.facts["place"]))


def content_path(artifact_id: str) -> str:
    return f"/v1/artifacts/{artifact_id}/content"
