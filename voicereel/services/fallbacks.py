"""Whether a speaker can help out for a tenant, before it is set."""

from datetime import datetime
from functools import partial

from voicereel.domain.errors import Conflict
from voicereel.domain.speakers import ENGINE_UP_S, split_stock_id
from voicereel.ports import Transaction
from voicereel.services.casting import Casting, Refused


def check_fallback(tx: Transaction, speaker_id: str, *, tenant_id: str, now: datetime) -> None:
    """Raise `Conflict` unless this tenant may be spoken for by this speaker now.

    Stock voices are known as long as their engine is up; an enrolled speaker's engine may be away.
    """
    engines = tx.engines.up(within_s=ENGINE_UP_S)
    stock = split_stock_id(speaker_id)
    if stock and stock[0] not in (engine.name for engine in engines):
        detail = (
            "The engine of this stock voice is not up, so nobody knows whether it has it: start its workers."
        )
        raise Conflict(detail, code="no_engine")
    find = partial(tx.speakers.get, tenant_id=tenant_id)
    found = Casting(find, engines, now=now).resolve(speaker_id)
    if isinstance(found, Refused):
        is_strange = found.code == "unknown_speaker" and not stock
        detail = "The tenant has no such speaker." if is_strange else found.detail
        raise Conflict(detail, code=found.code)
