"""The home folder: what one machine keeps of a service."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from voicereel.settings import Settings, SettingsError

_MIN_SECRET = 32


def make_home(home: Path) -> None:
    """Make the home folder, private to its owner; `SettingsError` where nothing can be written."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=home).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingsError(f"VOICEREEL_HOME: the folder {home} cannot be written to: {reason}") from None


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
