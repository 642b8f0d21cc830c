"""The table tells of every row that was begun, whatever became of it."""

import json
import sys
from pathlib import Path

import pytest

from tests.faults import figures, report
from tests.faults.figures import Figures


def test_a_row_that_was_begun_and_not_ended_stands_in_the_table_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "REPORT", str(tmp_path / "found"))
    before = [{"fault": "kept from before", "jobs": 7}, {"fault": "one", "jobs": 8}]
    (tmp_path / "faults.json").write_text(json.dumps(before))
    Figures("one", jobs=1)
    Figures("two", jobs=2).write()
    for flags, wanted in (
        (["--keep"], [("kept from before", "kept", 7), ("one", "failed", 1), ("two", "kept", 2)]),
        ([], [("one", "failed", 1), ("two", "kept", 2)]),
    ):
        monkeypatch.setattr(sys, "argv", ["report", str(tmp_path / "found"), "--to", str(tmp_path), *flags])
        report.main()
        rows = json.loads((tmp_path / "faults.json").read_text())
        assert [(row["fault"], row["outcome"], row["jobs"]) for row in rows] == wanted
        assert (tmp_path / "faults.md").read_text().count("**failed**") == 1
