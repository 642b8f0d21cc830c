"""Whether what the settings name can be used: database, broker and store, each tried once."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import sqlalchemy as sa

from voicereel.adapters.database import migrate
from voicereel.bootstrap import check, make_store
from voicereel.domain.errors import VoiceReelError
from voicereel.ports import ArtifactStore
from voicereel.settings import Settings, SettingsError

_PROBE = b"Written by voicereel-server doctor, and removed at once."
_MIGRATE = "Run 'voicereel-server migrate'; 'up' does it by itself."

_MEND_BUCKET = "Let us put, get and delete objects: mend bucket, endpoint or credentials of VOICEREEL_STORE."
_MEND_FOLDER = "Make it a folder that we may write to, on a disk that has room."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. ``remedy`` says how to get what is missing."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""
    required: bool = True


def examine(settings: Settings) -> Iterator[Finding]:
    """A finding for each, within seconds. No password is in any of them."""
    try:
        check(settings)
    except SettingsError as error:
        yield Finding(
            what="settings", ok=False, detail=str(error), remedy="Mend this setting, and ask again."
        )
        return
    yield _database(settings)
    yield _broker(settings)
    yield _store(settings)


def _database(settings: Settings) -> Finding:
    place = database_place(settings.database)
    if _not_made_yet(settings.database):
        return Finding(what="database", ok=True, detail=f"{place}: not made yet; 'up' makes it")
    try:
        found = migrate.revision(settings.database)
    except VoiceReelError as error:
        remedy = "Start it, or mend VOICEREEL_DATABASE_URL: host, port, user, password, name."
        return Finding(what="database", ok=False, detail=f"{place}: {error.detail}", remedy=remedy)
    if migrate.is_enough(found):
        return Finding(what="database", ok=True, detail=f"{place}, revision {found}")
    state = f"at revision {found}, {migrate.newest()} is needed" if found else "it has no tables yet"
    return Finding(what="database", ok=False, detail=f"{place}: {state}", remedy=_MIGRATE)


def database_place(database: str) -> str:
    """Where a database is, without users and passwords."""
    url = sa.make_url(database)
    if url.get_backend_name() == "sqlite":
        return f"sqlite {url.database}"
    return f"postgresql {url.host or 'by its socket'}:{url.port or 5432}/{url.database}"


def _not_made_yet(database: str) -> bool:
    url = sa.make_url(database)
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


def _broker(settings: Settings) -> Finding:
    if not settings.broker_url:
        return Finding(what="broker", ok=True, detail="none is set: workers look for themselves")
    from voicereel.adapters.broker import reach

    try:
        reach(settings.broker)
    except VoiceReelError as error:
        remedy = "Start it, or mend VOICEREEL_BROKER_URL: amqp://user:password@host:5672/vhost."
        return Finding(what="broker", ok=False, detail=error.detail, remedy=remedy)
    return Finding(what="broker", ok=True, detail=f"amqp {urlsplit(settings.broker).hostname}: it answers")


def _store(settings: Settings) -> Finding:
    place = _store_place(settings.store_url)
    try:
        _write_and_remove(make_store(settings, patient=False))
    except (VoiceReelError, OSError) as error:
        remedy = _MEND_BUCKET if place.startswith("s3:") else _MEND_FOLDER
        return Finding(what="store", ok=False, detail=f"{place}: {_reason(error)}", remedy=remedy)
    return Finding(what="store", ok=True, detail=f"{place}: written, read and removed")


def _store_place(store_url: str) -> str:
    parts = urlsplit(store_url)
    return f"{parts.scheme}:{'//' if parts.netloc else ''}{parts.netloc.rpartition('@')[2]}{parts.path}"


def _write_and_remove(store: ArtifactStore) -> None:
    key = f"doctor-{uuid4().hex}"
    store.put_stream(key, io.BytesIO(_PROBE), max_bytes=len(_PROBE))
    try:
        with store.open(key) as stored:
            if stored.read() != _PROBE:
                raise OSError("what is read is not what was written")
    except (VoiceReelError, OSError):
        # What cannot be read, and perhaps not removed either, goes with the orphans.
        with suppress(VoiceReelError, OSError):
            store.delete(key)
        raise
    store.delete(key)


def _reason(error: Exception) -> str:
    """What the store said, or how it was not reached."""
    if not isinstance(error, VoiceReelError):
        return getattr(error, "strerror", None) or str(error)
    answer = getattr(error.__cause__, "response", None) or {}
    cause = answer.get("Error", {}).get("Code") or type(error.__cause__).__name__
    return f"{error.detail} ({cause})" if error.__cause__ else error.detail
