"""One stage run from claim to commit. Whatever goes wrong, the fence decides who may write."""

import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from voicereel.domain.checks import LINE_SUSPECT
from voicereel.domain.errors import LeaseLost, StageFailed, Unavailable, VoiceReelError
from voicereel.domain.job import Claim, Result
from voicereel.domain.plan import STAGE_LIMIT_S
from voicereel.services.work import WorkService
from voicereel.settings import Settings
from voicereel.telemetry import log, metrics, traces
from voicereel.telemetry.metrics import Outcome
from workers.engines.pool import EnginePool
from workers.pulse import LeasePulse, Rhythm, Stopping
from workers.stages import STAGES
from workers.stages.base import StageContext


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs due stage runs of one pool, one at a time."""

    settings: Settings
    work: WorkService
    engines: EnginePool
    worker_id: str
    pool: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def run_one(self) -> bool:
        """Claim and run one stage run; False when nothing was due."""
        claim = self.work.claim(self.pool, worker_id=self.worker_id)
        if claim is None:
            return False
        where: dict[str, str | int] = {
            "job_id": claim.job_id,
            "stage": claim.stage,
            "shard": claim.shard,
            "attempt": claim.attempt,
        }
        metrics.stage_waited(claim.stage, claim.waited_ms / 1000)
        with (
            structlog.contextvars.bound_contextvars(request_id=claim.request_id, **where),
            traces.span(f"stage {claim.stage}", parent=claim.trace, kind="consumer", **where),
        ):
            began = time.monotonic()
            outcome = self._run(claim)
            seconds = time.monotonic() - began
            metrics.stage_finished(claim.stage, claim.pool, outcome, seconds, claim.attempt)
            log().info("stage_run", outcome=outcome, ms=round(seconds * 1000))
        return True

    def _run(self, claim: Claim) -> Outcome:
        try:
            self._attempt(claim)
        except Stopping:
            self._settle(claim, None)
            return "released"
        except Unavailable as error:
            # Perhaps the commit was made and only its answer is lost: touch nothing that it names.
            log().warning("stage_uncertain", code=error.code)
            self._settle(claim, error, discard=False)
            return "retried"
        except LeaseLost as error:
            log().info("stage_lost", code=error.code)
            self._discard(claim)
            return "lost"
        except VoiceReelError as error:
            log().warning("stage_failed", code=error.code, retryable=error.retryable)
            return self._fail(claim, error)
        except Exception as error:  # noqa: BLE001 - a bug in one stage must not stop the worker
            log().error("stage_crashed", exc_info=error)
            detail = "The stage stopped on an internal error."
            # It may have happened after the commit: what is really nobody's is collected as orphans.
            return self._fail(claim, StageFailed(detail, code="internal", retryable=True), discard=False)
        return "succeeded"

    def _fail(self, claim: Claim, error: VoiceReelError, *, discard: bool = True) -> Outcome:
        metrics.stage_error(claim.stage, error.code)
        self._settle(claim, error, discard=discard)
        return "retried" if error.retryable and not claim.is_last_attempt else "failed"

    def _attempt(self, claim: Claim) -> None:
        self.settings.scratch.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=self.settings.scratch, ignore_cleanup_errors=True) as scratch,
            LeasePulse(self.work, claim, rhythm=self._rhythm(claim), stopping=self.stopping) as pulse,
        ):
            result = STAGES[claim.stage](self._context(claim, Path(scratch), pulse))
            pulse.progress(1.0)
        # Last of all: whatever is raised before it, nothing has been published.
        self.work.complete(claim, result)
        _count(claim, result)

    def _rhythm(self, claim: Claim) -> Rhythm:
        return Rhythm(
            heartbeat_s=self.settings.heartbeat_s,
            lease_s=self.settings.lease_s,
            limit_s=STAGE_LIMIT_S[claim.stage],
        )

    def _context(self, claim: Claim, scratch: Path, pulse: LeasePulse) -> StageContext:
        return StageContext(
            claim=claim,
            job=self.work.job(claim),
            scratch=scratch,
            engines=self.engines,
            work=self.work,
            pulse=pulse,
            max_reel_ms=self.settings.max_reel_minutes * 60_000,
            max_preview_ms=self.settings.max_preview_minutes * 60_000,
            max_stems_ms=self.settings.max_stems_minutes * 60_000,
        )

    def _settle(self, claim: Claim, error: VoiceReelError | None, *, discard: bool = True) -> None:
        """Say how a run ended; when nobody listens, its lease runs out and says the same."""
        try:
            if error is None:
                self.work.release(claim)
            else:
                self.work.fail(claim, error)
        except (LeaseLost, Unavailable) as late:
            log().info("stage_unsettled", code=late.code)
        if discard:
            self._discard(claim)

    def _discard(self, claim: Claim) -> None:
        """Remove what this attempt had stored: no row names it. What stays is collected as orphans."""
        try:
            self.work.store.delete_under(claim.key_prefix)
        except Unavailable as error:
            log().info("discard_failed", code=error.code)


def _count(claim: Claim, result: Result) -> None:
    """Tell what was made: how much speech, by which engine."""
    if claim.stage == "synthesize":
        spoken_ms = sum(take.duration_ms for take in result.takes)
        metrics.rendered(claim.payload["engine"], spoken_ms / 1000)
        checks = [take.check for take in result.takes if take.check]
        metrics.lines_checked(
            claim.payload["engine"],
            by=Counter(check.recognizer or "none" for check in checks),
            retries=sum(check.attempts - 1 for check in checks),
            suspect=sum(w.code == LINE_SUSPECT for take in result.takes for w in take.warnings),
        )
