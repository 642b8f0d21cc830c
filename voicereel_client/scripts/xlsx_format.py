"""XLSX: a line list on a sheet; a sheet named ``cast`` gives roles their voices."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from voicereel_client.scripts.amounts import clock_text
from voicereel_client.scripts.columns import Unreadable
from voicereel_client.scripts.drafts import MAX_LINES, Draft
from voicereel_client.scripts.problems import Place
from voicereel_client.scripts.tables import (
    TITLES_WITHIN,
    Cell,
    Row,
    cast_rows,
    read_cast,
    read_lines,
    rows_of,
    titles_in,
)

CAST_SHEET = "cast"
# A workbook is a ZIP of XML: a few kilobytes of it can be gigabytes.
MAX_UNPACKED = 64 * 1024 * 1024
MAX_PARTS = 1_000
MAX_SHEETS = 50
MAX_COLUMNS = 100
MAX_ROWS = MAX_LINES + TITLES_WITHIN
# What openpyxl and what it stands on raise over a broken workbook.
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, struct.error, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error,
)  # fmt: skip


def read(content: bytes | str, draft: Draft) -> None:
    raw = content.encode(errors="replace") if isinstance(content, str) else content
    try:
        _refuse_bombs(raw, draft)
        sheets = _sheets(raw)
    except _BROKEN as error:
        detail = "This is not an Excel workbook (.xlsx), or it is damaged: save it anew."
        raise draft.stop("bad_syntax", detail) from error
    for title, rows in sheets.items():
        if title.strip().casefold() == CAST_SHEET:
            read_cast(rows, draft)
    _read_lines(
        {title: rows for title, rows in sheets.items() if title.strip().casefold() != CAST_SHEET}, draft
    )


def _read_lines(sheets: Mapping[str, list[Row]], draft: Draft) -> None:
    """From the first sheet with the titles of a line list; if none has, the first is complained of."""
    chosen = next((title for title, rows in sheets.items() if titles_in(rows) is not None), None)
    for title, rows in sheets.items():
        if chosen is not None and title != chosen and rows:
            draft.warn(
                "sheet_ignored",
                "Only one sheet is read as lines: the others are left out.",
                Place(cell=title),
            )
    read_lines(next(iter(sheets.values()), []) if chosen is None else sheets[chosen], draft)


def _refuse_bombs(raw: bytes, draft: Draft) -> None:
    """The library unpacks no more than the sizes that are told here."""
    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        listed = parts.infolist()
        if len(listed) > MAX_PARTS or sum(part.file_size for part in listed) > MAX_UNPACKED:
            detail = (
                f"Unpacked, it is over {MAX_UNPACKED // 1024**2} MiB: copy the lines into a new workbook."
            )
            raise draft.stop("file_too_large", detail)
        for part in listed:
            # one byte a letter or two, the letters are the same
            if b"<!DOCTYPE" in parts.read(part).replace(b"\0", b""):
                raise draft.stop("bad_syntax", "The workbook declares XML entities: no spreadsheet does.")


def _sheets(raw: bytes) -> dict[str, list[Row]]:
    """The rows with something in them of each visible sheet."""
    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    try:
        visible = [sheet for sheet in book.worksheets[:MAX_SHEETS] if sheet.sheet_state == "visible"]
        return {sheet.title: list(_rows(sheet)) for sheet in visible}
    finally:
        book.close()


def _rows(sheet: Any) -> Iterator[Row]:  # noqa: ANN401 - the read-only sheet has no type of its own
    sheet.reset_dimensions()  # what a file says of its size need not be so
    for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), 1):
        if number > MAX_ROWS:
            raise ValueError("more rows than any script has")
        row = [
            _cell(cell, f"{sheet.title}!{get_column_letter(i)}{number}", number)
            for i, cell in enumerate(cells, 1)
        ]
        if any(cell.text.strip() or cell.problem for cell in row):
            yield row


def _cell(cell: Any, name: str, number: int) -> Cell:  # noqa: ANN401 - of several classes without a common one
    place = Place(number, cell=name)
    if cell.data_type == "f":
        detail = "A formula has no text: copy the cells and paste them as values."
        return Cell("", place, Unreadable("formula", detail))
    if cell.data_type == "e":
        return Cell(
            "", place, Unreadable("formula", "The cell shows an error of the spreadsheet: mend it there.")
        )
    if isinstance(cell.value, date | datetime) and not _is_time(cell.value):
        return Cell("", place, Unreadable("bad_time", "This cell is a date: format the column as text."))
    return Cell(_text(cell.value), place)


def _is_time(value: date | datetime) -> bool:
    """Excel keeps a time of more than a day as a moment in 1900 or before."""
    return isinstance(value, datetime) and value.year <= 1900


def _text(value: object) -> str:
    """A cell as its author sees it: whole numbers without a point, times as a clock shows them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return _clock(value - datetime(1899, 12, 31))
    if isinstance(value, time):
        return _clock(datetime.combine(date.min, value) - datetime.min)
    return _clock(value) if isinstance(value, timedelta) else str(value)


def _clock(length: timedelta) -> str:
    return clock_text(round(length / timedelta(milliseconds=1)))


def write(script: Mapping[str, Any]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    _fill(book.create_sheet("lines"), rows_of(script, with_voices=False))
    if script.get("cast"):
        _fill(book.create_sheet(CAST_SHEET), cast_rows(script["cast"]))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _fill(sheet: Any, rows: Iterable[list[Any]]) -> None:  # noqa: ANN401 - the write-only sheet
    from openpyxl.cell import WriteOnlyCell

    for row in rows:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            if isinstance(value, str):
                cell.data_type = "s"  # whatever it begins with, it is no formula
            cells.append(cell)
        sheet.append(cells)
