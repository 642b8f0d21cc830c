"""What a stage is given and what it gives back. A stage knows no database and no other stage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voicereel.domain.errors import StageFailed
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

    def fetch(self, artifact: Artifact) -> Path:
        """A local, read-only file with the artifact's bytes."""
        return self.store.fetch(artifact.key, self.scratch)

    def keep(
        self, path: Path, *, kind: str, media_type: str, facts: Mapping[str, Any] | None = None
    ) -> Artifact:
        """Put a finished scratch file into the store under this attempt's own name."""
        key = f"{self.claim.key_prefix}/{path.name}"
        stored = self.store.put_file(key, path)
        return Artifact(
            id=new_id("art"),
            tenant_id=self.claim.tenant_id,
            job_id=self.claim.job_id,
            kind=kind,
            name=path.name,
            key=key,
            media_type=media_type,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            facts=facts or {},
        )


Stage = Callable[[StageContext], Result]
