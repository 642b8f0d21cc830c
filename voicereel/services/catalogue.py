"""What the service has to offer right now: stock voices, and how busy its workers are."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from voicereel.domain.speakers import ENGINE_UP_S, EngineInfo, StockVoice, match_language
from voicereel.ports import Page, PoolState, UnitOfWork
from voicereel.services.views import voice_view

_KNOWN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueService:
    """Reads what workers advertise; knows no engine by name."""

    work: UnitOfWork
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, tuple[EngineInfo, ...]]] = field(default_factory=dict)

    def engines(self) -> tuple[EngineInfo, ...]:
        with self.work.reading() as tx:
            return tx.engines.up(within_s=ENGINE_UP_S)

    def engines_just_now(self) -> tuple[EngineInfo, ...]:
        """As `engines`, but asked once a second at most: every script that is sent needs to know."""
        until, known = self._known.get("engines", (0.0, ()))
        now = self.monotonic()
        if not known or now > until:
            # Whoever comes while this one asks takes what was known.
            self._known["engines"] = (now + _KNOWN_S, known)
            known = self.engines()
            self._known["engines"] = (now + _KNOWN_S, known)
        return known

    def voices(self, *, limit: int, cursor: str | None, language: str | None) -> Page[dict[str, Any]]:
        """Stock voices by id; with ``language``, those that speak it."""
        found = sorted(
            (
                voice_view(engine, voice)
                for engine in self.engines()
                for voice in engine.voices
                if _speaks(voice, language)
            ),
            key=lambda view: str(view["id"]),
        )
        rest = [view for view in found if cursor is None or view["id"] > cursor]
        return Page(
            data=tuple(rest[:limit]), next_cursor=rest[limit - 1]["id"] if len(rest) > limit else None
        )

    def queue(self) -> dict[str, Any]:
        with self.work.reading() as tx:
            return {"pools": [_pool_view(pool) for pool in tx.work.pools()]}


def _speaks(voice: StockVoice, language: str | None) -> bool:
    return language is None or match_language(language, voice.languages) is not None


def _pool_view(pool: PoolState) -> dict[str, Any]:
    wait = None
    if pool.mean_run_ms is not None:
        wait = pool.waiting * pool.mean_run_ms // max(pool.workers, 1)
    return {
        "pool": pool.pool,
        # Without workers nothing of this pool moves, but for lines that a fallback speaker may speak.
        "state": "ok" if pool.workers else "no_workers",
        "waiting": pool.waiting,
        "running": pool.running,
        "workers": pool.workers,
        "oldest_due_ms": pool.oldest_due_ms,
        "expected_wait_ms": wait,
    }
