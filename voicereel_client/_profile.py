"""Where the key and the address come from: argument, else environment, else the profile file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from voicereel_client._errors import ConfigurationError

DEFAULT_BASE_URL = "http://127.0.0.1:8700"
DEFAULT_PROFILE = "default"


@dataclass(frozen=True)
class Connection:
    base_url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class ProfileFile:
    """``profile`` is the one used where none is asked for."""

    profile: str = DEFAULT_PROFILE
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def resolve(*, api_key: str | None, base_url: str | None, profile: str | None) -> Connection:
    """Read at this moment, so that a program may set its environment first."""
    key = api_key or os.environ.get("VOICEREEL_API_KEY")
    url = base_url or os.environ.get("VOICEREEL_BASE_URL")
    name = profile or os.environ.get("VOICEREEL_PROFILE")
    stored = {} if key and url and not name else _stored(name)
    return Connection(
        _checked_url(url or stored.get("base_url") or DEFAULT_BASE_URL),
        _checked_key(key or stored.get("api_key")),
    )


def config_path() -> Path:
    return Path("~/.config/voicereel/config.toml").expanduser()


def load(path: Path) -> ProfileFile:
    if sys.version_info >= (3, 11):  # noqa: UP036 - this package alone supports 3.10
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ProfileFile()
    except ValueError as error:
        raise ConfigurationError(f"{path} is not valid TOML.") from error
    return _checked_file(document, path)


def save(path: Path, contents: ProfileFile) -> None:
    """Replace the file at once; only its owner may read it, at no moment anybody else."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, 0o600)
        stream.write(_as_toml(contents))
    fresh.replace(path)


def _stored(name: str | None) -> Mapping[str, str]:
    contents = load(config_path())
    if name and name not in contents.profiles:
        raise ConfigurationError(f"There is no profile '{name}' in {config_path()}.", code="unknown_profile")
    return contents.profiles.get(name or contents.profile, {})


def _checked_file(document: Mapping[str, object], path: Path) -> ProfileFile:
    default = document.get("profile", DEFAULT_PROFILE)
    profiles = document.get("profiles", {})
    tables = profiles.values() if isinstance(profiles, dict) else [None]
    strings = all(
        isinstance(table, dict) and all(isinstance(value, str) for value in table.values())
        for table in tables
    )
    if not (strings and isinstance(default, str) and isinstance(profiles, dict)):
        raise ConfigurationError(f"{path} must hold 'profile' and [profiles.NAME] tables of strings.")
    return ProfileFile(default, profiles)


def _as_toml(contents: ProfileFile) -> str:
    lines = [f"profile = {_quoted(contents.profile)}"]
    for name, table in contents.profiles.items():
        lines += ["", f"[profiles.{_quoted(name)}]"]
        lines += [f"{key} = {_quoted(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """JSON and TOML write strings alike, but for DEL, which no setting needs."""
    if not text.isprintable():
        raise ConfigurationError("A setting cannot hold control characters.")
    return json.dumps(text, ensure_ascii=False)


def _checked_key(key: str | None) -> str:
    if not key:
        raise ConfigurationError(
            "No API key: set VOICEREEL_API_KEY, or run 'voicereel config set api_key'.", code="no_api_key"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigurationError("The API key holds characters no key has.", code="bad_api_key")
    return key


def _checked_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ConfigurationError("The base URL must begin with http:// or https://.", code="bad_base_url")
    return url
