"""`voicereel lint`: what is wrong with a script file, by line, before anything is submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from voicereel_client._errors import (
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    FieldError,
    NotFoundError,
    PayloadTooLargeError,
    UnprocessableError,
    VoiceReelError,
)
from voicereel_client.cli.app import App, Leaf, pass_app
from voicereel_client.cli.failures import FAILURE, complain, printable
from voicereel_client.cli.output import print_json
from voicereel_client.cli.scripts import ScriptFile, script_file
from voicereel_client.scripts.problems import Problem, ScriptError

if TYPE_CHECKING:
    from voicereel_client.scripts.sources import ScriptSource

METHOD_NOT_ALLOWED = 405


@dataclass(frozen=True)
class Verdict:
    """What the service says of a script; ``unasked`` is why it has not said anything."""

    errors: tuple[FieldError, ...] = ()
    warnings: tuple[FieldError, ...] = ()
    unasked: str | None = None


@click.command(cls=Leaf)
@script_file
@click.option("--offline", is_flag=True, help="Ask no service: the format, bounds, ids and names alone.")
@pass_app
def lint(app: App, file: ScriptFile, *, offline: bool) -> None:
    """Explain what is wrong with SCRIPT, by line.

    With a key the service is asked, too, where it can tell without rendering anything.
    Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 wrong usage.
    """
    try:
        source = file.read()
    except ScriptError as error:
        nothing: dict[str, Any] = {
            "file": error.name,
            "format": None,
            "checked_by": "client",
            "lines": 0,
            "roles": {},
        }
        _finish(app, nothing, error.name, error.problems)
        return
    problems, verdict = source.check(), Verdict(unasked="offline")
    if not problems and not offline:
        verdict = asked(app, source.script)
        problems = source.explain(verdict.errors)
    about = {
        "file": source.name,
        "format": source.file_format,
        "checked_by": "client" if verdict.unasked else "service",
        "lines": len(source.speakers()),
        "roles": source.roles(),
    }
    if verdict.unasked and not offline and not problems:
        complain(f"The service was not asked: {verdict.unasked}")
    _finish(app, about, source.name, (*source.warnings, *_warned(source, verdict), *problems))


def _warned(source: ScriptSource, verdict: Verdict) -> list[Problem]:
    return [
        Problem("warning", each.code, each.detail, source.place(each.pointer), each.pointer)
        for each in verdict.warnings
    ]


def asked(app: App, script: dict[str, Any]) -> Verdict:
    """By an estimate, which makes no job. That the service cannot tell, or is not there, is no error."""
    try:
        with app.client() as client:
            estimate = client.estimate(script)
    except (UnprocessableError, BadRequestError, PayloadTooLargeError) as refusal:
        whole = FieldError("", refusal.code, refusal.detail)
        return Verdict(errors=refusal.errors or (whole,))
    except NotFoundError:
        return Verdict(unasked="it has no way to check a script without rendering it.")
    except APIStatusError as error:
        missing = error.status_code == METHOD_NOT_ALLOWED
        return Verdict(
            unasked="it has no way to check a script." if missing else f"{error.code}: {error.detail}"
        )
    except ConfigurationError as error:
        return Verdict(unasked=error.detail)
    except VoiceReelError as error:
        return Verdict(unasked=f"{error.code}: {error.detail}")
    return Verdict(
        warnings=tuple(FieldError(each.pointer, each.code, each.detail) for each in estimate.warnings)
    )


def _finish(app: App, about: dict[str, Any], name: str, problems: tuple[Problem, ...]) -> None:
    """Print what was found, in the order of the file; exit code 1 if any of it is an error."""
    found = sorted(problems, key=lambda each: (each.place.line or 0, each.place.column or 0))
    wrong = any(each.severity == "error" for each in found)
    if app.as_json:
        print_json({**about, "ok": not wrong, "problems": [_shown(each) for each in found]})
    else:
        for each in found:
            click.echo(printable(each.shown(name)))
        if not found:
            counted = f"lines: {about['lines']}, roles: {len(about['roles'])}"
            click.echo(printable(f"{name}: {about['format']}, {counted}; nothing is wrong."))
    if wrong:
        raise click.exceptions.Exit(FAILURE)


def _shown(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "severity": problem.severity,
        "code": problem.code,
        "detail": problem.detail,
        "pointer": problem.pointer,
        "line": place.line,
        "column": place.column,
        "field": place.field or None,
        "cell": place.cell or None,
        "count": problem.count,
    }
