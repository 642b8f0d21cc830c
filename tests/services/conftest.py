"""One worker on a service of its own, run by hand, with the fake engine, on either database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rendering import Studio, studio


@pytest.fixture
def fake_studio(tmp_path: Path, any_database: str) -> Iterator[Studio]:
    with studio(
        tmp_path / "home",
        engines="fake",
        default_engine="fake",
        lease_s=60,
        max_attempts=3,
        database_url=any_database,
    ) as found:
        yield found
