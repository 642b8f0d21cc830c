"""Sources: a customer's own sound, kept for jobs to use. Upload, read, list, delete."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import BinaryIO

from voicereel.domain.account import Principal
from voicereel.domain.errors import NotFound, Unavailable
from voicereel.domain.sources import Source
from voicereel.ports import ArtifactStore, Clock, Page, UnitOfWork
from voicereel.services.idempotency import Once, Reply, recall, remember
from voicereel.services.ids import new_id
from voicereel.services.views import source_view


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUpload:
    """One file. ``kind`` is what its first bytes promise it to be."""

    name: str
    kind: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceService:
    """Use cases on sources; every one acts for the tenant of its principal."""

    work: UnitOfWork
    store: ArtifactStore
    now: Clock
    max_bytes: int

    def add(self, principal: Principal, upload: SourceUpload, *, once: Once | None) -> Reply:
        """Store a file first, then its row and the reply in one commit."""
        with self.work.reading() as tx:
            replay = recall(tx, principal.tenant_id, once)
        if replay:
            return replay
        source_id = new_id("src")
        folder = f"{principal.tenant_id}/{source_id}"
        with ExitStack() as undo:
            undo.callback(self._forget_files, folder)
            source = self._store(principal, upload, source_id, key=f"{folder}/source.{upload.kind}")
            try:
                reply = self._accept(principal, source, once)
            except Unavailable:
                # Perhaps it was committed and only the answer is lost; if not, this is an orphan.
                undo.pop_all()
                raise
            if not reply.replayed:
                undo.pop_all()
        return reply

    def _store(self, principal: Principal, upload: SourceUpload, source_id: str, *, key: str) -> Source:
        stored = self.store.put_stream(key, upload.stream, max_bytes=self.max_bytes)
        return Source(
            id=source_id,
            tenant_id=principal.tenant_id,
            name=upload.name,
            kind=upload.kind,
            key=key,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            created_at=self.now(),
        )

    def _accept(self, principal: Principal, source: Source, once: Once | None) -> Reply:
        with self.work.writing() as tx:
            replay = recall(tx, principal.tenant_id, once)
            if replay:
                return replay
            tx.sources.add(source)
            reply = Reply(status=201, body=source_view(source), location=f"/v1/sources/{source.id}")
            return remember(tx, principal.tenant_id, once, reply)

    def _forget_files(self, prefix: str) -> None:
        """Remove what no row will name; what cannot be removed now is collected as orphans."""
        with suppress(Unavailable):
            self.store.delete_under(prefix)

    def get(self, principal: Principal, source_id: str) -> Source:
        with self.work.reading() as tx:
            source = tx.sources.get(source_id, tenant_id=principal.tenant_id)
        if source is None:
            raise NotFound("source")
        return source

    def page(self, principal: Principal, *, limit: int, cursor: str | None) -> Page[Source]:
        with self.work.reading() as tx:
            return tx.sources.page(principal.tenant_id, limit=limit, cursor=cursor)

    def delete(self, principal: Principal, source_id: str) -> None:
        """Forget a source and its file; a job that has not used it yet will fail."""
        with self.work.writing() as tx:
            key = tx.sources.delete(source_id, tenant_id=principal.tenant_id)
            if key is None:
                raise NotFound("source")
            tx.outbox.add("delete_files", {"prefix": key.rpartition("/")[0]})
