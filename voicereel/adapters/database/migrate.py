"""Brings a database to the newest schema, and tells whether it is there."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from voicereel.adapters.database.database import make_engine


def upgrade(url: str) -> str:
    """Run every migration that is missing; the revision the database is at now."""
    config = _config()
    engine = make_engine(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
    return newest()


def is_enough(revision: str | None) -> bool:
    """Whether a database at this revision can be served: the newest we know, or newer than that.

    While versions are rolled the schema is migrated first: the old version must go on serving, so a
    revision that is not one of ours is one that was added to ours.
    """
    older = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return revision is not None and revision not in older - {newest()}


def newest() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(engine: sa.Engine) -> str | None:
    """The revision a database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
