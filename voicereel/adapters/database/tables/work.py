"""What is to be done, and who is there to do it."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Json, Moment, db_now
from voicereel.adapters.database.tables.schema import SERIAL, job_column, metadata

# What a row from before a column existed is given.
_LONG_AGO = sa.text("'1970-01-01T00:00:00.000Z'")
_RUNNING = sa.text("status = 'running'")
_DONE = sa.text("status = 'succeeded'")
_BEGUN = sa.text("ordinal = 0 AND finished_at IS NULL")
_LIVE = sa.text("status IN ('queued', 'running')")

stage_runs = sa.Table(
    "stage_runs",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    job_column(),
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
