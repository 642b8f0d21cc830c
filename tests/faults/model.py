"""Jobs as the state machine's test thinks of them, and the results that made-up workers bring."""

from dataclasses import dataclass, field

from voicereel.domain.job import Artifact, Claim, Result, Take
from voicereel.domain.script import Segment
from voicereel.services.ids import new_id

MOST = 3


@dataclass
class Run:
    ordinal: int
    stage: str
    status: str
    attempt: int = 0
    fence: int = 0
    expired: bool = False

    @property
    def is_due(self) -> bool:
        ready = self.status == "queued" or (self.status == "running" and self.expired)
        return ready and self.attempt < MOST


@dataclass
class JobModel:
    helped: bool  # by a fallback speaker
    status: str = "queued"
    to_review: bool = False
    heard: bool = False  # there is a reel to revise
    runs: dict[int, Run] = field(default_factory=dict)

    def end(self, status: str) -> None:
        self.status = status
        for run in self.runs.values():
            if run.status in ("blocked", "queued", "running"):
                run.status, run.fence = "canceled", run.fence + 1

    def go_on(self) -> None:
        """A run has ended well: the next stage is due, or the job is done."""
        if any(run.status in ("queued", "running") for run in self.runs.values()):
            return
        blocked = [run for run in self.runs.values() if run.status == "blocked"]
        for run in blocked:
            if run.ordinal == min(each.ordinal for each in blocked):
                run.status = "queued"
        if not blocked:
            self.end("needs_review" if self.to_review else "succeeded")
            self.heard = True

    def revise(self) -> None:
        """Begin again, with runs of its own."""
        self.status, self.to_review, self.runs = "queued", False, {}


def takes_of(claim: Claim, bad: str) -> list[Take]:
    """Of the lines the run is to speak, the first as bad as asked for."""
    if claim.stage != "synthesize":
        return []
    ordinals = claim.payload.get("only") or range(claim.payload["first"], claim.payload["last"])
    made = [_take(f"l{ordinal + 1}") for ordinal in ordinals]
    if bad != "none":
        made[0] = _take(made[0].line_id, bad=bad)
    return made


def _take(line_id: str, *, bad: str = "") -> Take:
    return Take(
        line_id=line_id,
        fingerprint="0" * 64,
        artifact_id="art",
        offset_samples=0,
        length_samples=0 if bad else 100,
        sample_rate=1000,
        duration_ms=0 if bad else 100,
        error={"code": "model", "detail": "By order of a test."} if bad else None,
        retryable=bad == "passing",
    )


def result_of(claim: Claim, takes: list[Take]) -> Result:
    kinds = {"synthesize": "takes", "mix": "mix"}
    kind = kinds.get(claim.stage) or ("audio" if "format" in claim.payload else "caption")
    file = Artifact(
        id=new_id("art"),
        tenant_id=claim.tenant_id,
        job_id=claim.job_id,
        kind=kind,
        name=kind,
        key=f"{claim.key_prefix}/{kind}",
        media_type="audio/wav",
        size_bytes=1,
        sha256="0" * 64,
        facts={"duration_ms": 1234} if kind == "audio" else {},
    )
    if claim.stage == "fit":
        return Result(segments={"l1": Segment(start_ms=0, end_ms=100)})
    return Result(artifacts=(file,), takes=tuple(takes))
