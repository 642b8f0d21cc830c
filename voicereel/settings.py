"""Typed settings. This module is the only reader of the environment (``VOICEREEL_…``)."""

import hashlib
import os
import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(ValueError):
    """A setting asks for what this version cannot do; the text says which and what to set instead."""


_BROKER_PATIENCE = ("heartbeat=60", "blocked_connection_timeout=10", "socket_timeout=5")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _engine_names(value: str) -> str:
    if not all(name.strip() for name in value.split(",")):
        raise ValueError("give engine names separated by commas")
    return value


class Settings(BaseSettings):
    """Every setting of the service; docs/guides/settings.md explains each.

    A setting ``x_y`` is read from ``VOICEREEL_X_Y``.
    """

    model_config = SettingsConfigDict(env_prefix="VOICEREEL_", extra="ignore", frozen=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Path("~/.local/share/voicereel")
    host: str = "127.0.0.1"
    port: int = Field(8700, ge=0, le=65535)
    public_url: str = ""
    database_url: str = ""
    broker_url: str = ""
    store: str = ""
    url_secret: str = ""

    lease_s: float = Field(20, gt=0)
    heartbeat_s: float = Field(5, gt=0)
    sweep_s: float = Field(5, gt=0)
    poll_s: float = Field(0.03, gt=0)
    max_attempts: int = Field(5, ge=1)
    workers: int = Field(0, ge=0, le=64)
    pool: Literal["cpu", "gpu"] = "cpu"
    worker_id: str = Field("", max_length=56)
    queue_prefix: str = Field("voicereel", pattern="^[A-Za-z_][A-Za-z0-9_.-]{0,60}$")
    api_workers: int = Field(3, ge=1)
    api_threads: int = Field(128, ge=2)
    max_streams: int = Field(80, ge=1)

    intermediates_hours: float = Field(24, gt=0)
    take_cache_gib: float = Field(2, ge=0)
    originals_days: float = Field(0, ge=0)
    orphans_hours: float = Field(24, gt=0)

    engines: Annotated[str, NoDecode, AfterValidator(_engine_names)] = "espeak"
    default_engine: str = "espeak"
    whisper_model: str = ""

    metrics_port: int = Field(0, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    traces_endpoint: str = ""
    sentry_dsn: str = ""

    quote_hours: float = Field(24, gt=0, le=8760)

    max_json_bytes: int = Field(4 * 1024 * 1024, gt=0)
    max_sample_bytes: int = Field(50 * 1024 * 1024, gt=0)
    max_source_bytes: int = Field(200 * 1024 * 1024, gt=0)
    max_lines: int = Field(2000, ge=1, le=2000)
    max_line_characters: int = Field(5000, ge=1, le=5000)
    max_script_characters: int = Field(200_000, ge=1, le=200_000)
    max_reel_minutes: int = Field(240, ge=1, le=240)
    max_preview_minutes: int = Field(60, ge=0, le=240)
    max_stems_minutes: int = Field(1440, ge=1)

    @model_validator(mode="after")
    def _beats_fit_into_a_lease(self) -> Self:
        if self.heartbeat_s > self.lease_s / 4:
            raise ValueError("VOICEREEL_HEARTBEAT_S may be a quarter of VOICEREEL_LEASE_S at most")
        return self

    @property
    def take_cache_bytes(self) -> int:
        return round(self.take_cache_gib * 2**30)

    def environment(self, **overrides: str) -> dict[str, str]:
        """The environment for a child process that is to have these settings."""
        known = {f"VOICEREEL_{name.upper()}": str(value) for name, value in self.model_dump().items()}
        return {**os.environ, **known, **{f"VOICEREEL_{name.upper()}": v for name, v in overrides.items()}}

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database; SQLite in the home folder by default."""
        scheme, separator, rest = self.database_url.partition("://")
        if separator and scheme in ("postgres", "postgresql"):  # as most providers write it
            return f"postgresql+psycopg://{rest}"
        return self.database_url or f"sqlite:///{self.home / 'voicereel.db'}"

    @property
    def store_url(self) -> str:
        return self.store or f"file:{self.home / 'artifacts'}"

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    @property
    def broker(self) -> str:
        """The broker's URL with our time limits: it is given up on when it does not answer."""
        base, _, query = self.broker_url.partition("?")
        given = [part for part in query.split("&") if part]
        names = {part.partition("=")[0] for part in given}
        ours = [part for part in _BROKER_PATIENCE if part.partition("=")[0] not in names]
        return f"{base}?{'&'.join([*given, *ours])}"

    @property
    def worker_prefix(self) -> str:
        """What the names of all workers of this home on this machine begin with."""
        home = hashlib.sha256(str(self.home).encode()).hexdigest()[:8]
        return f"{socket.gethostname()[:32]}:{home}:"

    @property
    def queue(self) -> str:
        """The queue that wakes this process's pool."""
        return f"{self.queue_prefix}.{self.pool}"

    @property
    def worker_count(self) -> int:
        """How many worker processes one machine runs: as set, else one a core up to four."""
        return self.workers or min(os.cpu_count() or 1, 4)

    @property
    def engine_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.engines.split(","))
