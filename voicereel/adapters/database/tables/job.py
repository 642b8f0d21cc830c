"""Jobs and what is made of them: lines, takes, files."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment
from voicereel.adapters.database.tables.schema import SERIAL, created_column, id_column, job_column, metadata

jobs = sa.Table(
    "jobs",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("metadata", Json, nullable=False),
    sa.Column("speaker_id", sa.String(32)),
    sa.Column("request_id", sa.String(128), nullable=False),
    sa.Column("key_id", sa.String(32)),
    sa.Column("trace", sa.String(64), nullable=False, default="", server_default=""),
    sa.Column("stale", sa.Boolean, nullable=False, default=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("finished_revision", sa.Integer),
    sa.Column("revised_at", Moment),
    sa.Column("rendered_sha256", sa.String(64)),
    sa.Column("lines_done", sa.Integer, nullable=False, default=0),
    sa.Column("lines_total", sa.Integer, nullable=False, default=0),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("error", Json),
    sa.Column("billable_ms", sa.BigInteger),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("expires_at", Moment),
    created_column(),
    sa.Index("ix_jobs_tenant_id_id", "tenant_id", "id"),
    sa.Index("ix_jobs_expires_at", "expires_at"),
)

lines = sa.Table(
    "lines",
    metadata,
    job_column(primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("spec", Json, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("error", Json),
    sa.Column("take_id", sa.BigInteger),
    sa.Column("start_ms", sa.BigInteger),
    sa.Column("end_ms", sa.BigInteger),
    sa.Column("rendered_sha256", sa.String(64)),
    sa.UniqueConstraint("job_id", "line_id"),
)

takes = sa.Table(
    "takes",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    job_column(),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("artifact_id", sa.String(32), nullable=False),
    sa.Column("offset_samples", sa.BigInteger, nullable=False),
    sa.Column("length_samples", sa.BigInteger, nullable=False),
    sa.Column("sample_rate", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("words", Json, nullable=False),
    sa.Column("warnings", Json, nullable=False, default=[], server_default="[]"),
    sa.Column("revision", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("source", sa.String(16), nullable=False, default="rendered", server_default="rendered"),
    sa.Column("engine_version", sa.String(64), nullable=False, default="", server_default=""),
    sa.Column("sha256", sa.String(64), nullable=False, default="", server_default=""),
    sa.Column("heard", Json),
    created_column(),
    sa.Index("ix_takes_job_id_line_id", "job_id", "line_id"),
    sa.Index("ix_takes_tenant_id_fingerprint", "tenant_id", "fingerprint"),
    sqlite_autoincrement=True,
)

# The renders of a job before the one that its own row tells of.
revisions = sa.Table(
    "revisions",
    metadata,
    job_column(primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("billable_ms", sa.BigInteger),
    sa.Column("error", Json),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
)

_WORKING = sa.text("kind IN ('mix', 'takes')")
_TAKES = sa.text("kind = 'takes'")

artifacts = sa.Table(
    "artifacts",
    metadata,
    id_column(),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    job_column(),
    sa.Column("stage_run_id", sa.BigInteger),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("facts", Json, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("used_at", Moment),
    created_column(),
    sa.Index("ix_artifacts_job_id", "job_id"),
    sa.Index("ix_artifacts_intermediate", "job_id", sqlite_where=_WORKING, postgresql_where=_WORKING),
    # The sum of a tenant's cache is read from here alone.
    sa.Index("ix_artifacts_takes", "tenant_id", "size_bytes", sqlite_where=_TAKES, postgresql_where=_TAKES),
)
