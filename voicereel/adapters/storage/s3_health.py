"""Whether a bucket answers, for those who ask often."""

import threading
import time

from botocore.client import BaseClient

from voicereel.adapters.storage.s3_errors import reaching
from voicereel.domain.errors import NotFound, Unavailable

# How long an answer holds.
_ASK_AGAIN_S = 5.0


class BucketHealth:
    """Asks every few seconds at most, in one thread at a time."""

    def __init__(self, client: BaseClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._up = False

    def is_up(self) -> bool:
        with self._lock:
            if time.monotonic() - self._asked_at > _ASK_AGAIN_S:
                self._up = self._answers()
                self._asked_at = time.monotonic()
            return self._up

    def _answers(self) -> bool:
        try:
            with reaching():
                self._client.head_bucket(Bucket=self._bucket)
        except (NotFound, Unavailable):
            return False
        return True
