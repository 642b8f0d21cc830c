"""`voicereel completion`."""

from __future__ import annotations

import click

from voicereel_client.cli.app import Leaf


@click.command(cls=Leaf)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    For bash: eval "$(voicereel completion bash)"
    """
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"No completion for {shell}.")
    root = context.find_root().command
    click.echo(completer(root, {}, "voicereel", "_VOICEREEL_COMPLETE").source())
