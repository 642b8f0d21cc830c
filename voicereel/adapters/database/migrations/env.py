"""Alembic's entry: runs on the connection that `migrate.upgrade` hands over."""

from alembic import context

from voicereel.adapters.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    user_module_prefix="columns.",
)
with context.begin_transaction():
    context.run_migrations()
