"""The schema. Alembic's migrations make it; these objects are what queries are written with."""

from voicereel.adapters.database.tables.account import api_keys, idempotency, tenants
from voicereel.adapters.database.tables.billing import ledger, ledger_items, price_versions, prices
from voicereel.adapters.database.tables.event import events, outbox
from voicereel.adapters.database.tables.job import artifacts, jobs, lines, revisions, takes
from voicereel.adapters.database.tables.lexicon import lexicon_versions, lexicons
from voicereel.adapters.database.tables.quote import heard, paces, quotes
from voicereel.adapters.database.tables.schema import metadata
from voicereel.adapters.database.tables.source import sources
from voicereel.adapters.database.tables.speaker import speakers
from voicereel.adapters.database.tables.work import engine_adverts, stage_runs

__all__ = [
    "api_keys",
    "artifacts",
    "engine_adverts",
    "events",
    "heard",
    "idempotency",
    "jobs",
    "ledger",
    "ledger_items",
    "lexicon_versions",
    "lexicons",
    "lines",
    "metadata",
    "outbox",
    "paces",
    "price_versions",
    "prices",
    "quotes",
    "revisions",
    "sources",
    "speakers",
    "stage_runs",
    "takes",
    "tenants",
]
