"""The composition root: settings in, services out. Nothing here knows of HTTP or of stages."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from voicereel.adapters.database import migrate
from voicereel.adapters.database.database import Database
from voicereel.adapters.seldom import AskedSeldom
from voicereel.adapters.storage.folder import FolderStore
from voicereel.adapters.wakeups import NoWakeups
from voicereel.domain.errors import Unavailable
from voicereel.home import make_home, url_secret
from voicereel.ports import ArtifactStore, Channel, Listener, StageQueue
from voicereel.services.accounts import AccountService
from voicereel.services.artifacts import ArtifactService, UrlSigner
from voicereel.services.catalogue import CatalogueService
from voicereel.services.clips import ClipService
from voicereel.services.draft_casting import DraftCasting
from voicereel.services.drafts import DraftService
from voicereel.services.estimates import EstimateService
from voicereel.services.events import EventService
from voicereel.services.health import HealthService, Schema
from voicereel.services.jobs import JobService
from voicereel.services.lexicons import LexiconService
from voicereel.services.limits import ScriptLimits
from voicereel.services.line_audio import LineAudioService
from voicereel.services.pronouncing import Pronouncing
from voicereel.services.recovery import RecoveryService
from voicereel.services.revisions import RevisionService
from voicereel.services.sources import SourceService
from voicereel.services.speakers import SpeakerService
from voicereel.services.takes import TakeCache
from voicereel.services.upkeep import Retention, UpkeepService
from voicereel.services.usage import UsageService
from voicereel.services.work import WorkService
from voicereel.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the entry points may call."""

    settings: Settings
    accounts: AccountService
    artifacts: ArtifactService
    catalogue: CatalogueService
    clips: ClipService
    drafts: DraftService
    estimates: EstimateService
    events: EventService
    health: HealthService
    jobs: JobService
    lexicons: LexiconService
    line_audio: LineAudioService
    recovery: RecoveryService
    revisions: RevisionService
    sources: SourceService
    speakers: SpeakerService
    upkeep: UpkeepService
    usage: UsageService
    work: WorkService
    listen: Callable[[Channel], Listener]
    check_schema: Callable[[], None]
    check_ready: Callable[[], None]
    close: Callable[[], None]


def build(settings: Settings) -> Services:
    """Wire a process. The database must have been migrated; see `prepare`."""
    check(settings)
    database = Database(settings.database, max_attempts=settings.max_attempts, lease_s=settings.lease_s)
    store = make_store(settings)
    artifacts = _artifacts(settings, database, store)
    catalogue = CatalogueService(work=database)
    jobs = _jobs(settings, database, artifacts, catalogue)
    casting = DraftCasting(
        engines=catalogue.engines_just_now, pronouncing=jobs.pronouncing, limits=jobs.limits, now=_now
    )
    line_audio = LineAudioService(work=database, store=store, files=artifacts, now=_now)
    return Services(
        settings=settings,
        accounts=AccountService(work=database, now=_now),
        artifacts=artifacts,
        catalogue=catalogue,
        clips=ClipService(work=database, store=store, files=artifacts, now=_now),
        estimates=_estimates(settings, database, jobs),
        events=EventService(
            work=database, view=jobs.get, told=line_audio.told, max_streams=settings.max_streams
        ),
        health=_health(settings, database, store, catalogue),
        jobs=jobs,
        drafts=DraftService(work=database, casting=casting, limits=jobs.limits, audio=line_audio),
        line_audio=line_audio,
        lexicons=LexiconService(work=database, now=_now),
        recovery=RecoveryService(work=database, store=store),
        revisions=RevisionService(
            work=database, files=artifacts, casting=casting, limits=jobs.limits, now=_now
        ),
        sources=SourceService(work=database, store=store, now=_now, max_bytes=settings.max_source_bytes),
        speakers=_speakers(settings, database, store, artifacts),
        upkeep=_upkeep(settings, database, store, artifacts),
        usage=UsageService(work=database, now=_now),
        work=WorkService(
            work=database, store=store, lease_s=settings.lease_s, keeps_takes=settings.take_cache_bytes > 0
        ),
        listen=database.listen,
        check_schema=lambda: _check_schema(database),
        check_ready=lambda: _check_ready(database, store),
        close=database.close,
    )


def _artifacts(settings: Settings, database: Database, store: ArtifactStore) -> ArtifactService:
    return ArtifactService(
        work=database,
        store=store,
        signer=UrlSigner(secret=url_secret(settings)),
        public_url=settings.public_url.rstrip("/"),
        now=_now,
    )


def _jobs(
    settings: Settings, database: Database, files: ArtifactService, catalogue: CatalogueService
) -> JobService:
    limits = ScriptLimits(
        lines=settings.max_lines,
        line_characters=settings.max_line_characters,
        script_characters=settings.max_script_characters,
        reel_ms=settings.max_reel_minutes * 60_000,
    )
    return JobService(
        work=database,
        files=files,
        engines=catalogue.engines_just_now,
        limits=limits,
        now=_now,
        pronouncing=Pronouncing(database),
    )


