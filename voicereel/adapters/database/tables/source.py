"""Customers' own sound, for jobs to use."""

import sqlalchemy as sa

from voicereel.adapters.database.tables.schema import created_column, id_column, metadata

sources = sa.Table(
    "sources",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    created_column(),
    sa.Index("ix_sources_tenant_id_id", "tenant_id", "id"),
)
