"""Lexicons: how words are to be said.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from voicereel.adapters.database import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DEFAULTS = sa.text("is_default AND deleted_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "lexicons",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("entry_count", sa.Integer, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("deleted_at", columns.Moment()),
        sa.PrimaryKeyConstraint("id", name="pk_lexicons"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_lexicons_tenant_id"),
    )
    op.create_index("ix_lexicons_tenant_id_id", "lexicons", ["tenant_id", "id"])
    op.create_index(
        "ix_lexicons_default", "lexicons", ["tenant_id"], sqlite_where=_DEFAULTS, postgresql_where=_DEFAULTS
    )
    op.create_table(
        "lexicon_versions",
        sa.Column("lexicon_id", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("entries", columns.Json, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("lexicon_id", "version", name="pk_lexicon_versions"),
        sa.ForeignKeyConstraint(
            ["lexicon_id"], ["lexicons.id"], name="fk_lexicon_versions_lexicon_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the back-up that was made before the upgrade")
