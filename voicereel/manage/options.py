"""What all commands share: the home option and the settings."""

from pathlib import Path

import click
from pydantic import ValidationError

from voicereel.settings import Settings

HOME_OPTION = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for database, files and secrets [VOICEREEL_HOME].",
)


def read_settings(**given: object) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'together'}: {found['msg']}"
            for found in error.errors(include_input=False)
        )
        raise click.UsageError(f"A setting is not valid: {wrong}") from None
