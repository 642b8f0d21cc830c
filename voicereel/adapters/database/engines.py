"""What engines the workers advertise: rows that go stale when their worker falls silent."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import db_now
from voicereel.adapters.database.tables import engine_adverts
from voicereel.domain.speakers import EngineInfo, StockVoice


class Engines:
    """`EngineRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def advertise(self, worker_id: str, *, pool: str, infos: Sequence[EngineInfo]) -> None:
        """Say that a worker is alive and has these engines; what it said before is replaced."""
        c = engine_adverts.c
        said = {(info.name, pool, _digest(info)) for info in infos}
        query = sa.select(c.engine, c.pool, c.facts_sha256).where(c.worker_id == worker_id)
        if said == {tuple(row) for row in self._connection.execute(query)}:
            where = c.worker_id == worker_id
            self._connection.execute(engine_adverts.update().where(where).values(seen_at=db_now()))
            return
        self.withdraw(worker_id)
        for info in infos:
            self._connection.execute(
                engine_adverts.insert().values(
                    worker_id=worker_id,
                    engine=info.name,
                    pool=pool,
                    facts_sha256=_digest(info),
                    facts=asdict(info),
                    seen_at=db_now(),
                )
            )

    def withdraw(self, worker_id: str) -> None:
        self._connection.execute(engine_adverts.delete().where(engine_adverts.c.worker_id == worker_id))

    def withdraw_all(self, worker_prefix: str) -> None:
        """Forget the workers whose names begin so."""
        where = engine_adverts.c.worker_id.startswith(worker_prefix, autoescape=True)
        self._connection.execute(engine_adverts.delete().where(where))

    def forget_silent(self) -> None:
        """Drop adverts nobody has renewed for an hour: each worker's life has a name of its own."""
        self._connection.execute(engine_adverts.delete().where(engine_adverts.c.seen_at < db_now(-3600)))

    def up(self, *, within_s: float) -> tuple[EngineInfo, ...]:
        """Each engine that some live worker has, once, by name."""
        c = engine_adverts.c
        query = (
            sa.select(c.engine, sa.func.min(c.facts_sha256))
            .where(c.seen_at > db_now(-within_s))
            .group_by(c.engine)
        )
        found = sorted(map(tuple, self._connection.execute(query)))
        return tuple(info for _, sha256 in found if (info := self._known(sha256)) is not None)

    def _known(self, sha256: str) -> EngineInfo | None:
        """The facts of this hash; read and parsed once a process, for they are long and rarely new."""
        if sha256 not in _FACTS:
            c = engine_adverts.c
            query = sa.select(c.facts).where(c.facts_sha256 == sha256).limit(1)
            facts = self._connection.execute(query).scalar()
            if facts is None:  # its last worker has gone since it was listed
                return None
            _FACTS[sha256] = _info(facts)
        return _FACTS[sha256]


def _digest(info: EngineInfo) -> str:
    return hashlib.sha256(json.dumps(asdict(info), sort_keys=True).encode()).hexdigest()


_FACTS: dict[str, EngineInfo] = {}


def _info(facts: Mapping[str, Any]) -> EngineInfo:
    """What this version understands of an advert: a worker of a later one may say more."""
    voices = tuple(
        StockVoice(**{**_known_of(StockVoice, voice), "languages": tuple(voice["languages"])})
        for voice in facts["voices"]
    )
    lists = {name: tuple(facts[name]) for name in ("languages", "variants", "unsupported_controls")}
    return EngineInfo(**{**_known_of(EngineInfo, facts), **lists, "voices": voices})


def _known_of(kind: type[EngineInfo] | type[StockVoice], facts: Mapping[str, Any]) -> dict[str, Any]:
    names = {part.name for part in fields(kind)}
    return {name: value for name, value in facts.items() if name in names}
