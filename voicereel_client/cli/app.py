"""What every command shares: the global options, the client, and the one place where errors end."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from voicereel_client._client import VoiceReel
from voicereel_client._errors import VoiceReelError
from voicereel_client._retries import Timing
from voicereel_client.cli.failures import INTERRUPTED, TIMEOUT, complain, report

if TYPE_CHECKING:
    from voicereel_client._transport import HttpClient
    from voicereel_client.scripts.sources import ScriptSource


@dataclass
class App:
    """``resume`` is the command that goes on with what the service is doing already.

    ``source`` is the script file at work: what the service says of the script is told by its places.
    """

    api_key: str | None = None
    base_url: str | None = None
    profile: str | None = None
    as_json: bool = False
    resume: tuple[str, ...] = ()
    http_client: HttpClient | None = None
    timing: Timing | None = None
    source: ScriptSource | None = None

    def client(self) -> VoiceReel:
        return VoiceReel(
            self.api_key,
            self.base_url,
            profile=self.profile,
            http_client=self.http_client,
            timing=self.timing,
        )

    def resumed_by(self, *words: str) -> None:
        self.resume = self.command(*words)

    def command(self, *words: str) -> tuple[str, ...]:
        """The command line of these words that talks to the same service."""
        profile = ("--profile", self.profile) if self.profile else ()
        address = ("--base-url", self.base_url) if self.base_url else ()
        return ("voicereel", *words, *profile, *address)

    def where(self, pointer: str) -> str:
        """A pointer into the script, with its place in the file where there is one."""
        return f"{pointer} ({self.source.where(pointer)})" if self.source else pointer


pass_app = click.make_pass_decorator(App, ensure=True)


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        setattr(context.ensure_object(App), str(parameter.name), value)


def _global_options() -> list[click.Parameter]:
    def option(*names: str, **settings: Any) -> click.Option:  # noqa: ANN401 - as click.Option
        return click.Option(list(names), expose_value=False, callback=_keep, **settings)

    return [
        option("--profile", metavar="NAME", help="A profile of the configuration file."),
        option("--base-url", metavar="URL", help="Address of the service."),
        option("--api-key", metavar="KEY", help="Better kept in VOICEREEL_API_KEY or the configuration."),
        option("--json", "as_json", is_flag=True, help="Print JSON."),
    ]


class Leaf(click.Command):
    """A command that takes the global options after its name, too."""

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401 - as click.Command
        super().__init__(*args, **settings)
        self.params.extend(_global_options())


class Noun(click.Group):
    command_class = Leaf


class Root(click.Group):
    """Errors become messages and exit codes here and nowhere else."""

    command_class = Leaf

    def __init__(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401 - as click.Group
        super().__init__(*args, **settings)
        self.params.extend(_global_options())

    def invoke(self, ctx: click.Context) -> object:
        app = ctx.ensure_object(App)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (VoiceReelError, OSError) as error:
            code = report(error, app.source)
        except KeyboardInterrupt:
            code = INTERRUPTED
            complain("Interrupted.")
        if app.resume and code in (INTERRUPTED, TIMEOUT):
            complain(f"What was submitted goes on. To resume: {shlex.join(app.resume)}")
        return ctx.exit(code)
