"""Quotes, and the paces they rest on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from voicereel.adapters.database.columns import db_now, insert_or_nothing
from voicereel.adapters.database.rows import shallow
from voicereel.adapters.database.tables import heard, paces, quotes, speakers
from voicereel.domain.pace import Heard, Pace, PaceKey
from voicereel.domain.quotes import Quote
from voicereel.domain.speech_counts import MODEL

_KEY = ("tenant_id", "engine", "voice", "language")
# Who sends a quote that has expired is told so, as long as it is remembered.
_REMEMBERED_S = 7 * 24 * 3600.0


class Quotes:
    """`QuoteRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, quote: Quote) -> None:
        self._connection.execute(quotes.insert().values(shallow(quote)))

    def get(self, quote_id: str, *, tenant_id: str) -> Quote | None:
        query = sa.select(quotes).where(quotes.c.id == quote_id, quotes.c.tenant_id == tenant_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else Quote(**{name: row[name] for name in Quote.__slots__})

    def forget_old(self) -> int:
        """Drop the quotes that expired long ago."""
        old = quotes.c.expires_at < db_now(-_REMEMBERED_S)
        return self._connection.execute(quotes.delete().where(old)).rowcount


class Paces:
    """`PaceRepository` over SQLAlchemy Core."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def note(self, news: Sequence[Heard]) -> None:
        """Write down what a run has heard; it is added up later."""
        if news:
            self._connection.execute(heard.insert(), [_row(key, pace) for key, pace in news])

    def find(self, keys: Iterable[PaceKey]) -> Mapping[PaceKey, Pace]:
        """All that is known of these, what is not added up yet with it."""
        wanted = set(keys)
        found: dict[PaceKey, Pace] = defaultdict(Pace)
        for table in (paces, heard):
            c = table.c
            query = sa.select(c.tenant_id, c.engine, c.voice, c.language, c.figures).where(
                c.model == MODEL,
                c.tenant_id.in_({key.tenant_id for key in wanted}),
                c.engine.in_({key.engine for key in wanted}),
                c.voice.in_({key.voice for key in wanted}),
            )
            for row in self._connection.execute(query):
                key = _key(row)
                if key in wanted:
                    found[key] += _pace(row.figures)
        return found

    def has_news(self) -> bool:
        return self._connection.scalar(sa.select(sa.exists(sa.select(heard.c.id)))) or False

    def take_news(self, limit: int) -> tuple[Heard, ...]:
        """Remove and return notes that nobody else is taking, the oldest first."""
        ids = sa.select(heard.c.id).order_by(heard.c.id).limit(limit).with_for_update(skip_locked=True)
        taken = list(self._connection.scalars(ids))
        # Notes of another model count something else.
        query = sa.select(heard).where(heard.c.id.in_(taken), heard.c.model == MODEL).order_by(heard.c.id)
        news = tuple((_key(row), _pace(row.figures)) for row in self._connection.execute(query))
        self._connection.execute(heard.delete().where(heard.c.id.in_(taken)))
        return news

    def add(self, news: Mapping[PaceKey, Pace]) -> None:
        """Add to what is known. That of a speaker who is gone is dropped."""
        ids = {key.voice for key in news if key.tenant_id}
        # Held until the commit: a speaker cannot be deleted under its pace.
        query = sa.select(speakers.c.id).where(speakers.c.id.in_(ids)).order_by(speakers.c.id)
        there = set(self._connection.scalars(query.with_for_update(read=True, key_share=True)))
        for key in sorted(news, key=_order):  # in one order: two sweeps never wait for each other
            if not key.tenant_id or key.voice in there:
                self._add_one(key, news[key])

    def _add_one(self, key: PaceKey, pace: Pace) -> None:
        values = {**_row(key, Pace()), "speaker_id": key.voice if key.tenant_id else None}
        self._connection.execute(insert_or_nothing(self._connection, paces).values(values))
        where = sa.and_(paces.c.model == MODEL, *(paces.c[name] == getattr(key, name) for name in _KEY))
        query = sa.select(paces.c.figures).where(where).with_for_update()
        known = self._connection.execute(query).scalar_one()
        figures = _figures((_pace(known) + pace).faded())
        self._connection.execute(paces.update().where(where).values(figures=figures))


def _order(key: PaceKey) -> tuple[str, ...]:
    return tuple(getattr(key, name) for name in _KEY)


def _row(key: PaceKey, pace: Pace) -> dict[str, Any]:
    return {**shallow(key), "model": MODEL, "figures": _figures(pace)}


def _key(row: Any) -> PaceKey:
    return PaceKey(tenant_id=row.tenant_id, engine=row.engine, voice=row.voice, language=row.language)


def _figures(pace: Pace) -> dict[str, Any]:
    """As JSON; what is symmetric is written once."""
    half = [[_short(value) for value in row[: index + 1]] for index, row in enumerate(pace.xx)]
    return {"lines": pace.lines, "xx": half, "xy": [*map(_short, pace.xy)], "yy": _short(pace.yy)}


def _short(value: float) -> float:
    return float(f"{value:.9g}")


def _pace(figures: Mapping[str, Any]) -> Pace:
    half = figures["xx"]
    size = range(len(half))
    whole = tuple(tuple(half[max(row, column)][min(row, column)] for column in size) for row in size)
    return Pace(lines=figures["lines"], xx=whole, xy=tuple(figures["xy"]), yy=figures["yy"])
