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
        """A job's results with fresh URLs; None while there are none."""
        files = [artifact for artifact in job.artifacts if artifact.kind in ("audio", "caption", "reel")]
        if not files or job.status not in ("succeeded", "needs_review"):
            return None
        captions = {
            a.facts["format"]: self._link(a) for a in files if "format" in a.facts and a.kind != "audio"
        }
        return {
            "audio": [self._audio(a) for a in files if a.kind == "audio"],
            "captions": {name: link for name, link in captions.items() if name in job.captions.formats},
            "reel": next((self._link(a) for a in files if a.kind == "reel"), None),
            "stems": [],
            "clips": [],
        }

    def _audio(self, artifact: Artifact) -> dict[str, Any]:
        facts = artifact.facts
        names = ("duration_ms", "loudness_lufs", "true_peak_dbtp")
        return {
            "format": facts["format"],
            **self._link(artifact),
            **{name: facts[name] for name in names},
        }

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

    def url(self, artifact: Artifact, *, expires: int) -> str:
        path = content_path(artifact.id)
        mac = self.signer.signature(path=path, expires=expires, tenant_id=artifact.tenant_id)
        query = urlencode({"exp": expires, "kid": self.signer.key_id, "sig": mac})
        return f"{self.public_url}{path}?{query}"

    def open_signed(
        self, artifact_id: str, *, expires: int, key_id: str, signature: str, disposition: str = ""
    ) -> Download:
        """Open a file by its presigned URL. The MAC names the tenant, so the row is read first."""
        with self.work.reading() as tx:
            tenant_id = tx.artifacts.owner(artifact_id)
            if tenant_id is None:
                raise NotFound("file")
            self._check(artifact_id, tenant_id, expires, key_id, signature, disposition)
            artifact = tx.artifacts.get(artifact_id, tenant_id=tenant_id)
        if artifact is None:
            raise NotFound("file")
        return Download(artifact=artifact, stream=self.store.open(artifact.key))

    def _check(
        self, artifact_id: str, tenant_id: str, expires: int, key_id: str, signature: str, disposition: str
    ) -> None:
        expected = self.signer.signature(
            path=content_path(artifact_id), expires=expires, tenant_id=tenant_id, disposition=disposition
        )
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
        if not genuine or key_id != self.signer.key_id or expires < self.now().timestamp():
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


def content_path(artifact_id: str) -> str:
    return f"/v1/artifacts/{artifact_id}/content"
