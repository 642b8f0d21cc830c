"""`voicereel estimate`, and what `render` and `synthesize` share of it: limits on cost, and dry runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from voicereel_client._estimates import Estimate, Span
from voicereel_client.cli.app import App, Leaf, pass_app
from voicereel_client.cli.failures import complain
from voicereel_client.cli.output import print_json, print_pairs, print_rows
from voicereel_client.cli.scripts import ScriptFile, script_file


@dataclass(frozen=True)
class Costs:
    """What the command line says of cost; ``dry_run``: to be estimated only."""

    quote_id: str | None
    max_cost: str | None
    dry_run: bool

    def into(self, body: dict[str, Any]) -> dict[str, Any]:
        """The script with them."""
        given = {"quote_id": self.quote_id, "max_cost": self.max_cost}
        return {**body, **{name: value for name, value in given.items() if value is not None}}

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments that say the same again."""
        options = (("--quote", self.quote_id), ("--max-cost", self.max_cost))
        return tuple(word for option, value in options if value is not None for word in (option, value))


_OPTIONS = (
    click.option("--quote", "quote_id", metavar="ID", help="Of an estimate: no more than it says is billed."),
    click.option("--max-cost", metavar="AMOUNT", help="Refuse what may cost more, such as 1.50."),
    click.option("--dry-run", is_flag=True, help="Check and estimate; submit nothing."),
)


def costs(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options on cost, as ``costs``."""

    @wraps(command)
    def with_costs(
        *args: Any,  # noqa: ANN401 - as click passes them
        quote_id: str | None,
        max_cost: str | None,
        dry_run: bool,
        **given: Any,  # noqa: ANN401
    ) -> None:
        command(*args, costs=Costs(quote_id, max_cost, dry_run), **given)

    for option in reversed(_OPTIONS):
        with_costs = option(with_costs)
    return with_costs


@click.command(cls=Leaf)
@script_file
@pass_app
def estimate(app: App, file: ScriptFile) -> None:
    """Say how long SCRIPT will be and what it will cost, with a quote that binds.

    SCRIPT is a file as for render; - is stdin. Nothing is rendered.
    """
    show_estimate(app, file.to_send(app))


def show_estimate(app: App, body: dict[str, Any]) -> None:
    with app.client() as client:
        found = client.estimate(body)
    if app.as_json:
        return print_json(found.raw)
    for warning in found.warnings:
        complain(f"warning: {warning.code} at {app.where(warning.pointer)}: {warning.detail}")
    print_pairs(_summary(found))
    return print_rows(
        [
            (
                each.speaker_id,
                each.language,
                f"{each.lines} lines",
                _shown(each.duration),
                _basis(each.known_lines),
            )
            for each in found.speech
        ]
    )


def _summary(found: Estimate) -> list[tuple[str, object]]:
    return [
        ("duration", _shown(found.expected.duration)),
        ("expected", f"{found.expected.amount} {found.currency}"),
        ("at most", f"{found.at_most.amount} {found.currency} for {_seconds(found.at_most.billable_ms)}"),
        ("cached", f"{len(found.cached_lines)} of {found.lines} lines"),
        ("quote", found.quote_id),
        ("valid until", found.expires_at),
    ]


def _shown(span: Span) -> str:
    return f"{_seconds(span.ms)} ({_seconds(span.low_ms)} to {_seconds(span.high_ms)})"


def _basis(known_lines: int) -> str:
    return f"by {known_lines} known lines" if known_lines else "a guess: no line is known"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"
