"""`voicereel completion`."""

from __future__ import annotations

import click

from voicereel_client.cli.app import Leaf


@click.command(cls=Leaf)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash (4.4 or later): eval "$(voicereel completion bash)"
    zsh: eval "$(voicereel completion zsh)"
    fish: voicereel completion fish | source
    """
    from click.shell_completion import ShellComplete, get_completion_class

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"No completion for {shell}.")
    made = completer(context.find_root().command, {}, "voicereel", "_VOICEREEL_COMPLETE")
    # The base class's: for bash click would first run bash, which may not be on this machine's PATH.
    click.echo(ShellComplete.source(made))
