"""The table of what the suite measured: `python -m tests.faults.report FOLDER [--keep] [--to RESULTS]`.

``--keep`` leaves rows in the table that were not measured this time.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
_COLUMNS = {
    "fault": "fault",
    "outcome": "promises",
    "form": "form",
    "jobs": "jobs",
    "injected": "faults",
    "lost": "lost",
    "double_billed": "double-billed",
    "late_refused": "late writes refused",
    "takeover_p50_s": "takeover p50 s",
    "takeover_max_s": "takeover max s",
    "seconds": "seconds",
    "note": "note",
}


def table(rows: Sequence[Row]) -> str:
    """Kept: the checker found nothing lost and nothing billed twice. Else a row has failed."""
    lines = [tuple(_COLUMNS.values()), ("---",) * len(_COLUMNS)]
    lines += [tuple(_text(row.get(name)) for name in _COLUMNS) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(value: Any) -> str:
    return "" if value is None else "**failed**" if value == "failed" else str(value)


def merged(before: Sequence[Row], now: Sequence[Row]) -> list[Row]:
    """By name, what was measured now in the place of what was measured before."""
    rows = {row["fault"]: {"outcome": "kept", **row} for row in (*before, *now)}
    return [rows[fault] for fault in sorted(rows, key=str.lower)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args()
    known = given.to / "faults.json"
    before = json.loads(known.read_text()) if given.keep and known.exists() else []
    found = [json.loads(path.read_text()) for path in sorted(given.folder.glob("*.json"))]
    if not found:
        sys.exit("Nothing was measured: the table stays as it is.")
    rows = merged(before, found)
    written = table(rows)
    given.to.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(rows, indent=1) + "\n")
    (given.to / "faults.md").write_text(f"# Faults\n\nExplained in docs/guides/faults.md.\n\n{written}")
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
