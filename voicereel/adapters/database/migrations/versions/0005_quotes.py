"""Quotes, and how fast voices have spoken.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from voicereel.adapters.database import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(32), nullable=False),
        sa.Column("script_sha256", sa.String(64), nullable=False),
        sa.Column("billable_ms", sa.BigInteger, nullable=False),
        sa.Column("amount_micros", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("price_version", sa.Integer, nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quotes"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_quotes_tenant_id"),
    )
    op.create_index("ix_quotes_expires_at", "quotes", ["expires_at"])
    op.create_table(
        "paces",
        sa.Column("tenant_id", sa.String(32), nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("voice", sa.String(128), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("model", sa.Integer, nullable=False),
        sa.Column("speaker_id", sa.String(32)),
        sa.Column("figures", columns.Json, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "engine", "voice", "language", "model", name="pk_paces"),
        sa.ForeignKeyConstraint(
            ["speaker_id"], ["speakers.id"], name="fk_paces_speaker_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_paces_speaker_id", "paces", ["speaker_id"])
    op.create_table(
        "heard",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.String(32), nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("voice", sa.String(128), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("model", sa.Integer, nullable=False),
        sa.Column("figures", columns.Json, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the back-up that was made before the upgrade")
