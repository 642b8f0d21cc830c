"""What only a bucket does, and what it does when the network or the server fails."""

import base64
import hashlib
import io
import json
import socket
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from tests.contract.conftest import SECRET, Bucket
from tests.contract.s3_server import CUT, LOST, REFUSED, at_random
from voicereel.adapters import seldom
from voicereel.adapters.storage.s3 import make_s3
from voicereel.domain.errors import FileTooLarge, Unavailable

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "s3"
DATA = b"some sound" * 1000
KEY = "t/j/1/1/a.wav"
# more than one part of an upload
LARGE_BYTES = 20 << 20


def put(bucket: Bucket, key: str, data: bytes = DATA) -> str:
    return bucket.store.put_stream(key, io.BytesIO(data), max_bytes=len(data)).sha256


def content(bucket: Bucket, key: str) -> bytes:
    with bucket.store.open(key) as file:
        return file.read()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names(bucket: Bucket, prefix: str = "", *, after: str = "") -> list[str]:
    return [found.key for found in bucket.store.keys(prefix, after=after)]


def fill(bucket: Bucket, count: int, *, prefix: str) -> list[str]:
    """Many small objects, put past HTTP: it would take seconds."""
    keys = [f"{prefix}/{number:04}" for number in range(count)]
    for key in keys:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket.name, f"artifacts/{key}", b"x")
    return keys


# --- objects ---------------------------------------------------------------------------------


def test_objects_lie_under_the_prefix_and_the_bucket_knows_their_checksum(bucket: Bucket) -> None:
    put(bucket, KEY)
    found = bucket.client.head_object(Bucket=bucket.name, Key=f"artifacts/{KEY}", ChecksumMode="ENABLED")
    assert base64.b64decode(found["ChecksumSHA256"]) == hashlib.sha256(DATA).digest()


def test_an_upload_that_is_given_up_is_aborted(bucket: Bucket) -> None:
    with pytest.raises(FileTooLarge):
        bucket.store.put_stream(KEY, io.BytesIO(bytes(LARGE_BYTES)), max_bytes=LARGE_BYTES - 1)
    put(bucket, KEY)
    with pytest.raises(FileExistsError):
        put(bucket, KEY, bytes(LARGE_BYTES))
    assert bucket.unfinished() == []


def test_many_keys_are_listed_by_the_page_and_deleted_by_the_thousand(bucket: Bucket) -> None:
    keys = fill(bucket, 1200, prefix="many")
    put(bucket, "many.wav")
    bucket.server.seen.clear()
    listing = bucket.store.keys("many")
    assert next(listing).key == keys[0]
    assert bucket.server.seen == ["GET"]
    assert [found.key for found in listing] == keys[1:]
    assert names(bucket, after=keys[1100]) == keys[1101:]
    bucket.store.delete_under("many")
    assert names(bucket) == ["many.wav"]


# --- presigned downloads ---------------------------------------------------------------------


def test_a_presigned_url_serves_an_attachment_and_its_ranges(bucket: Bucket) -> None:
    put(bucket, KEY)
    url = bucket.store.url(KEY, expires_s=60, name="reel.wav", media_type="audio/wav")
    whole = httpx.get(url)
    assert (whole.status_code, whole.content) == (200, DATA)
    assert whole.headers["Content-Type"] == "audio/wav"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="reel.wav"'
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DATA[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(DATA)}"


