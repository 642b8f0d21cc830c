"""What is promised before a job is made, and what the promises rest on: how fast voices have spoken."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment
from voicereel.adapters.database.tables.schema import SERIAL, created_column, id_column, metadata

quotes = sa.Table(
    "quotes",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("script_sha256", sa.String(64), nullable=False),
    sa.Column("billable_ms", sa.BigInteger, nullable=False),
    sa.Column("amount_micros", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("price_version", sa.Integer, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    created_column(),
    sa.Index("ix_quotes_expires_at", "expires_at"),
)

# One row a voice and language, and one an engine and language. ``model`` says what its figures count.
paces = sa.Table(
    "paces",
    metadata,
    sa.Column("tenant_id", sa.String(32), primary_key=True),
    sa.Column("engine", sa.String(32), primary_key=True),
    sa.Column("voice", sa.String(128), primary_key=True),
    sa.Column("language", sa.String(35), primary_key=True),
    sa.Column("model", sa.Integer, primary_key=True, autoincrement=False),
    # An enrolled voice's pace is derived from its recordings: it goes with them.
    sa.Column("speaker_id", sa.ForeignKey("speakers.id", ondelete="CASCADE")),
    sa.Column("figures", Json, nullable=False),
    sa.Index("ix_paces_speaker_id", "speaker_id"),
)

# What each run that spoke adds to them, until a sweep does. Only added to, so that no run waits for another.
heard = sa.Table(
    "heard",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    sa.Column("engine", sa.String(32), nullable=False),
    sa.Column("voice", sa.String(128), nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("model", sa.Integer, nullable=False),
    sa.Column("figures", Json, nullable=False),
    sqlite_autoincrement=True,
)
