"""`voicereel usage`."""

from __future__ import annotations

import click

from voicereel_client._usage import UsageEntry, UsageItem, UsageTotal
from voicereel_client.cli.app import App, Noun, pass_app
from voicereel_client.cli.output import print_json, print_rows


@click.group(cls=Noun)
def usage() -> None:
    """What was made, and what it costs."""


@usage.command()
@click.option("--from", "from_", metavar="DAY", help="The first day, such as 2026-10-01.")
@click.option("--to", metavar="DAY", help="The first day that is not counted any more.")
@click.option("--by", "group_by", metavar="WHAT", help="day, key, speaker, engine or project.")
@pass_app
def show(app: App, *, from_: str | None, to: str | None, group_by: str | None) -> None:
    """Show totals: group, jobs, seconds, amount."""
    with app.client() as client:
        found = client.usage.get(from_=from_, to=to, group_by=group_by)
    if app.as_json:
        return print_json(found.raw)
    rows = [(group.group or "-", *_figures(group, found.currency)) for group in found.data]
    return print_rows([*rows, ("total", *_figures(found.total, found.currency))])


@usage.command()
@click.option("--month", required=True, metavar="MONTH", help="Such as 2026-10.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@pass_app
def report(app: App, *, month: str, as_csv: bool) -> None:
    """Show every entry of a month: moment, job, kind, speaker, engine, seconds, amount."""
    if as_csv and app.as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    with app.client() as client:
        if as_csv:
            return click.echo(client.usage.report_csv(month), nl=False)
        found = client.usage.report(month)
    if app.as_json:
        return print_json(found.raw)
    print_rows([row for entry in found.entries for row in _rows(entry, found.currency)])
    state = "closed" if found.closed else "open"
    return print_rows([("total", *_figures(found.total, found.currency), state)])


def _figures(total: UsageTotal, currency: str) -> tuple[str, str, str]:
    return f"{total.jobs} jobs", _seconds(total.billable_ms), f"{total.amount} {currency}"


def _rows(entry: UsageEntry, currency: str) -> list[tuple[str, ...]]:
    """One an item; an adjustment may have none."""
    moment = f"{entry.created_at:%Y-%m-%dT%H:%M:%SZ}" if entry.created_at else ""
    items = entry.items or (UsageItem(billable_ms=entry.billable_ms, amount=entry.amount),)
    return [
        (
            *(moment, entry.job_id, entry.kind, item.speaker_id or "-", item.engine or "-"),
            *(_seconds(item.billable_ms), f"{item.amount} {currency}", entry.reason or ""),
        )
        for item in items
    ]


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f} s"
