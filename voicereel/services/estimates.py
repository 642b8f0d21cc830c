"""Estimates: what a job of a script would be, and a quote that binds."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from voicereel.domain.account import Principal
from voicereel.domain.forecast import pace_key
from voicereel.domain.job import LineRecord
from voicereel.domain.pace import Pace
from voicereel.domain.prices import amount_text
from voicereel.domain.quotes import Quote, script_sha256
from voicereel.domain.script import Controls, Script, Warn, has_speech
from voicereel.domain.speakers import EngineInfo
from voicereel.ports import Clock, UnitOfWork
from voicereel.services.estimating import Estimate, cap_of, make_estimate
from voicereel.services.idempotency import Once, Reply, recall, to_store
from voicereel.services.ids import new_id
from voicereel.services.pronouncing import Pronounced
from voicereel.services.views import moment

_NEUTRAL = Controls(speed=1.0, pitch_st=0.0, gain_db=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateService:
    """Estimates for tenants. ``cast`` says who speaks each line and how, or names every bad field."""

    work: UnitOfWork
    cast: Callable[[Principal, Script], Pronounced]
    engines: Callable[[], Sequence[EngineInfo]]
    max_reel_ms: int
    quote_hours: float
    now: Clock

    def estimate(self, principal: Principal, script: Script, *, once: Once | None) -> Reply:
        """What a job of this script would be, with a quote. Refuses what such a job would be refused for."""
        with self.work.reading() as tx:
            replay = recall(tx, principal.tenant_id, once)
        if replay:
            return replay
        said = self.cast(principal, script)
        with self.work.reading() as tx:
            cap_of(tx, principal, script, said.records, now=self.now)
            estimate = make_estimate(tx, principal.tenant_id, said.records, tx.ledger.prices(self.now()))
        quote = self._quote(script, estimate)
        warnings = [*said.warnings, *self._warnings(estimate)]
        reply = Reply(status=200, body=_view(estimate, quote, warnings))
        return self._keep(quote, reply, once)

    def _quote(self, script: Script, estimate: Estimate) -> Quote:
        return Quote(
            id=new_id("quo"),
            tenant_id=estimate.tenant_id,
            script_sha256=script_sha256(script),
            billable_ms=estimate.forecast.at_most_ms,
            amount_micros=estimate.most_micros,
            currency=estimate.prices.currency,
            price_version=estimate.prices.version,
            expires_at=self.now() + timedelta(hours=self.quote_hours),
        )

    def _keep(self, quote: Quote, reply: Reply, once: Once | None) -> Reply:
        with self.work.writing() as tx:
            kept = to_store(once, reply)
            if kept is not None:
                route, key, stored = kept
                if not tx.accounts.store_reply(quote.tenant_id, route=route, key=key, reply=stored):
                    return recall(tx, quote.tenant_id, once) or reply  # another was first
            tx.quotes.add(quote)
        return reply

    def _warnings(self, estimate: Estimate) -> Iterator[Warn]:
        """What the job would warn of, as far as it can be known, and what may make it fail."""
        engines = {engine.name: engine for engine in self.engines()}
        for record in estimate.records:
            yield from record.warnings
            yield from _line_warnings(record, engines.get(record.voice.engine))
        yield from estimate.forecast.timeline.warnings
        yield from _overlaps(estimate)
        if estimate.forecast.reel.ms > self.max_reel_ms:
            detail = f"The reel is expected to be longer than the {self.max_reel_ms} ms that are made."
            yield Warn(code="reel_too_long", pointer="/lines", detail=detail)


def _view(estimate: Estimate, quote: Quote, warnings: Iterable[Warn]) -> dict[str, Any]:
    return {
        "quote_id": quote.id,
        "expires_at": moment(quote.expires_at),
        "currency": quote.currency,
        "price_version": quote.price_version,
        "expected": {
            "duration": asdict(estimate.forecast.reel),
            "amount": amount_text(estimate.expected_micros),
        },
        "at_most": {"billable_ms": quote.billable_ms, "amount": amount_text(quote.amount_micros)},
        "lines": len(estimate.records),
        "cached_lines": sorted(estimate.cached),
        "speech": list(_speech(estimate)),
        "warnings": [asdict(warning) for warning in warnings],
    }


def _line_warnings(record: LineRecord, engine: EngineInfo | None) -> Iterator[Warn]:
    pointer = f"/lines/{record.ordinal}"
    if not has_speech(record.line.text):
        detail = "The line has no letter or digit: it will be kept, with no sound and no caption."
        yield Warn(code="nothing_to_speak", pointer=f"{pointer}/text", detail=detail)
        return
    for control in engine.unsupported_controls if engine else ():
        if getattr(record.controls, control, None) not in (None, getattr(_NEUTRAL, control, None)):
            detail = f"The speaker's engine will not honour '{control}'."
            yield Warn(code=f"{control}_not_supported", pointer=pointer, detail=detail)


def _overlaps(estimate: Estimate) -> Iterator[Warn]:
    for before_ms, record in zip(estimate.forecast.lines_ms, estimate.records[1:], strict=False):
        if record.line.slot is None and record.line.overlap_ms > before_ms:
            pointer = f"/lines/{record.ordinal}/overlap_ms"
            detail = f"The line before is expected to last {before_ms} ms only: the job may fail."
            yield Warn(code="overlap_too_long", pointer=pointer, detail=detail)


def _speech(estimate: Estimate) -> Iterator[dict[str, Any]]:
    """An entry a voice and language: what it will speak, and how many of its lines that rests on."""
    keys = [pace_key(record, estimate.tenant_id) for record in estimate.records]
    lines, of_key = Counter(keys), dict(zip(keys, estimate.records, strict=True))
    for key, span in estimate.forecast.speech.items():
        yield {
            "speaker_id": of_key[key].voice.speaker_id,
            "engine": key.engine,
            "language": of_key[key].controls.language,
            "lines": lines[key],
            "duration": asdict(span),
            "known_lines": round(estimate.known.get(key, Pace()).lines),
        }
