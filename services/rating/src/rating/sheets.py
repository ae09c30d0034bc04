"""Files that people upload as tables of text: CSV in UTF-8 or Excel, told apart by what is in them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from python_calamine import CalamineError, CalamineWorkbook, ZipError

from rating.domain.deck_csv import UnreadableTableError

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
LARGEST_WORKBOOK = 500_000_000
"""Bytes of a workbook when unpacked: a small file can unpack to anything."""


def table_of(file: IO[bytes]) -> Iterator[list[str]]:
    """The rows of a CSV file, or of the first sheet of an Excel workbook (.xlsx); cells as text, days as 2025-01-31.

    Raises: UnreadableTableError, csv.Error or UnicodeDecodeError, while it is read.
    """
    start = file.read(len(_ZIP))
    file.seek(0)
    if start == _OLD_EXCEL:
        raise UnreadableTableError("this is a workbook of old Excel (.xls) or a locked one: save it as .xlsx or CSV")
    yield from _sheet(file) if start == _ZIP else _csv(file)


def _csv(file: IO[bytes]) -> Iterator[list[str]]:
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from csv.reader(lines, strict=True)
    finally:
        lines.detach()


def _sheet(file: IO[bytes]) -> Iterator[list[str]]:
    try:
        _check_size(file)
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
        rows = ([_text(cell) for cell in row] for row in sheet.iter_rows())
        header = _without_empty_end(next(rows, []))
        yield header
        for row in rows:
            yield row[: len(header)] if not any(row[len(header) :]) else row
    except (CalamineError, ZipError, zipfile.BadZipFile, IndexError, OSError) as error:
        raise UnreadableTableError(f"the workbook cannot be read: {error}; save it as .xlsx again, or as CSV") from None


def _check_size(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as packed:
        size = sum(each.file_size for each in packed.infolist())
    file.seek(0)
    if size > LARGEST_WORKBOOK:
        raise UnreadableTableError(f"the workbook unpacks to {size} bytes, more than {LARGEST_WORKBOOK}: use CSV")


def _without_empty_end(header: list[str]) -> list[str]:
    """Columns that were only ever formatted have no name."""
    while header and not header[-1]:
        header = header[:-1]
    return header


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        # What Excel shows for a number is its shortest form; whole numbers have no point.
        told = format(Decimal(repr(cell)), "f")
        return told.removesuffix(".0")
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)
