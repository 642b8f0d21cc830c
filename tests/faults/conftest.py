"""One cluster for the whole suite, on servers of its own; each test leaves it working."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.cluster import Cluster, cluster, eventually
from tests.faults.servers import Server, private
from tests.rendering import Studio, studio


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with private("postgres.sh") as server:
        yield server


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Server]:
    with private("rabbitmq.sh") as server:
        yield server


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    """An empty database; it goes with its server."""
    name = f"voicereel_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    yield sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def suite_cluster(
    postgres: Server, rabbit: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with (
        new_database(postgres) as url,
        cluster(folder, database_url=url, broker_url=rabbit.url) as found,
    ):
        yield found


@pytest.fixture
def service(suite_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whole; whatever a test did, every promise must hold after it."""
    eventually(suite_cluster.is_up, what="the cluster's recovery")
    yield suite_cluster
    suite_cluster.check()


@pytest.fixture
def fake_studio(tmp_path: Path, any_database: str) -> Iterator[Studio]:
    """No cluster: services and one worker that runs when told to, on either database."""
    with studio(
        tmp_path / "home", engines="fake", default_engine="fake", lease_s=60, database_url=any_database
    ) as found:
        yield found
