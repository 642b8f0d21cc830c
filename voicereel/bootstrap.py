"""The composition root: settings in, services out. Nothing here knows of HTTP or of stages."""

import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database
from voicereel.adapters.storage import FolderStore
from voicereel.adapters.wakeups import NoWakeups
from voicereel.domain.errors import Unavailable
from voicereel.ports import ArtifactStore
from voicereel.services.accounts import AccountService
from voicereel.services.artifacts import ArtifactService, UrlSigner
from voicereel.services.catalogue import CatalogueService
from voicereel.services.events import EventService
from voicereel.services.jobs import JobService, ScriptLimits
from voicereel.services.speakers import SpeakerService
from voicereel.services.work import WorkService
from voicereel.settings import Settings, SettingsError

_MIN_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the entry points may call."""

    settings: Settings
    accounts: AccountService
    artifacts: ArtifactService
    catalogue: CatalogueService
    events: EventService
    jobs: JobService
    speakers: SpeakerService
    work: WorkService
    check_ready: Callable[[], None]
    close: Callable[[], None]


def build(settings: Settings) -> Services:
    """Wire a process. The database must have been migrated; see `prepare`."""
    _refuse_what_is_not_there(settings)
    database = Database(settings.database, max_attempts=settings.max_attempts)
    store = make_store(settings)
    artifacts = ArtifactService(
        work=database,
        store=store,
        signer=UrlSigner(secret=url_secret(settings)),
        public_url=settings.public_url.rstrip("/"),
        now=_now,
    )
    limits = ScriptLimits(
        lines=settings.max_lines,
        line_characters=settings.max_line_characters,
        script_characters=settings.max_script_characters,
        reel_ms=settings.max_reel_minutes * 60_000,
    )
    jobs = JobService(work=database, files=artifacts, limits=limits, now=_now)
    return Services(
        settings=settings,
        accounts=AccountService(work=database, now=_now),
        artifacts=artifacts,
        catalogue=CatalogueService(work=database),
        events=EventService(work=database, view=jobs.get, max_streams=settings.max_streams),
        jobs=jobs,
        speakers=SpeakerService(
            work=database,
            store=store,
            files=artifacts,
            now=_now,
            engine=settings.default_engine,
            max_sample_bytes=settings.max_sample_bytes,
        ),
        work=WorkService(
            work=database, store=store, files=artifacts, queue=NoWakeups(), lease_s=settings.lease_s
        ),
        check_ready=lambda: _check_ready(database, store),
        close=database.close,
    )


def _refuse_what_is_not_there(settings: Settings) -> None:
    """Say at the start what would otherwise fail job by job."""
    if settings.broker_url:
        raise SettingsError("VOICEREEL_BROKER_URL: a broker is not supported yet; leave it empty to poll")
    if not settings.database.startswith("sqlite"):
        raise SettingsError(
            "VOICEREEL_DATABASE_URL: only sqlite: serves jobs yet; others can be migrated only"
        )


def prepare(settings: Settings) -> str:
    """Make the home folder and bring the database to the newest schema; its revision."""
    make_home(settings.home)
    url_secret(settings)
    return migrate.upgrade(settings.database)


def make_home(home: Path) -> None:
    """Make the home folder, private to its owner; `SettingsError` where nothing can be written."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=home).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingsError(f"VOICEREEL_HOME: the folder {home} cannot be written to: {reason}") from None


def make_store(settings: Settings) -> ArtifactStore:
    scheme, _, path = settings.store_url.partition(":")
    if scheme != "file":
        raise SettingsError(f"VOICEREEL_STORE: '{scheme}:' is not supported yet; use file:/path")
    return FolderStore(Path(path).expanduser())


def url_secret(settings: Settings) -> bytes:
    """The key of presigned URLs: as set, else made once and kept in the home folder."""
    if settings.url_secret:
        if len(settings.url_secret) < _MIN_SECRET:
            raise SettingsError(f"VOICEREEL_URL_SECRET: give at least {_MIN_SECRET} characters")
        return settings.url_secret.encode()
    path = settings.home / "url_secret"
    if not path.exists():
        _write_new(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text().strip())


def _write_new(path: Path, text: str) -> None:
    """Write a private file, whole or not at all; when another process was faster, its file stays."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    with suppress(FileExistsError):
        os.link(name, path)
    Path(name).unlink()


def _check_ready(database: Database, store: ArtifactStore) -> None:
    """Raise `Unavailable` unless requests can be served: database, schema, store."""
    database.ping()
    if migrate.current(database.engine) != migrate.newest():
        raise Unavailable(
            "The database schema is not current; run 'voicereel-server migrate'.", code="not_ready"
        )
    if not store.writable():
        raise Unavailable("The artifact store cannot be written.", code="not_ready")


def _now() -> datetime:
    return datetime.now(UTC)
