"""The composition root: settings in, services out. Nothing here knows of HTTP or of stages."""

import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database
from voicereel.adapters.storage.folder import FolderStore
from voicereel.adapters.wakeups import NoWakeups
from voicereel.domain.errors import Unavailable
from voicereel.ports import ArtifactStore, Channel, Listener, StageQueue
from voicereel.services.accounts import AccountService
from voicereel.services.artifacts import ArtifactService, UrlSigner
from voicereel.services.catalogue import CatalogueService
from voicereel.services.events import EventService
from voicereel.services.health import HealthService, Schema
from voicereel.services.jobs import JobService, ScriptLimits
from voicereel.services.recovery import RecoveryService
from voicereel.services.speakers import SpeakerService
from voicereel.services.upkeep import Retention, UpkeepService
from voicereel.services.usage import UsageService
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
    health: HealthService
    jobs: JobService
    recovery: RecoveryService
    speakers: SpeakerService
    upkeep: UpkeepService
    usage: UsageService
    work: WorkService
    listen: Callable[[Channel], Listener]
    check_ready: Callable[[], None]
    close: Callable[[], None]


def build(settings: Settings) -> Services:
    """Wire a process. The database must have been migrated; see `prepare`."""
    check(settings)
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
    catalogue = CatalogueService(work=database)
    jobs = JobService(
        work=database, files=artifacts, engines=catalogue.engines_just_now, limits=limits, now=_now
    )
    return Services(
        settings=settings,
        accounts=AccountService(work=database, now=_now),
        artifacts=artifacts,
        catalogue=catalogue,
        events=EventService(work=database, view=jobs.get, max_streams=settings.max_streams),
        health=HealthService(
            work=database,
            store=store,
            catalogue=catalogue,
            schema=lambda: Schema(found=_revision(database), needed=migrate.newest()),
            home=settings.home,
            version=version("voicereel"),
            database_kind=database.engine.dialect.name,
            store_folder=store.root if isinstance(store, FolderStore) else None,
            has_broker=bool(settings.broker_url),
        ),
        jobs=jobs,
        recovery=RecoveryService(work=database, store=store),
        speakers=SpeakerService(
            work=database,
            store=store,
            files=artifacts,
            now=_now,
            engine=settings.default_engine,
            max_sample_bytes=settings.max_sample_bytes,
        ),
        upkeep=UpkeepService(
            work=database,
            store=store,
            files=artifacts,
            queue=_make_queue(settings),
            retention=Retention(
                intermediates_hours=settings.intermediates_hours,
                originals_days=settings.originals_days,
                orphans_hours=settings.orphans_hours,
            ),
            now=_now,
        ),
        usage=UsageService(work=database, now=_now),
        work=WorkService(work=database, store=store, lease_s=settings.lease_s),
        listen=database.listen,
        check_ready=lambda: _check_ready(database, store),
        close=database.close,
    )


def check(settings: Settings) -> None:
    """Say at the start, in one line, what would otherwise fail later: `SettingsError`."""
    if not settings.database.startswith(("sqlite:", "postgresql+psycopg:")):
        raise SettingsError("VOICEREEL_DATABASE_URL: give sqlite:///… or postgresql+psycopg://…")
    if settings.broker_url and settings.database.startswith("sqlite:"):
        raise SettingsError(
            "VOICEREEL_BROKER_URL: SQLite serves one machine, whose workers poll; leave it empty,"
            " or set VOICEREEL_DATABASE_URL to a PostgreSQL"
        )
    if settings.broker_url and not settings.broker_url.startswith(("amqp://", "amqps://")):
        raise SettingsError("VOICEREEL_BROKER_URL: give amqp://user:password@host:5672/vhost")
    for wanted, module, setting in (
        (settings.database.startswith("postgresql"), "psycopg", "VOICEREEL_DATABASE_URL"),
        (bool(settings.broker_url), "dramatiq", "VOICEREEL_BROKER_URL"),
        (settings.store_url.startswith("s3:"), "boto3", "VOICEREEL_STORE"),
    ):
        if wanted and find_spec(module) is None:
            raise SettingsError(f"{setting} needs more packages: pip install 'voicereel[production]'")
    make_store(settings)


def _make_queue(settings: Settings) -> StageQueue:
    if not settings.broker_url:
        return NoWakeups()
    from voicereel.adapters.wakeups import RabbitmqWakeups

    return RabbitmqWakeups(settings.broker, prefix=settings.queue_prefix)


def prepare(settings: Settings) -> str:
    """Make the home folder and bring the database to the newest schema; its revision."""
    make_home(settings.home)
    check(settings)
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
    if scheme == "file":
        return FolderStore(Path(path).expanduser())
    if scheme == "s3":
        # Only who keeps files there needs its library.
        from voicereel.adapters.storage.s3 import make_s3

        try:
            return make_s3(settings.store_url)
        except ValueError as error:
            raise SettingsError(f"VOICEREEL_STORE: {error}") from None
    raise SettingsError(
        f"VOICEREEL_STORE: '{scheme}:' is not supported; use file:/path or s3://bucket/prefix"
    )


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


def _revision(database: Database) -> str | None:
    database.ping()
    return migrate.current(database.engine)


def _check_ready(database: Database, store: ArtifactStore) -> None:
    """Raise `Unavailable` unless requests can be served: database, schema, store."""
    if not migrate.is_enough(_revision(database)):
        raise Unavailable(
            "The database schema is not current; run 'voicereel-server migrate'.", code="not_ready"
        )
    if not store.writable():
        raise Unavailable("The artifact store cannot be written.", code="not_ready")


def _now() -> datetime:
    return datetime.now(UTC)
