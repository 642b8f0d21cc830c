from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.client.both import blocking
from tests.client.service import BASE_URL, KEY, Run, Service, VirtualTime
from voicereel_client import VoiceReel
from voicereel_client.cli import cli
from voicereel_client.cli.app import App


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the environment or the profile of the person who runs it."""
    for name in ("API_KEY", "BASE_URL", "PROFILE"):
        monkeypatch.delenv(f"VOICEREEL_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=["blocking", "async"])
def vr(service: Service, time: VirtualTime, request: pytest.FixtureRequest) -> Iterator[VoiceReel]:
    """What a test says of this client is so for both drivers."""
    if request.param == "blocking":
        with service.client(time) as client:
            yield client
    else:
        with blocking(lambda: service.async_client(time)) as client:
            yield client


@pytest.fixture
def run(service: Service, time: VirtualTime) -> Run:
    def run(*words: str, key: str | None = KEY, **settings: object) -> Result:
        app = App(key, BASE_URL, http_client=service.http_client(), timing=time.timing)
        return CliRunner().invoke(cli, words, obj=app, **settings)

    return run
