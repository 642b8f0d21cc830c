"""What speech costs, and what was billed."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Moment
from voicereel.adapters.database.tables.schema import SERIAL, created_column, metadata

price_versions = sa.Table(
    "price_versions",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("valid_from", Moment, nullable=False),
    created_column(),
)

# Engine "*" stands for every engine that has no row of its own.
prices = sa.Table(
    "prices",
    metadata,
    sa.Column("version", sa.ForeignKey("price_versions.version"), primary_key=True),
    sa.Column("engine", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("per_second_micros", sa.BigInteger, nullable=False),
)

# The ledger outlives the job it bills: no foreign key. Triggers refuse every change and deletion.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("job_id", sa.String(32), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("billable_ms", sa.BigInteger, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("key_id", sa.String(32)),
    sa.Column("project", sa.Text),
    sa.Column("amount_micros", sa.BigInteger, nullable=False, default=0, server_default="0"),
    sa.Column("currency", sa.String(3), nullable=False, default="USD", server_default="USD"),
    sa.Column("price_version", sa.Integer, nullable=False, default=1, server_default="1"),
    sa.Column("reason", sa.Text),
    created_column(),
    sa.UniqueConstraint("job_id", "revision", "kind"),
    sa.Index("ix_ledger_tenant_id_created_at", "tenant_id", "created_at"),
    sqlite_autoincrement=True,
)

ledger_items = sa.Table(
    "ledger_items",
    metadata,
    sa.Column("ledger_id", sa.ForeignKey("ledger.id"), primary_key=True),
    sa.Column("speaker_id", sa.Text, primary_key=True),
    sa.Column("engine", sa.String(32), primary_key=True),
    sa.Column("billable_ms", sa.BigInteger, nullable=False),
    sa.Column("per_second_micros", sa.BigInteger, nullable=False),
    sa.Column("amount_micros", sa.BigInteger, nullable=False),
)
