"""Who asks: tenants, their keys, and the first replies kept for idempotency keys."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment
from voicereel.adapters.database.tables.schema import created_column, id_column, metadata

tenants = sa.Table(
    "tenants",
    metadata,
    id_column(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("fallback", sa.Text),
    created_column(),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
    created_column(),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant_id", sa.String(32), primary_key=True),
    sa.Column("route", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", Json, nullable=False),
    sa.Column("location", sa.Text),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index("ix_idempotency_expires_at", "expires_at"),
)
