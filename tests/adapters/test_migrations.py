"""The schema on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tests.adapters.builders import a_job, a_line, submission
from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database, make_engine
from voicereel.adapters.database.tables import metadata


def test_the_migrations_make_the_schema_that_queries_are_written_for(database_url: str) -> None:
    assert migrate.upgrade(database_url) == migrate.newest()
    engine = make_engine(database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    # An index on an expression cannot be read back from SQLite.
    assert [d for d in differences if getattr(d[1], "name", "") != "ix_stage_runs_live"] == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate.upgrade(database_url)
    assert migrate.upgrade(database_url) == migrate.newest()


def test_a_job_is_read_back_as_it_was_written(database_url: str) -> None:
    migrate.upgrade(database_url)
    database = Database(database_url)
    with database.writing() as tx:
        tx.accounts.ensure_tenant("one", tenant_id="ten_1")
        job = a_job("ten_1", title="Tïtle", metadata={"project": "x"}, lines_total=1)
        tx.jobs.accept(submission(job, lines=(a_line(0),), stage_runs=()))
    with database.reading() as tx:
        found = tx.jobs.get(job.id, tenant_id="ten_1")
        lines = tx.jobs.lines(job.id)
        stranger = tx.jobs.get(job.id, tenant_id="ten_2")
    database.close()
    assert found is not None
    assert abs((found.created_at - job.created_at).total_seconds()) < 0.001
    assert (found.title, found.metadata, found.output) == (job.title, job.metadata, job.output)
    assert lines == (a_line(0),)
    assert stranger is None
