"""What the commands that take a script file share: the file, its format, and voices for its roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from voicereel_client.cli.app import App
from voicereel_client.cli.failures import complain

if TYPE_CHECKING:
    from voicereel_client.scripts.sources import ScriptSource

FORMAT_NAMES = ("json", "yaml", "srt", "vtt", "fountain", "plain", "csv", "xlsx")


@dataclass(frozen=True)
class ScriptFile:
    """A script as named on the command line; nothing has been read yet."""

    stream: BinaryIO
    file_format: str | None
    cast: tuple[str, ...]
    cast_file: BinaryIO | None
    speaker: str | None

    def read(self) -> ScriptSource:
        """Raises ScriptError."""
        from voicereel_client.scripts.formats import loads
        from voicereel_client.scripts.texts import MAX_BYTES

        content = self.stream.read(MAX_BYTES + 1)
        return loads(
            content, file_format=self.file_format, name=self.name, cast=self._cast(), speaker=self.speaker
        )

    def to_send(self, app: App) -> dict[str, Any]:
        """The script, with its warnings told and what the service will say of it tied to its places.

        A role that nobody speaks is told here where the file's format has no cast: the service knows no
        more of it, and would say it of each line.
        """
        from voicereel_client.scripts.problems import ScriptError
        from voicereel_client.scripts.sources import CASTS_ITSELF

        app.source = source = self.read()
        uncast = () if source.file_format in CASTS_ITSELF else source.uncast()
        if uncast:
            raise ScriptError(source.name, (*source.warnings, *uncast))
        for warning in source.warnings:
            complain(warning.shown(source.name))
        return source.script

    @property
    def name(self) -> str:
        name = str(getattr(self.stream, "name", "<stdin>"))
        return "<stdin>" if name == "-" else name

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments that name the same script again."""
        options = [("--format", self.file_format), ("--speaker", self.speaker)]
        options += [("--cast", each) for each in self.cast]
        options += [("--cast-file", self.cast_file.name if self.cast_file else None)]
        given = (word for option, value in options if value for word in (option, value))
        return ("-" if self.name == "<stdin>" else self.name, *given)

    def _cast(self) -> dict[str, Any]:
        """Of both ways to give one; --cast comes before --cast-file."""
        return {**_cast_of(self.cast_file), **dict(map(_pair, self.cast))}


def _pair(text: str) -> tuple[str, str]:
    role, _, voice = text.rpartition("=")
    if not role.strip() or not voice.strip():
        raise click.BadParameter("Write NAME=SPEAKER, such as ANA=spk_01J….", param_hint="--cast")
    return role.strip(), voice.strip()


def _cast_of(stream: BinaryIO | None) -> dict[str, Any]:
    if stream is None:
        return {}
    from voicereel_client.scripts.formats import read_object

    found = read_object(stream.read(), name=stream.name)
    inner = found.get("cast")
    return inner if isinstance(inner, dict) else found


format_option = click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMAT_NAMES),
    help="Where the file's name does not tell, as on stdin.",
)
_OPTIONS = (
    click.argument("script", type=click.File("rb")),
    format_option,
    click.option(
        "--cast", multiple=True, metavar="NAME=SPEAKER", help="A role's voice; repeat it for others."
    ),
    click.option("--cast-file", type=click.File("rb"), help="Voices by role, as YAML or JSON."),
    click.option("--speaker", metavar="NAME", help="Who says the lines that name nobody."),
)


def script_file(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command its argument SCRIPT and the options that go with it, as ``file``."""

    @wraps(command)
    def with_file(
        *args: Any,  # noqa: ANN401 - as click passes them
        script: BinaryIO,
        file_format: str | None,
        cast: tuple[str, ...],
        cast_file: BinaryIO | None,
        speaker: str | None,
        **given: Any,  # noqa: ANN401
    ) -> None:
        command(*args, file=ScriptFile(script, file_format, cast, cast_file, speaker), **given)

    for option in reversed(_OPTIONS):
        with_file = option(with_file)
    return with_file
