"""A bucket of its own for each test, on one server a process."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.contract.s3_server import S3Server
from voicereel.adapters.storage.s3 import S3Store, make_s3

SECRET = "not-to-be-seen"


@dataclass(frozen=True)
class Bucket:
    """A store under the prefix ``artifacts`` of an empty bucket, and the ways around the store."""

    store: S3Store
    server: S3Server
    client: Any
    name: str

    def unfinished(self) -> list[Any]:
        return self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    name = f"test-{uuid.uuid4().hex}"
    client = boto3.client("s3", endpoint_url=s3_server.url, region_name="us-east-1")
    client.create_bucket(Bucket=name)
    store = make_s3(f"s3://{name}/artifacts?endpoint={s3_server.url}&region=us-east-1")
    yield Bucket(store=store, server=s3_server, client=client, name=name)
    s3_server.faults = iter(())
    client.close()
