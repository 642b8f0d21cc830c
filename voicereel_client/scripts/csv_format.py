"""CSV and TSV: a line list. Delimiter and encoding are found out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from voicereel_client.scripts.columns import field_of
from voicereel_client.scripts.drafts import MAX_LINES, Draft
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.tables import TITLES_WITHIN, Cell, read_lines, rows_of, titles_in
from voicereel_client.scripts.texts import text_of

_DELIMITERS = (",", ";", "\t", "|")


def read(content: bytes | str, draft: Draft) -> None:
    text = text_of(content, draft)
    skipped = 0
    if text[:5].startswith("sep=") and text[5:6] in ("\n", ""):  # a row of its own that Excel writes
        delimiter, text, skipped = text[4], text[6:], 1
    else:
        delimiter = max(_DELIMITERS, key=lambda each: _titles_known(text, each))
    rows = [
        [Cell(cell, Place(line + skipped)) for cell in cells] for line, cells in _rows(text, delimiter, draft)
    ]
    titles = titles_in(rows)
    names = [cell.text.strip() for cell in rows[titles]] if titles is not None else []
    read_lines([[_placed(cell, name) for cell, name in _named(row, names)] for row in rows], draft)


def _named(row: list[Cell], names: list[str]) -> list[tuple[Cell, str]]:
    return list(zip(row, [*names, *[""] * len(row)], strict=False))


def _placed(cell: Cell, name: str) -> Cell:
    return Cell(cell.text, Place(cell.place.line, field=name))


def _titles_known(text: str, delimiter: str) -> int:
    """How many titles are words we know, if this is what parts them."""
    rows = text.split("\n", TITLES_WITHIN)[:TITLES_WITHIN]
    return max((_known(row[:10_000], delimiter) for row in rows), default=0)


def _known(row: str, delimiter: str) -> int:
    return len({field_of(cell.strip(' "')) for cell in row.split(delimiter)} - {None})


def _rows(text: str, delimiter: str, draft: Draft) -> list[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, cells))
            if len(rows) > MAX_LINES + TITLES_WITHIN:
                raise draft.stop(
                    "too_many_lines", f"More than {MAX_LINES:,} rows: split the script.", Place(line)
                )
            line = reader.line_num + 1
    except csv.Error as error:
        detail = f"This row is not CSV ({error}): is a quotation mark open?"
        raise draft.stop("bad_syntax", detail, Place(line)) from None
    return rows


def write(script: Mapping[str, Any]) -> bytes:
    """UTF-8 with its mark: Excel takes CSV for something else without it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows_of(script, with_voices=True))
    return b"\xef\xbb\xbf" + stream.getvalue().encode()
