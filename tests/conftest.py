"""A service of its own for each test: SQLite in a temporary folder, real services, no worker."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.adverts import advertise_for_good
from tests.databases import KINDS, migrated_template, need_server, postgresql
from voicereel.api.app import create_app
from voicereel.bootstrap import Services, build, prepare
from voicereel.domain.account import SCOPES
from voicereel.domain.speakers import EngineInfo, StockVoice
from voicereel.settings import Settings

Headers = dict[str, str]


def fake_engine(name: str = "fake") -> EngineInfo:
    """What a worker with an engine of two stock voices advertises."""
    return EngineInfo(
        name=name,
        version="1",
        pool="cpu",
        sample_rate=16_000,
        sample_format="FLOAT",
        cloning="adapted",
        word_times=True,
        languages=("en", "es"),
        licence="Apache-2.0",
        commercial_use="yes",
        max_characters=5_000,
        voices=(
            StockVoice(name="ana", languages=("en",), label="Ana"),
            StockVoice(name="ben", languages=("en", "es"), label="Ben"),
        ),
        variants=("low",),
    )


@dataclass(frozen=True)
class Shared:
    """One service for many tests that leave nothing behind that another would see."""

    client: FlaskClient
    headers: Headers
    services: Services


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


def make_settings(folder: Path) -> Settings:
    return Settings(home=folder / "home", default_engine="fake", engines="fake", max_sample_bytes=1 << 18)


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated home, to be copied: migrations take longer than most tests."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    prepare(Settings(home=home))
    return home


def start(settings: Settings, prepared_home: Path) -> Services:
    """Services over a fresh database, with the fake engine advertised."""
    shutil.copytree(prepared_home, settings.home)
    services = build(settings)
    advertise_for_good(services, "w1", [fake_engine()])
    return services


@pytest.fixture
def services(settings: Settings, prepared_home: Path) -> Iterator[Services]:
    services = start(settings, prepared_home)
    yield services
    services.close()


@pytest.fixture(scope="session")
def shared(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    services = start(make_settings(tmp_path_factory.mktemp("shared")), prepared_home)
    client = create_app(services).test_client()
    yield Shared(client=client, headers=make_key(services), services=services)
    services.close()


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def make_headers(services: Services) -> Callable[..., Headers]:
    """Headers with a fresh key: of a tenant, with scopes; by default of one tenant, with all."""
    return partial(make_key, services)


def make_key(services: Services, *scopes: str, tenant: str = "acme") -> Headers:
    key = services.accounts.create_key("test", tenant=tenant, scopes=scopes or SCOPES)
    return {"Authorization": f"Bearer {key.key}"}


@pytest.fixture
def headers(make_headers: Callable[..., Headers]) -> Headers:
    return make_headers()


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    with migrated_template() as name:
        yield name


@pytest.fixture(params=KINDS)
def any_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """What `Settings.database_url` is to be: SQLite in the home, or a migrated PostgreSQL database."""
    if request.param == "sqlite":
        yield ""
        return
    need_server()
    with postgresql(template=request.getfixturevalue("postgresql_template")) as url:
        yield url
