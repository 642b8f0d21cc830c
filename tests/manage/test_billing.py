"""`voicereel-server prices` and `ledger`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.conftest import start
from tests.ledgers import an_entry, charge
from voicereel.manage import main
from voicereel.settings import Settings

RATES = [{"engine": "*", "kind": "render", "per_second": "0.0001"}]


@pytest.fixture
def home(tmp_path: Path, prepared_home: Path) -> Path:
    """A service that has billed the job ``job_1``."""
    settings = Settings(home=tmp_path / "home")
    services = start(settings, prepared_home)
    with services.usage.work.writing() as tx:
        tx.accounts.ensure_tenant("acme", tenant_id="ten_1")
        tx.ledger.add(an_entry("job_1", charge("spk_a", "fake", 1000)))
    services.close()
    return settings.home


def run(home: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [*arguments, "--home", str(home)], input=stdin)


def set_prices(home: Path, **prices: Any) -> Result:
    body = {"currency": "USD", "rates": RATES, **prices}
    return run(home, "prices", "set", "-", stdin=json.dumps(body))


def test_prices_that_were_set_are_shown(home: Path) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    rates = [*RATES, {"engine": "fake", "kind": "render", "per_second": "2"}]
    assert set_prices(home).stdout == "2\n"
    assert set_prices(home, valid_from=later, rates=rates).stdout == "3\n"
    first, _, last = json.loads(run(home, "prices", "show").stdout)
    assert (first["version"], first["rates"][0]["per_second"]) == (1, "0.000000")
    assert last == {
        "version": 3,
        "currency": "USD",
        "valid_from": later,
        "rates": [
            {"engine": "*", "kind": "render", "per_second": "0.000100"},
            {"engine": "fake", "kind": "render", "per_second": "2.000000"},
        ],
    }


@pytest.mark.parametrize(
    ("prices", "wrong"),
    [
        ({"currency": "usd"}, "currency"),
        ({"rates": []}, "rates"),
        ({"rates": [*RATES, *RATES]}, "twice"),
        ({"rates": [{**RATES[0], "engine": "fake"}]}, "rates"),
        ({"rates": [{**RATES[0], "kind": "rendr"}]}, "kind"),
        ({"rates": [{**RATES[0], "per_second": "-1"}]}, "per_second"),
        ({"rates": [{**RATES[0], "per_second": 0.1}]}, "per_second"),
        ({"valid_from": "2020-01-01T00:00:00Z"}, "valid_from"),
        ({"valid_from": "yesterday"}, "valid_from"),
        ({"price": 1}, "price"),
    ],
)
def test_prices_that_cannot_be_are_refused_in_one_line(
    home: Path, prices: dict[str, Any], wrong: str
) -> None:
    done = set_prices(home, **prices)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert wrong in done.output
    assert len(json.loads(run(home, "prices", "show").stdout)) == 1


def test_what_was_billed_is_adjusted_once(home: Path) -> None:
    adjust = ("ledger", "adjust", "--job", "job_1", "--amount", "-0.05", "--reason", "Noise.")
    assert run(home, *adjust).stdout == "2\n"
    again = run(home, *adjust)
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert "already" in again.output


@pytest.mark.parametrize(
    ("change", "code"),
    [({"--job": "job_2"}, 1), ({"--revision": "1"}, 1), ({"--amount": "0"}, 1), ({"--amount": "5c"}, 2)],
)
def test_what_cannot_be_adjusted_is_not(home: Path, change: dict[str, str], code: int) -> None:
    options = {"--job": "job_1", "--amount": "1", "--reason": "x", **change}
    done = run(home, "ledger", "adjust", *(part for pair in options.items() for part in pair))
    assert done.exit_code == code
    assert "Traceback" not in done.output
