"""What a transaction offers its repositories."""

from typing import Protocol

import sqlalchemy as sa

from voicereel.adapters.database.dialect import Hot


class Connections(Protocol):
    """What a transaction offers its repositories."""

    @property
    def max_attempts(self) -> int: ...
    @property
    def connection(self) -> sa.Connection: ...
    @property
    def hot(self) -> Hot: ...
