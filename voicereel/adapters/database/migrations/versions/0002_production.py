"""Fair turns, prices, a ledger nobody can change, events that outlive their job.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from voicereel.adapters.database import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LIVE = sa.text("status IN ('queued', 'running')")
_DONE = sa.text("status = 'succeeded'")
_BEGUN = sa.text("ordinal = 0 AND finished_at IS NULL")
_WORKING = sa.text("kind IN ('mix', 'takes')")
_DELETED = sa.text("type = 'job.deleted'")
_LONG_AGO = sa.text("'1970-01-01T00:00:00.000Z'")
_LEDGER = ("ledger", "ledger_items")
# All that is changed here, in the order in which transactions come by them: a migration that took one after
# another as it needs them would wait in a circle with those of the version that still serves.
_CHANGED = "jobs, stage_runs, artifacts, events, ledger, tenants"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {_CHANGED} IN ACCESS EXCLUSIVE MODE")
    op.add_column("tenants", sa.Column("fallback", sa.Text))
    op.add_column("jobs", sa.Column("key_id", sa.String(32)))
    op.add_column("jobs", sa.Column("trace", sa.String(64), nullable=False, server_default=""))
    _give_turns()
    _free_events()
    op.create_index(
        "ix_artifacts_intermediate", "artifacts", ["job_id"], sqlite_where=_WORKING, postgresql_where=_WORKING
    )
    _make_prices()
    _extend_ledger()


def _give_turns() -> None:
    op.add_column(
        "stage_runs", sa.Column("turn_at", columns.Moment(), nullable=False, server_default=_LONG_AGO)
    )
    op.add_column("stage_runs", sa.Column("dispatched_at", columns.Moment()))
    op.execute("UPDATE stage_runs SET turn_at = next_run_at WHERE status IN ('blocked', 'queued', 'running')")
    op.drop_index("ix_stage_runs_live", "stage_runs")
    op.create_index(
        "ix_stage_runs_live",
        "stage_runs",
        ["pool", sa.text("priority DESC"), "turn_at", "id"],
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index(
        "ix_stage_runs_backlog",
        "stage_runs",
        ["tenant_id"],
        sqlite_where=_BEGUN,
        postgresql_where=_BEGUN,
    )
    op.drop_index("ix_stage_runs_finished_at", "stage_runs")
    op.create_index(
        "ix_stage_runs_finished_at", "stage_runs", ["finished_at"], sqlite_where=_DONE, postgresql_where=_DONE
    )


def _free_events() -> None:
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint("fk_events_job_id", type_="foreignkey")
        batch.add_column(sa.Column("tenant_id", sa.String(32), nullable=False, server_default=""))
    op.execute(
        "UPDATE events SET tenant_id = (SELECT tenant_id FROM jobs WHERE jobs.id = events.job_id)"
        " WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.id = events.job_id)"
    )
    op.create_index("ix_events_tenant_id_seq", "events", ["tenant_id", "seq"])
    op.create_index(
        "ix_events_deleted", "events", ["created_at"], sqlite_where=_DELETED, postgresql_where=_DELETED
    )


def _make_prices() -> None:
    versions = op.create_table(
        "price_versions",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("valid_from", columns.Moment(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
    )
    prices = op.create_table(
        "prices",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("per_second_micros", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("version", "engine", "kind", name="pk_prices"),
        sa.ForeignKeyConstraint(["version"], ["price_versions.version"], name="fk_prices_version"),
    )
    # Nothing costs anything until an operator says what it costs.
    first = columns.from_text("1970-01-01T00:00:00.000Z")
    op.bulk_insert(
        versions, [{"version": 1, "currency": "USD", "valid_from": first, "created_at": first}]
    )
    op.bulk_insert(prices, [{"version": 1, "engine": "*", "kind": "render", "per_second_micros": 0}])


def _extend_ledger() -> None:
    for column in (
        sa.Column("key_id", sa.String(32)),
        sa.Column("project", sa.Text),
        sa.Column("amount_micros", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("currency", sa.String(3), nullable=False, server_default="USD"),
        sa.Column("price_version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("reason", sa.Text),
    ):
        op.add_column("ledger", column)
    op.create_index("ix_ledger_tenant_id_created_at", "ledger", ["tenant_id", "created_at"])
    op.create_table(
        "ledger_items",
        sa.Column("ledger_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("speaker_id", sa.Text, nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("billable_ms", sa.BigInteger, nullable=False),
        sa.Column("per_second_micros", sa.BigInteger, nullable=False),
        sa.Column("amount_micros", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("ledger_id", "speaker_id", "engine", name="pk_ledger_items"),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], name="fk_ledger_items_ledger_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_on_sqlite()
    else:
        _refuse_changes_on_postgresql()


def _refuse_changes_on_sqlite() -> None:
    for table in _LEDGER:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END"
            )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the ledger is only added to'; END $$"
    )
    for table in _LEDGER:
        op.execute(
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    raise NotImplementedError("restore the back-up that was made before the upgrade")
