"""Artifacts in a bucket of S3, or of a server that speaks like it. A key is written once."""

import base64
import hashlib
import io
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC
from email.message import Message
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

from voicereel.adapters.seldom import AskedSeldom
from voicereel.adapters.storage.keys import check_key
from voicereel.adapters.storage.parts import MeasuredParts
from voicereel.adapters.storage.s3_errors import code, reaching, status, unavailable
from voicereel.adapters.storage.s3_health import answers
from voicereel.ports import StoredFile, StoredKey
from voicereel.telemetry import log

_OPTIONS = {"endpoint", "region", "public_endpoint"}
# Larger files travel in parts of this size: 10,000 parts, the most S3 takes, are then 160 GiB.
_PART_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20
# Metadata that tells a writer its own object from another's.
_WRITER = "writer"
_DOWNLOAD = TransferConfig(
    multipart_threshold=_PART_BYTES,
    multipart_chunksize=_PART_BYTES,
    max_concurrency=4,
    preferred_transfer_client="classic",
)


def make_s3(url: str, *, patient: bool = True) -> "S3Store":
    """A store from ``s3://bucket/prefix?endpoint=http://…&region=…&public_endpoint=https://…``.

    All behind the bucket may be left out. Customers reach the bucket by ``public_endpoint`` where it has
    another address for them than for us. Credentials are found by boto3's own rules. `ValueError` for
    another form. Without patience a request is made once, and given up within seconds.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "s3" or not parts.netloc or options.keys() - _OPTIONS:
        raise ValueError("give s3://bucket/prefix?endpoint=http://…&region=…&public_endpoint=https://…")
    # A session of its own: threads must not share the default one while it makes clients.
    connect = partial(_client, boto3.session.Session(), region=options.get("region"))
    endpoint = options.get("endpoint")
    return S3Store(
        parts.netloc,
        parts.path.strip("/"),
        client=connect(endpoint) if patient else connect(endpoint, connect_s=3, read_s=5, attempts=1),
        probe=connect(endpoint, connect_s=2, read_s=2, attempts=1),
        signer=connect(options.get("public_endpoint", endpoint)),
    )


def _client(
    session: boto3.session.Session,
    endpoint: str | None,
    *,
    region: str | None,
    connect_s: int = 5,
    read_s: int = 30,
    attempts: int = 5,
) -> BaseClient:
    config = Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        # The newer modes spend a quota of retries: a store that fails often would have none left.
        retries={"mode": "legacy", "total_max_attempts": attempts},
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    return session.client("s3", endpoint_url=endpoint, region_name=region, config=config)


class S3Store:
    """`ArtifactStore` in a bucket; safe to share between threads.

    Written with `If-None-Match: *`, which the upload functions of boto3 do not pass on: hence
    the puts of our own. ``probe`` is the client that `writable` asks by, without retries; ``signer``
    the one whose endpoint `url` names.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        client: BaseClient,
        probe: BaseClient | None = None,
        signer: BaseClient | None = None,
    ) -> None:
        if prefix:
            check_key(prefix)
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._client = client
        self._signer = signer or client
        self._is_up = AskedSeldom(partial(answers, probe or client, bucket))

    def put_file(self, key: str, path: Path) -> StoredFile:
        """Upload a finished file, then remove it; where the upload fails, it stays."""
        with path.open("rb") as file:
            stored = self._put(key, MeasuredParts(file, part_bytes=_PART_BYTES))
        path.unlink()
        return stored

    def put_stream(self, key: str, stream: BinaryIO, *, max_bytes: int) -> StoredFile:
        return self._put(key, MeasuredParts(stream, part_bytes=_PART_BYTES, max_bytes=max_bytes))

    def _put(self, key: str, source: MeasuredParts) -> StoredFile:
        target, writer = self._target(key), uuid.uuid4().hex
        parts = source.parts()
        first = next(parts, b"")
        with reaching(), self._once(target, writer):
            if len(first) < _PART_BYTES:
                self._put_whole(target, first, writer)
            else:
                self._put_parts(target, chain((first,), parts), writer)
        return StoredFile(size_bytes=source.size_bytes, sha256=source.digest.hexdigest())

    def _put_whole(self, target: Mapping[str, str], data: bytes, writer: str) -> None:
        checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _checksum(data)}
        self._client.put_object(**target, **checksum, Body=data, IfNoneMatch="*", Metadata={_WRITER: writer})

    def _put_parts(self, target: Mapping[str, str], parts: Iterator[bytes], writer: str) -> None:
        begun = self._client.create_multipart_upload(
            **target, ChecksumAlgorithm="SHA256", Metadata={_WRITER: writer}
        )
        upload = {**target, "UploadId": begun["UploadId"]}
        with ExitStack() as undo:
            undo.callback(self._abort, upload)
            sent = [self._put_part(upload, number, part) for number, part in enumerate(parts, 1)]
            self._client.complete_multipart_upload(**upload, IfNoneMatch="*", MultipartUpload={"Parts": sent})
            undo.pop_all()

    def _put_part(self, upload: Mapping[str, str], number: int, part: bytes) -> dict[str, Any]:
        checksum = _checksum(part)
        sent = self._client.upload_part(
            **upload, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum
        )
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}

    def _abort(self, upload: Mapping[str, str]) -> None:
        with suppress(BotoCoreError, ClientError):  # the bucket's lifecycle rule removes what stays
            self._client.abort_multipart_upload(**upload)

    @contextmanager
    def _once(self, target: Mapping[str, str], writer: str) -> Iterator[None]:
        """Tell a key that another wrote from our own, written by a request whose answer was lost."""
        try:
            yield
        except ClientError as error:
            exists = status(error) == 412
            if not exists and code(error) != "NoSuchUpload":
                raise
            if self._written_by(target) == writer:
                return
            if exists:
                raise FileExistsError("the key exists") from None
            raise

    def _written_by(self, target: Mapping[str, str]) -> str | None:
        try:
            found = self._client.head_object(**target)
        except ClientError as error:
            if status(error) == 404:
                return None
            raise
        writer: str | None = found["Metadata"].get(_WRITER)
        return writer

    def open(self, key: str) -> BinaryIO:
        """The bytes as they come; what breaks off is `Unavailable` while reading."""
        with reaching():
            body = self._client.get_object(**self._target(key))["Body"]
        return io.BufferedReader(_Body(body), _BLOCK_BYTES)

    def open_range(self, key: str, *, offset: int, length: int) -> BinaryIO:
        wanted = f"bytes={offset}-{offset + length - 1}"
        with reaching():
            body = self._client.get_object(**self._target(key), Range=wanted)["Body"]
        return io.BufferedReader(_Body(body), _BLOCK_BYTES)

    def fetch(self, key: str, into: Path) -> Path:
        """Download into the folder, large files by parts at once; the name appears with the last byte."""
        target, path = self._target(key), into / f"{uuid.uuid4().hex}-{key.rpartition('/')[2]}"
        with reaching():
            self._client.download_file(
                Bucket=target["Bucket"], Key=target["Key"], Filename=str(path), Config=_DOWNLOAD
            )
        return path

    def url(self, key: str, *, expires_s: int, name: str, media_type: str) -> str:
        headers = Message()
        headers.add_header("Content-Disposition", "attachment", filename=name)
        asked = {
            **self._target(key),
            "ResponseContentDisposition": headers["Content-Disposition"],
            "ResponseContentType": media_type,
            # As the API says of its own: a copy may be kept, but is asked about before it is used.
            "ResponseCacheControl": "private, no-cache",
        }
        with reaching():
            return str(self._signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=expires_s))

    def delete(self, key: str) -> None:
        with reaching():
            self._client.delete_object(**self._target(key))

    def delete_under(self, prefix: str) -> None:
        check_key(prefix)
        with reaching():
            for objects in self._pages(f"{self._root}{prefix}/"):
                names = [{"Key": found["Key"]} for found in objects]
                done = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": names, "Quiet": True}
                )
                if refused := done.get("Errors"):
                    log().error("store_failed", error="NotAllDeleted", count=len(refused))
                    raise unavailable()

    def keys(self, prefix: str = "", *, after: str = "") -> Iterator[StoredKey]:
        if prefix:
            check_key(prefix)
        return self._listed(f"{self._root}{prefix}/" if prefix else self._root, after)

    def _listed(self, prefix: str, after: str) -> Iterator[StoredKey]:
        with reaching():
            for objects in self._pages(prefix, after=after):
                for found in objects:
                    yield StoredKey(
                        key=found["Key"].removeprefix(self._root),
                        modified_at=found["LastModified"].astimezone(UTC),
                        size_bytes=found["Size"],
                    )

    def _pages(self, prefix: str, *, after: str = "") -> Iterator[list[dict[str, Any]]]:
        """Objects in key order, a thousand at a time."""
        start = {"StartAfter": f"{self._root}{after}"} if after else {}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, **start
        )
        return (page["Contents"] for page in pages if page.get("Contents"))

    def writable(self) -> bool:
        return self._is_up()

    def forget_unfinished(self) -> None:
        """Nothing: others may be writing to the bucket, whose lifecycle rule ends what nobody does."""

    def _target(self, key: str) -> dict[str, str]:
        check_key(key)
        return {"Bucket": self._bucket, "Key": f"{self._root}{key}"}


class _Body(io.RawIOBase):
    """What an object's body gives while it is read, with the errors of this module."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer, as the base class says
        with reaching():
            return int(self._body.readinto(buffer))

    def close(self) -> None:
        self._body.close()
        super().close()


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
