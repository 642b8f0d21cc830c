"""Engines that stay up without a worker: an advert grows old in 30 s, and a busy machine is slower."""

from collections.abc import Sequence

import sqlalchemy as sa

from voicereel.adapters.database.database import Database
from voicereel.bootstrap import Services
from voicereel.domain.speakers import EngineInfo


def advertise_for_good(services: Services, worker_id: str, infos: Sequence[EngineInfo]) -> None:
    """Advertise engines as a worker would, as if it were heard from at the end of time."""
    services.work.advertise(worker_id, pool="cpu", infos=infos)
    database = services.jobs.work
    assert isinstance(database, Database)
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE engine_adverts SET seen_at = '2999-01-01T00:00:00.000Z'"))
