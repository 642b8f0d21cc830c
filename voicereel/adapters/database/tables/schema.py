"""What tables have in common, and where all of them are known."""

import sqlalchemy as sa

from voicereel.adapters.database.columns import Moment, db_now

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only in INTEGER PRIMARY KEY.
SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def id_column() -> sa.Column[str]:
    return sa.Column("id", sa.String(32), primary_key=True)


def created_column() -> sa.Column[object]:
    return sa.Column("created_at", Moment, nullable=False, default=db_now())


def job_column(*, primary_key: bool = False) -> sa.Column[str]:
    """The job that a row belongs to, and goes with."""
    return sa.Column(
        "job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )
