"""Lexicons, and what each of their versions says."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment
from voicereel.adapters.database.tables.schema import created_column, id_column, metadata

_DEFAULTS = sa.text("is_default AND deleted_at IS NULL")

lexicons = sa.Table(
    "lexicons",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("is_default", sa.Boolean, nullable=False),
    sa.Column("entry_count", sa.Integer, nullable=False),
    created_column(),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("deleted_at", Moment),
    sa.Index("ix_lexicons_tenant_id_id", "tenant_id", "id"),
    sa.Index("ix_lexicons_default", "tenant_id", sqlite_where=_DEFAULTS, postgresql_where=_DEFAULTS),
)

lexicon_versions = sa.Table(
    "lexicon_versions",
    metadata,
    sa.Column(
        "lexicon_id", sa.ForeignKey("lexicons.id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entries", Json, nullable=False),
    created_column(),
)