def test_a_presigned_url_says_for_how_long_and_holds_no_secret(bucket: Bucket) -> None:
    url = httpx.URL(bucket.store.url(KEY, expires_s=60, name="대본.wav", media_type="audio/wav"))
    assert url.params["X-Amz-Expires"] == "60"
    assert url.params["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert url.params["response-content-disposition"].endswith("%EB%8C%80%EB%B3%B8.wav")
    assert SECRET not in str(url)


def test_a_presigned_url_names_the_address_customers_reach(bucket: Bucket) -> None:
    inside = "endpoint=http://store:8333&region=us-east-1"
    store = make_s3(f"s3://{bucket.name}/a?{inside}&public_endpoint=https://files.example.com")
    url = store.url(KEY, expires_s=60, name="reel.wav", media_type="audio/wav")
    assert url.startswith(f"https://files.example.com/{bucket.name}/a/{KEY}?")


# --- failures --------------------------------------------------------------------------------


def test_with_a_third_of_all_requests_failing_what_was_stored_is_whole(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.server.faults = at_random(0.3, seed=7)
    bucket.server.seen.clear()
    stored = {}
    for number in range(40):
        data = bytes([number]) * (LARGE_BYTES if number % 20 == 0 else 10_000 + number)
        try:
            stored[f"t/j/{number}"] = put(bucket, f"t/j/{number}", data)
        except Unavailable:
            continue
    fetched = [bucket.store.fetch(key, tmp_path) for key in list(stored)[:3]]
    failed = sum(seen in (REFUSED, LOST) for seen in bucket.server.seen)
    bucket.server.faults = iter(())

    assert failed > 10
    assert len(stored) > 30
    assert {key: digest(content(bucket, key)) for key in stored} == stored
    assert [digest(path.read_bytes()) for path in fetched] == list(stored.values())[:3]


def test_a_put_whose_answer_was_lost_is_known_for_our_own(bucket: Bucket) -> None:
    bucket.server.faults = iter([LOST, REFUSED])
    assert put(bucket, KEY) == digest(DATA)
    bucket.server.faults = iter([REFUSED])
    with pytest.raises(FileExistsError):
        put(bucket, KEY)


def test_an_upload_of_parts_outlives_lost_answers(bucket: Bucket) -> None:
    bucket.server.faults = iter([None, LOST, None, REFUSED, None, LOST])
    bucket.server.seen.clear()
    data = bytes(range(256)) * (LARGE_BYTES // 256)
    assert put(bucket, KEY, data) == digest(content(bucket, KEY))
    assert "DELETE" not in bucket.server.seen


def test_a_download_that_breaks_off_is_taken_up_again(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, KEY)
    bucket.server.faults = iter([None, CUT, CUT])
    assert bucket.store.fetch(KEY, tmp_path).read_bytes() == DATA


def test_a_download_that_always_breaks_off_leaves_no_file(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, KEY)
    bucket.server.faults = repeat(CUT)
    with pytest.raises(Unavailable):
        bucket.store.fetch(KEY, tmp_path)
    with pytest.raises(Unavailable):
        content(bucket, KEY)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_reached_is_unavailable_and_the_log_names_no_key(
    bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.server.faults = repeat(REFUSED)
    made = tmp_path / "made"
    made.write_bytes(DATA)
    uses: list[Callable[[], object]] = [
        lambda: bucket.store.put_file(KEY, made),
        lambda: bucket.store.open(KEY),
        lambda: bucket.store.fetch(KEY, tmp_path),
        lambda: list(bucket.store.keys()),
        lambda: bucket.store.delete(KEY),
        lambda: bucket.store.delete_under("t/j"),
    ]
    for use in uses:
        with pytest.raises(Unavailable) as refused:
            use()
        assert (refused.value.code, refused.value.retryable) == ("store_unavailable", True)
    assert not bucket.store.writable()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    facts = [{name: line[name] for name in ("event", "error", "status")} for line in lines]
    assert facts == [{"event": "store_failed", "error": "ClientError", "status": 503}] * 7
    assert KEY not in json.dumps(lines)
    assert made.exists()


def test_nobody_listening_is_unavailable(bucket: Bucket) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        address = "http://127.0.0.1:{1}".format(*deaf.getsockname())
        store = make_s3(f"s3://{bucket.name}?endpoint={address}&region=us-east-1")
        assert not store.writable()
        with pytest.raises(Unavailable):
            store.delete(KEY)


def test_whether_a_bucket_can_be_written_to_is_asked_once_for_many_questions(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seldom, "_ASK_AGAIN_S", 3600)
    bucket.server.seen.clear()
    assert [bucket.store.writable() for _ in range(50)] == [True] * 50
    assert bucket.server.seen == ["HEAD"]
    monkeypatch.setattr(seldom, "_ASK_AGAIN_S", -1)
    bucket.server.faults = iter([REFUSED])
    assert not bucket.store.writable()
    assert bucket.store.writable()


def test_a_bucket_that_is_not_there_cannot_be_written_to(bucket: Bucket) -> None:
    store = make_s3(f"s3://{bucket.name}-none?endpoint={bucket.server.url}&region=us-east-1")
    assert not store.writable()
    with pytest.raises(Unavailable):
        store.put_stream(KEY, io.BytesIO(DATA), max_bytes=len(DATA))


def test_a_deletion_that_was_refused_in_part_is_no_success(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, KEY)
    client: Any = bucket.store._client
    refused = {"Errors": [{"Key": KEY, "Code": "AccessDenied"}]}
    monkeypatch.setattr(client, "delete_objects", lambda **_: refused)
    with pytest.raises(Unavailable):
        bucket.store.delete_under("t")


@pytest.mark.parametrize(
    "url", ["file:/x", "s3:///prefix", "s3://bucket?endpont=http://x", "s3://bucket/a/../b"]
)
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        make_s3(url)


# --- what is shipped for a bucket ------------------------------------------------------------


def test_the_lifecycle_rule_is_one_a_bucket_takes(bucket: Bucket) -> None:
    rules = json.loads((DEPLOY / "lifecycle.json").read_text(encoding="utf-8"))
    bucket.client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration=rules)
    assert bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"] == rules["Rules"]


def test_the_tenant_policy_is_one_a_bucket_takes_and_covers_a_tenants_keys(bucket: Bucket) -> None:
    text = (
        (DEPLOY / "tenant-policy.json")
        .read_text(encoding="utf-8")
        .replace("voicereel-artifacts", bucket.name)
    )
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=text)
    policy = json.loads(bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"])
    files, listing, others = policy["Statement"]
    resource = files["Resource"]
    assert others["NotResource"] == resource
    tenant = resource.split("/")[2]
    put(bucket, f"{tenant}/job/1/1/reel.wav")
    (listed,) = bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert f"arn:aws:s3:::{bucket.name}/{listed['Key']}".startswith(resource.removesuffix("*"))
    assert listing["Condition"]["StringLike"]["s3:prefix"] == f"artifacts/{tenant}/*"
