"""Enrolled voices."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json
from voicereel.adapters.database.tables.schema import created_column, id_column, metadata

speakers = sa.Table(
    "speakers",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("job_id", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("engine", sa.String(32), nullable=False),
    sa.Column("transcript", sa.Text),
    sa.Column("consent", Json, nullable=False),
    sa.Column("capabilities", Json, nullable=False),
    sa.Column("profile", Json),
    sa.Column("reference", Json),
    sa.Column("error", Json),
    created_column(),
    sa.Index("ix_speakers_tenant_id_id", "tenant_id", "id"),
)