def _estimates(settings: Settings, database: Database, jobs: JobService) -> EstimateService:
    return EstimateService(
        work=database,
        cast=jobs.cast,
        engines=jobs.engines,
        max_reel_ms=jobs.limits.reel_ms,
        quote_hours=settings.quote_hours,
        now=_now,
    )


def _health(
    settings: Settings, database: Database, store: ArtifactStore, catalogue: CatalogueService
) -> HealthService:
    return HealthService(
        work=database,
        store=store,
        catalogue=catalogue,
        schema=lambda: Schema(found=_revision(database), needed=migrate.newest()),
        home=settings.home,
        version=version("voicereel"),
        database_kind=database.engine.dialect.name,
        store_folder=store.root if isinstance(store, FolderStore) else None,
        broker=_make_broker_probe(settings),
    )


def _speakers(
    settings: Settings, database: Database, store: ArtifactStore, files: ArtifactService
) -> SpeakerService:
    return SpeakerService(
        work=database,
        store=store,
        files=files,
        now=_now,
        engine=settings.default_engine,
        max_sample_bytes=settings.max_sample_bytes,
    )


def _upkeep(
    settings: Settings, database: Database, store: ArtifactStore, files: ArtifactService
) -> UpkeepService:
    retention = Retention(
        intermediates_hours=settings.intermediates_hours,
        originals_days=settings.originals_days,
        orphans_hours=settings.orphans_hours,
    )
    return UpkeepService(
        work=database,
        store=store,
        files=files,
        queue=_make_queue(settings),
        retention=retention,
        cache=TakeCache(work=database, most_bytes=settings.take_cache_bytes, now=_now),
        now=_now,
    )


def check(settings: Settings) -> None:
    """Say at the start, in one line, what would otherwise fail later: `SettingsError`."""
    if not settings.database.startswith(("sqlite:", "postgresql+psycopg:")):
        raise SettingsError("VOICEREEL_DATABASE_URL: give sqlite:///… or postgresql+psycopg://…")
    _check_url(settings.database)
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


def _check_url(database: str) -> None:
    try:
        make_url(database)
    except (ArgumentError, ValueError):  # their text may hold a part of the password
        raise SettingsError(
            "VOICEREEL_DATABASE_URL: it cannot be read; in a password, write @ as %40, : as %3A, / as %2F"
        ) from None


def _make_queue(settings: Settings) -> StageQueue:
    if not settings.broker_url:
        return NoWakeups()
    from voicereel.adapters.wakeups import RabbitmqWakeups

    return RabbitmqWakeups(settings.broker, prefix=settings.queue_prefix)


def _make_broker_probe(settings: Settings) -> Callable[[], bool] | None:
    if not settings.broker_url:
        return None
    from voicereel.adapters.broker import answers

    return AskedSeldom(partial(answers, settings.broker))


def prepare(settings: Settings) -> str:
    """Make the home folder and bring the database to the newest schema; its revision."""
    make_home(settings.home)
    check(settings)
    url_secret(settings)
    return migrate.upgrade(settings.database)


def begin(settings: Settings) -> None:
    """Make what the first use of a machine needs; a database that is not empty is left as it is.

    Only one of SQLite is begun: others are made by those who run them.
    """
    make_home(settings.home)
    check(settings)
    if settings.database.startswith("sqlite:"):
        migrate.upgrade(settings.database, only_empty=True)


def make_store(settings: Settings, *, patient: bool = True) -> ArtifactStore:
    """The store that the settings name; one that is not patient gives up a bucket within seconds."""
    scheme, _, path = settings.store_url.partition(":")
    if scheme == "file":
        return _folder_store(Path(path).expanduser())
    if scheme == "s3":
        # Only who keeps files there needs its library.
        from voicereel.adapters.storage.s3 import make_s3

        try:
            return make_s3(settings.store_url, patient=patient)
        except ValueError as error:
            raise SettingsError(f"VOICEREEL_STORE: {error}") from None
    raise SettingsError(
        f"VOICEREEL_STORE: '{scheme}:' is not supported; use file:/path or s3://bucket/prefix"
    )


def _folder_store(folder: Path) -> FolderStore:
    try:
        return FolderStore(folder)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingsError(f"VOICEREEL_STORE: the folder {folder} cannot be made: {reason}") from None


def _revision(database: Database) -> str | None:
    database.ping()
    return migrate.current(database.engine)


def _check_schema(database: Database) -> None:
    if not migrate.is_enough(_revision(database)):
        raise Unavailable(
            "The database schema is not current; run 'voicereel-server migrate'.", code="not_ready"
        )


def _check_ready(database: Database, store: ArtifactStore) -> None:
    """Raise `Unavailable` unless requests can be served: database, schema, store."""
    _check_schema(database)
    if not store.writable():
        raise Unavailable("The artifact store cannot be written.", code="not_ready")


def _now() -> datetime:
    return datetime.now(UTC)
