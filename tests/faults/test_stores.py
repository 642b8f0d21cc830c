"""A disk that is full, and an object store that fails every third time."""

from pathlib import Path

import boto3
import pytest

from tests.contract.s3_server import S3Server, at_random
from tests.faults.cluster import Cluster, cluster
from tests.faults.conftest import new_database
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.load import submit, wait_for
from tests.faults.servers import Server

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def test_a_full_disk_delays_and_truncates_nothing(service: Cluster) -> None:
    figures = Figures("disk full", jobs=times(4, 50))
    service.points.arm("disk-full", most=figures.jobs)
    accepted = submit(service, figures.jobs, slow=0)
    ended = wait_for(service, accepted)
    figures.injected = service.points.disarm("disk-full")
    assert figures.injected == figures.jobs
    assert set(ended.values()) == {"succeeded"}
    service.check()
    figures.write()


def test_an_object_store_that_fails_often_serves_all_the_same(
    postgres: Server, rabbit: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = Figures("object store failing 30 %", jobs=times(4, 100))
    for name, value in _CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with new_database(postgres) as url, S3Server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        boto3.client("s3", endpoint_url=server.url).create_bucket(Bucket="faults")
        with cluster(
            tmp_path, database_url=url, broker_url=rabbit.url, store="s3://faults/reels", machines=times(1, 3)
        ) as found:
            server.seen.clear()
            server.faults = at_random(0.3, seed=3)
            accepted = submit(found, figures.jobs, slow=0)
            ended = wait_for(found, accepted)
            server.faults = iter(())
            figures.injected = sum(seen in ("refused", "lost") for seen in server.seen)
            assert set(ended.values()) == {"succeeded"}
            found.check()
    assert figures.injected > 0
    figures.write()


_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}
