"""What happened, for those who follow it, and what is yet to be told."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json
from voicereel.adapters.database.tables.schema import SERIAL, created_column, metadata

_DELETED = sa.text("type = 'job.deleted'")

# That a job was deleted is told after it: no foreign key.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.String(32), nullable=False, server_default=""),
    sa.Column("job_id", sa.String(32), nullable=False),
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("data", Json, nullable=False),
    created_column(),
    sa.UniqueConstraint("job_id", "id"),
    sa.Index("ix_events_tenant_id_seq", "tenant_id", "seq"),
    sa.Index("ix_events_deleted", "created_at", sqlite_where=_DELETED, postgresql_where=_DELETED),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String(32), nullable=False),
    sa.Column("payload", Json, nullable=False),
    created_column(),
    sa.Index("ix_outbox_topic_id", "topic", "id"),
    sqlite_autoincrement=True,
)
