import stat
from pathlib import Path

import pytest

from voicereel_client import ConfigurationError, VoiceReel
from voicereel_client._profile import ProfileFile, config_path, load, resolve, save

STORED = ProfileFile(
    "work",
    {
        "work": {"api_key": "key-work", "base_url": "https://work.test"},
        "home": {"api_key": "key-home"},
    },
)


def resolved(**given: str) -> tuple[str, str]:
    connection = resolve(**{"api_key": None, "base_url": None, "profile": None, **given})
    return connection.api_key, connection.base_url


def test_argument_before_environment_before_file(monkeypatch: pytest.MonkeyPatch):
    save(config_path(), STORED)
    assert resolved() == ("key-work", "https://work.test")
    monkeypatch.setenv("VOICEREEL_API_KEY", "key-env")
    monkeypatch.setenv("VOICEREEL_BASE_URL", "https://env.test")
    assert resolved() == ("key-env", "https://env.test")
    assert resolved(api_key="key-arg", base_url="https://arg.test") == ("key-arg", "https://arg.test")


def test_a_profile_is_chosen_by_argument_environment_or_file(monkeypatch: pytest.MonkeyPatch):
    save(config_path(), STORED)
    monkeypatch.setenv("VOICEREEL_PROFILE", "home")
    assert resolved() == ("key-home", "http://127.0.0.1:8700")
    assert resolved(profile="work")[0] == "key-work"


def test_the_environment_is_read_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VOICEREEL_API_KEY", "k")
    monkeypatch.setenv("VOICEREEL_BASE_URL", "https://late.test")
    with VoiceReel() as client:
        assert client.base_url == "https://late.test"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch):
    save(config_path(), STORED)
    monkeypatch.setenv("VOICEREEL_API_KEY", "")
    assert resolved()[0] == "key-work"


def test_a_profile_that_is_asked_for_must_exist():
    with pytest.raises(ConfigurationError, match="no profile 'nope'"):
        resolved(api_key="k", profile="nope")


def test_only_the_owner_can_read_the_file(monkeypatch: pytest.MonkeyPatch):
    config_path().parent.mkdir(parents=True)
    config_path().write_text("")
    config_path().chmod(0o644)
    save(config_path(), STORED)
    assert stat.S_IMODE(config_path().stat().st_mode) == 0o600
    assert [path.name for path in config_path().parent.iterdir()] == ["config.toml"]


def test_what_is_saved_is_loaded():
    odd = ProfileFile('a "quoted" näme', {'a "quoted" näme': {"api_key": "back\\slash"}, "": {}})
    save(config_path(), odd)
    assert load(config_path()) == odd


def test_control_characters_are_not_saved():
    with pytest.raises(ConfigurationError):
        save(config_path(), ProfileFile("x", {"x": {"api_key": "a\nb"}}))


@pytest.mark.parametrize(
    "text", ["profile = ", "profile = 3", "profiles = 3", "[profiles]\nx = 3", "[profiles.x]\napi_key = 3"]
)
def test_a_file_that_is_wrong_is_named(text: str):
    config_path().parent.mkdir(parents=True)
    config_path().write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        resolved()
    assert resolved(api_key="k", base_url="https://x.test")[0] == "k"


def test_no_file_is_no_profiles(tmp_path: Path):
    assert load(tmp_path / "none.toml") == ProfileFile()
