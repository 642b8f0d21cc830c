"""Revisions of a job, and takes that are kept to be used again.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from voicereel.adapters.database import columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TAKES = sa.text("kind = 'takes'")
_JSON = columns.Json
# In the order in which transactions come by them: see 0002.
_CHANGED = "jobs, lines, takes, artifacts"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {_CHANGED} IN ACCESS EXCLUSIVE MODE")
    op.add_column("jobs", sa.Column("finished_revision", sa.Integer))
    op.add_column("jobs", sa.Column("revised_at", columns.Moment()))
    op.add_column("jobs", sa.Column("rendered_sha256", sa.String(64)))
    op.add_column("lines", sa.Column("rendered_sha256", sa.String(64)))
    _note_how_takes_came_about()
    op.add_column("artifacts", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.add_column("artifacts", sa.Column("used_at", columns.Moment()))
    op.create_index(
        "ix_artifacts_takes",
        "artifacts",
        ["tenant_id", "size_bytes"],
        sqlite_where=_TAKES,
        postgresql_where=_TAKES,
    )
    _keep_revisions()


def _note_how_takes_came_about() -> None:
    for column in (
        sa.Column("warnings", _JSON, nullable=False, server_default="[]"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("source", sa.String(16), nullable=False, server_default="rendered"),
        sa.Column("engine_version", sa.String(64), nullable=False, server_default=""),
        sa.Column("sha256", sa.String(64), nullable=False, server_default=""),
    ):
        op.add_column("takes", column)


def _keep_revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("job_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("billable_ms", sa.BigInteger),
        sa.Column("error", _JSON),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("started_at", columns.Moment()),
        sa.Column("finished_at", columns.Moment()),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_revisions"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_revisions_job_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the back-up that was made before the upgrade")
