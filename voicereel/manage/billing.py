"""`voicereel-server prices` and `ledger`: what speech costs, and corrections of what was billed."""

import json
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import click
from pydantic import Field, ValidationError

from voicereel.api.fields import Moment, Strict
from voicereel.domain.prices import PriceTable, amount_text, parse_amount
from voicereel.manage.options import HOME_OPTION
from voicereel.manage.service import service
from voicereel.services.views import moment


class _Rate(Strict):
    engine: Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,31})$")]
    kind: Literal["render"]
    per_second: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]


class _Prices(Strict):
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    valid_from: Moment | None = None
    rates: Annotated[list[_Rate], Field(min_length=1)]

    def by_engine(self) -> dict[tuple[str, str], int]:
        rates: dict[tuple[str, str], int] = {
            (rate.engine, rate.kind): parse_amount(rate.per_second) for rate in self.rates
        }
        if len(rates) < len(self.rates):
            raise click.ClickException("rates: an engine is named twice.")
        return rates


@click.group()
def prices() -> None:
    """What speech costs. Jobs keep the prices they were accepted by."""


@prices.command("show")
@HOME_OPTION
def show_prices(home: Path | None) -> None:
    """Every version there ever was, as JSON, the oldest first."""
    with service(home) as services:
        tables = services.usage.price_tables()
    click.echo(json.dumps([_view(table) for table in tables], indent=2))


@prices.command("set")
@HOME_OPTION
@click.argument("file", type=click.File("rb"))
def set_prices(home: Path | None, file: BinaryIO) -> None:
    """Take new prices from a JSON file (- is the standard input) and print their version."""
    try:
        wanted = _Prices.model_validate_json(file.read())
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, found['loc'])) or 'file'}: {found['msg']}" for found in error.errors()
        )
        raise click.ClickException(f"These are no prices: {wrong}") from None
    rates = wanted.by_engine()
    with service(home) as services:
        version = services.usage.set_prices(
            currency=wanted.currency, valid_from=wanted.valid_from, rates=rates
        )
    click.echo(version)


@click.group()
def ledger() -> None:
    """What was billed."""


def _amount(_context: click.Context, _option: click.Parameter, text: str) -> int:
    try:
        return parse_amount(text)
    except ValueError as error:
        raise click.BadParameter(f"This is {error}.") from None


@ledger.command("adjust")
@HOME_OPTION
@click.option("--job", "job_id", required=True, help="The job, which may be deleted by now.")
@click.option("--revision", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--amount", "micros", required=True, callback=_amount, help="What to add: -0.05 takes off five cents."
)
@click.option("--reason", required=True, help="What the customer reads beside it.")
def adjust(home: Path | None, job_id: str, revision: int, micros: int, reason: str) -> None:
    """Correct what a job was billed, once, by an entry of this month; print the entry's id."""
    with service(home) as services:
        click.echo(services.usage.adjust(job_id, revision=revision, amount_micros=micros, reason=reason))


def _view(table: PriceTable) -> dict[str, Any]:
    return {
        "version": table.version,
        "currency": table.currency,
        "valid_from": moment(table.valid_from),
        "rates": [
            {"engine": engine, "kind": kind, "per_second": amount_text(micros)}
            for (engine, kind), micros in sorted(table.rates.items())
        ],
    }
