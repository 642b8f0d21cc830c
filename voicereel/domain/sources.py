"""A customer's own sound: kept for jobs to use, such as the bed under a script."""

from dataclasses import dataclass
from datetime import datetime

SOURCE_PREFIX = "src_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An uploaded file. ``kind`` is what its first bytes promise it to be; it is decoded when used."""

    id: str
    tenant_id: str
    name: str
    kind: str
    key: str
    size_bytes: int
    sha256: str
    created_at: datetime
