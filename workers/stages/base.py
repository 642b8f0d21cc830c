"""What a stage is given and what it gives back. A stage knows no database and no other stage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voicereel.domain.errors import NotFound, StageFailed
from voicereel.domain.job import Artifact, Claim, Job, LineRecord, Result
from voicereel.domain.speakers import Speaker
from voicereel.ports import ArtifactStore
from voicereel.services.ids import new_id
from voicereel.services.work import WorkService
from workers.engines.base import Synthesizer
from workers.engines.pool import EnginePool


class Pulse(Protocol):
    """How a stage says that it goes on, and hears that it must not."""

    def progress(self, share: float) -> None:
        """Tell how much of the stage is done, in [0, 1]. Raises when the stage has to stop."""

    def check(self) -> None:
        """Raises when the stage has to stop, and tells nothing. Cheap: for use while waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """One claimed stage run: its inputs, a scratch folder, and where results go."""

    claim: Claim
    job: Job
    scratch: Path
    engines: EnginePool
    work: WorkService
    pulse: Pulse
    max_reel_ms: int
    max_preview_ms: int = 0
    max_stems_ms: int = 24 * 3_600_000

    @property
    def store(self) -> ArtifactStore:
        return self.work.store

    def engine(self, name: str) -> Synthesizer:
        """The engine, given up on as soon as the stage has to stop; `StageFailed` if it is not here."""
        try:
            return self.engines.synthesizer(name, watch=self.pulse.check)
        except KeyError:
            detail = f"The engine '{name}' is not up where this stage runs."
            raise StageFailed(detail, code="no_engine", retryable=True) from None

    def lines(self, *, first: int = 0, last: int | None = None, words: bool = True) -> tuple[LineRecord, ...]:
        return self.work.lines(self.claim, first=first, last=last, words=words)

    def speaker(self) -> Speaker:
        return self.work.speaker(self.claim)

    def artifacts(self, kind: str) -> tuple[Artifact, ...]:
        return self.work.artifacts(self.claim, kind=kind)

    def previous(self, kind: str) -> tuple[Artifact, ...]:
        """Files of the revision before; none in the first."""
        return self.work.previous(self.claim, kind=kind) if self.claim.revision else ()

    def take_files(self, records: Sequence[LineRecord]) -> Mapping[str, Path]:
        """The files in which these lines' takes are, by artifact id; a job has more of them."""
        wanted = {record.take.artifact_id for record in records if record.take}
        return {file.id: self.fetch(file) for file in self.artifacts("takes") if file.id in wanted}

    def fetch_source(self, source_id: str) -> Path:
        """A local, read-only file with a source's bytes; `StageFailed` if it was deleted."""
        source = self.work.source(self.claim, source_id)
        gone = StageFailed("The source that the script names was deleted.", code="source_gone")
        if source is None:
            raise gone
        try:
            return self.store.fetch(source.key, self.scratch)
        except NotFound:
            raise gone from None

    def fetch(self, artifact: Artifact) -> Path:
        """A local, read-only file with the artifact's bytes."""
        return self.store.fetch(artifact.key, self.scratch)

    def keep(
        self,
        path: Path,
        *,
        kind: str,
        media_type: str,
        facts: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Artifact:
        """Put a finished scratch file into the store under this attempt's own name.

        ``name`` is what customers see, where it is not the scratch file's.
        """
        key = f"{self.claim.key_prefix}/{path.name}"
        stored = self.store.put_file(key, path)
        return Artifact(
            id=new_id("art"),
            tenant_id=self.claim.tenant_id,
            job_id=self.claim.job_id,
            kind=kind,
            name=name or path.name,
            key=key,
            media_type=media_type,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            facts=facts or {},
            revision=self.claim.revision,
        )


Stage = Callable[[StageContext], Result]
