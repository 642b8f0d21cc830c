"""The table of what the suite measured: `python -m tests.faults.report FOLDER`."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
_COLUMNS = {
    "fault": "fault",
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


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row is only there if the checker found every promise kept: nothing lost, nothing billed twice."""
    lines = [tuple(_COLUMNS.values()), ("---",) * len(_COLUMNS)]
    lines += [tuple(_text(row.get(name)) for name in _COLUMNS) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def main() -> None:
    found = sorted(Path(sys.argv[1]).glob("*.json"))
    rows = [json.loads(path.read_text()) for path in found]
    written = table(rows)
    (RESULTS / "faults.json").write_text(json.dumps(rows, indent=1) + "\n")
    (RESULTS / "faults.md").write_text(f"# Faults\n\nExplained in docs/guides/faults.md.\n\n{written}")
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
