"""Whether a bucket answers."""

from botocore.client import BaseClient

from voicereel.adapters.storage.s3_errors import reaching
from voicereel.domain.errors import NotFound, Unavailable


def answers(client: BaseClient, bucket: str) -> bool:
    try:
        with reaching():
            client.head_bucket(Bucket=bucket)
    except (NotFound, Unavailable):
        return False
    return True
