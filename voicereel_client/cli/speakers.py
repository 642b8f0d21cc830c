"""`voicereel speakers`, and its older names `register` and `list-speakers`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import click

from voicereel_client._models import Speaker
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.output import print_deleted, print_listed, print_speaker
from voicereel_client.cli.progress import waiting

WAIT_S = 600.0


@click.group(cls=Noun)
def speakers() -> None:
    """Voices enrolled from recordings, with consent."""


@speakers.command()
@click.argument(
    "samples", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", required=True)
@click.option("--language", required=True, help="BCP 47, such as en or es-MX.")
@click.option(
    "--transcript", type=click.File("r", encoding="utf-8-sig"), help="What is said, in a text file."
)
@click.option("--consent", type=click.File("rb"), help="The consent as a JSON file.")
@click.option("--consent-subject", metavar="NAME", help="Whose voice it is.")
@click.option("--attested-by", metavar="NAME", help="Who vouches that consent was given.")
@click.option("--attested-at", metavar="MOMENT", help="RFC 3339. Default: now.")
@click.option("--wait/--no-wait", default=False, help="Until the speaker is ready or rejected.")
@click.option("--timeout", type=click.FloatRange(min=0), default=WAIT_S, show_default=True)
@pass_app
def create(
    app: App,
    *,
    samples: tuple[Path, ...],
    name: str,
    language: str,
    transcript: TextIO | None,
    consent: BinaryIO | None,
    consent_subject: str | None,
    attested_by: str | None,
    attested_at: str | None,
    wait: bool,
    timeout: float,
) -> None:
    """Enroll a speaker from one to five recordings of at least 30 seconds in all.

    Consent comes as --consent-subject and --attested-by, or as a file.
    """
    stated = _stated_consent(consent_subject, attested_by, attested_at=attested_at)
    with app.client() as client:
        speaker = client.speakers.create(
            name=name,
            language=language,
            samples=samples,
            consent=_consent(stated, consent),
            transcript=transcript.read() if transcript else None,
        )
        if wait:
            app.resumed_by("speakers", "get", speaker.id)
            with waiting("enrolling"):
                speaker = client.speakers.wait(speaker.id, timeout=timeout)
    print_speaker(app, speaker)


def _stated_consent(subject: str | None, by: str | None, *, attested_at: str | None) -> dict[str, str]:
    given = {"subject": subject, "attested_by": by, "attested_at": attested_at}
    return {name: value for name, value in given.items() if value}


def _consent(stated: dict[str, str], file: BinaryIO | None) -> dict[str, Any]:
    if file is not None and stated:
        raise click.UsageError("Give --consent, or the single fields, not both.")
    if file is not None:
        return _consent_file(file)
    if not {"subject", "attested_by"} <= stated.keys():
        raise click.UsageError("Consent is required: --consent-subject and --attested-by, or --consent.")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"attested_at": now, **stated}


def _consent_file(file: BinaryIO) -> dict[str, Any]:
    try:
        consent = json.loads(file.read())
    except ValueError as error:
        raise click.BadParameter(f"{file.name} is not JSON.", param_hint="--consent") from error
    if not isinstance(consent, dict):
        raise click.BadParameter(f"{file.name} is not a JSON object.", param_hint="--consent")
    return consent


@speakers.command("list")
@click.option("--status", help="processing, ready or rejected.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@pass_app
def list_(app: App, status: str | None, limit: int | None) -> None:
    """List your speakers, newest first."""
    with app.client() as client:
        print_listed(app, client.speakers.list(status=status), row=_row, limit=limit)


def _row(speaker: Speaker) -> tuple[str, ...]:
    return speaker.id, speaker.status, speaker.language, speaker.name


@speakers.command()
@click.argument("speaker_id")
@pass_app
def get(app: App, speaker_id: str) -> None:
    """Show one speaker."""
    with app.client() as client:
        print_speaker(app, client.speakers.get(speaker_id))


@speakers.command()
@click.argument("speaker_id")
@pass_app
def delete(app: App, speaker_id: str) -> None:
    """Delete a speaker and its recordings."""
    with app.client() as client:
        client.speakers.delete(speaker_id)
    print_deleted(app, speaker_id)
