"""The services for one command: nothing is migrated as a side effect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import make_url

from voicereel.bootstrap import Services, begin, build
from voicereel.domain.errors import InvalidRequest, VoiceReelError
from voicereel.home import make_home
from voicereel.manage.options import read_settings
from voicereel.settings import Settings, SettingsError


@contextmanager
def service(home: Path | None, *, first_use: bool = False) -> Iterator[Services]:
    """The services over a database that is there and current; what they refuse, in one line.

    With ``first_use`` one that this machine keeps may be made for it.
    """
    settings = read_settings(home=home)
    if first_use:
        begin(settings)
    else:
        _refuse_without_database(settings)
        make_home(settings.home)
    services = build(settings)
    try:
        services.check_schema()
        yield services
    except InvalidRequest as error:
        wrong = "; ".join(f"{each.pointer.lstrip('/')}: {each.detail}" for each in error.errors)
        raise click.ClickException(wrong) from None
    except VoiceReelError as error:
        raise click.ClickException(error.detail) from None
    finally:
        services.close()


def _refuse_without_database(settings: Settings) -> None:
    if settings.database.startswith("sqlite:"):
        file = make_url(settings.database).database
        if not file or not Path(file).is_file():
            raise SettingsError(
                f"VOICEREEL_HOME: there is no database {file}; 'voicereel-server up' makes it"
            )
