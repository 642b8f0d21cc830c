"""What botocore raises, as errors of the domain. Logs hold neither keys nor addresses."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import S3DownloadFailedError, S3ValidationError

from voicereel.domain.errors import NotFound, Unavailable
from voicereel.telemetry import log

_FAILURES = (BotoCoreError, ClientError, Boto3Error, S3DownloadFailedError, S3ValidationError)


@contextmanager
def reaching() -> Iterator[None]:
    """What the network and the store refuse, as errors of the domain."""
    try:
        yield
    except _FAILURES as error:
        if code(error) in ("NoSuchKey", "404"):
            raise NotFound("file") from None
        log().warning("store_failed", error=type(error).__name__, status=status(error))
        raise unavailable() from error


def unavailable() -> Unavailable:
    return Unavailable("The artifact store cannot be reached; try again.", code="store_unavailable")


def status(error: Exception) -> int | None:
    """The HTTP status of an answer; None where none came."""
    if not isinstance(error, ClientError):
        return None
    status: int | None = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status


def code(error: Exception) -> str | None:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
