"""What was heard of a take when it was checked.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from voicereel.adapters.database import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("takes", sa.Column("heard", columns.Json))


def downgrade() -> None:
    raise NotImplementedError("restore the back-up that was made before the upgrade")
