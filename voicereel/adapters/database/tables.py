"""The schema. Alembic's migrations make it; these objects are what queries are written with."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment, db_now

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only in INTEGER PRIMARY KEY.
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(32), primary_key=True)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", Moment, nullable=False, default=db_now())


def _job_id(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )


tenants = sa.Table(
    "tenants",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("fallback", sa.Text),
    _created(),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    _id(),
    sa.Column("tenant_id", sa.ForeignKey("tenants.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
    _created(),
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
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
    sa.Column("lines_done", sa.Integer, nullable=False, default=0),
    sa.Column("lines_total", sa.Integer, nullable=False, default=0),
    sa.Column("warnings", Json, nullable=False),
    sa.Column("error", Json),
    sa.Column("billable_ms", sa.BigInteger),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("expires_at", Moment),
    _created(),
    sa.Index("ix_jobs_tenant_id_id", "tenant_id", "id"),
    sa.Index("ix_jobs_expires_at", "expires_at"),
)

# What a row from before a column existed is given.
_LONG_AGO = sa.text("'1970-01-01T00:00:00.000Z'")
_RUNNING = sa.text("status = 'running'")
_DONE = sa.text("status = 'succeeded'")
_BEGUN = sa.text("ordinal = 0 AND finished_at IS NULL")
_LIVE = sa.text("status IN ('queued', 'running')")

stage_runs = sa.Table(
    "stage_runs",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    _job_id(),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    sa.Column("stage", sa.String(32), nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("pool", sa.String(16), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("worker_id", sa.String(64)),
    sa.Column("lease_until", Moment),
    sa.Column("next_run_at", Moment, nullable=False, default=db_now()),
    # The place in line, as a moment: see `constants.FAIR_SHARE_S`.
    sa.Column("turn_at", Moment, nullable=False, default=db_now(), server_default=_LONG_AGO),
    sa.Column("dispatched_at", Moment),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("error", Json),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.UniqueConstraint("job_id", "stage", "shard"),
    sa.Index(
        "ix_stage_runs_live",
        "pool",
        sa.desc("priority"),
        "turn_at",
        "id",
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    ),
    # No other index can answer for this one, however empty the statistics say they are.
    sa.Index("ix_stage_runs_backlog", "tenant_id", sqlite_where=_BEGUN, postgresql_where=_BEGUN),
    sa.Index("ix_stage_runs_finished_at", "finished_at", sqlite_where=_DONE, postgresql_where=_DONE),
    sa.Index("ix_stage_runs_lease_until", "lease_until", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    sqlite_autoincrement=True,
)

lines = sa.Table(
    "lines",
    metadata,
    _job_id(primary_key=True),
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
    sa.UniqueConstraint("job_id", "line_id"),
)

takes = sa.Table(
    "takes",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    _job_id(),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("artifact_id", sa.String(32), nullable=False),
    sa.Column("offset_samples", sa.BigInteger, nullable=False),
    sa.Column("length_samples", sa.BigInteger, nullable=False),
    sa.Column("sample_rate", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("words", Json, nullable=False),
    _created(),
    sa.Index("ix_takes_job_id_line_id", "job_id", "line_id"),
    sa.Index("ix_takes_tenant_id_fingerprint", "tenant_id", "fingerprint"),
    sqlite_autoincrement=True,
)

_WORKING = sa.text("kind IN ('mix', 'takes')")

artifacts = sa.Table(
    "artifacts",
    metadata,
    _id(),
    sa.Column("tenant_id", sa.String(32), nullable=False),
    _job_id(),
    sa.Column("stage_run_id", sa.BigInteger),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("facts", Json, nullable=False),
    _created(),
    sa.Index("ix_artifacts_job_id", "job_id"),
    sa.Index("ix_artifacts_intermediate", "job_id", sqlite_where=_WORKING, postgresql_where=_WORKING),
)

speakers = sa.Table(
    "speakers",
    metadata,
    _id(),
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
    _created(),
    sa.Index("ix_speakers_tenant_id_id", "tenant_id", "id"),
)

_DELETED = sa.text("type = 'job.deleted'")

# That a job was deleted is told after it: no foreign key.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("tenant_id", sa.String(32), nullable=False, server_default=""),
    sa.Column("job_id", sa.String(32), nullable=False),
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("data", Json, nullable=False),
    _created(),
    sa.UniqueConstraint("job_id", "id"),
    sa.Index("ix_events_tenant_id_seq", "tenant_id", "seq"),
    sa.Index("ix_events_deleted", "created_at", sqlite_where=_DELETED, postgresql_where=_DELETED),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String(32), nullable=False),
    sa.Column("payload", Json, nullable=False),
    _created(),
    sa.Index("ix_outbox_topic_id", "topic", "id"),
    sqlite_autoincrement=True,
)

price_versions = sa.Table(
    "price_versions",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("valid_from", Moment, nullable=False),
    _created(),
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
    sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
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
    _created(),
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

engine_adverts = sa.Table(
    "engine_adverts",
    metadata,
    sa.Column("worker_id", sa.String(64), primary_key=True),
    sa.Column("engine", sa.String(32), primary_key=True),
    sa.Column("pool", sa.String(16), nullable=False),
    sa.Column("facts_sha256", sa.String(64), nullable=False),
    sa.Column("facts", Json, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
)
