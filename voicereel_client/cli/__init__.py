"""The `voicereel` command."""

from __future__ import annotations

import click

from voicereel_client._version import __version__
from voicereel_client.cli import speakers as speaker_commands
from voicereel_client.cli.app import Root
from voicereel_client.cli.completion import completion
from voicereel_client.cli.config import config
from voicereel_client.cli.convert import convert
from voicereel_client.cli.edits import COMMANDS as EDITS
from voicereel_client.cli.estimate import estimate
from voicereel_client.cli.jobs import get as get_job
from voicereel_client.cli.jobs import jobs
from voicereel_client.cli.lexicons import lexicons
from voicereel_client.cli.lint import lint
from voicereel_client.cli.render import render, synthesize
from voicereel_client.cli.sources import sources
from voicereel_client.cli.usage import usage
from voicereel_client.cli.voices import voices


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Scripts in; mastered, timed and captioned reels out.

    Exit codes: 0 ok, 1 failure, 2 usage, 3 auth, 4 not found, 5 job failed, 6 quota or rate, 7 timeout,
    130 interrupted.
    """


for command in (
    render,
    synthesize,
    lint,
    estimate,
    convert,
    speaker_commands.speakers,
    voices,
    sources,
    lexicons,
    jobs,
    usage,
    config,
    completion,
):
    cli.add_command(command)
for command in EDITS:
    jobs.add_command(command)
cli.add_command(speaker_commands.create, "register")
cli.add_command(speaker_commands.list_, "list-speakers")
cli.add_command(get_job, "job")


def main() -> None:
    cli(prog_name="voicereel")
