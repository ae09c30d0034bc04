"""Tables of text: a CSV file's rows as cells under known column names, and what may stand in a cell.

What is wrong with the file itself (its encoding, its header, a quote that is never closed) refuses all of it; what is
wrong in a cell is that row's own problem.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

LONGEST_CELL = 100_000
EARLIEST_YEAR, LATEST_YEAR = 1990, 2199
_SAVE_AS = "save it as 'CSV UTF-8 (comma delimited)' and send it again"
_SIGNATURES = {
    b"PK\x03\x04": f"this is an Excel workbook, not a CSV file: {_SAVE_AS}",
    b"\xd0\xcf\x11\xe0": f"this is an Excel workbook, not a CSV file: {_SAVE_AS}",
    b"\xff\xfe": f"this is Unicode text of two bytes a letter (UTF-16): {_SAVE_AS}",
    b"\xfe\xff": f"this is Unicode text of two bytes a letter (UTF-16): {_SAVE_AS}",
}
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)
_AFTER_LONE_CR = re.compile(r"(?<=\r)(?!\n)")
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_UK_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_SHORT_YEAR = re.compile(r"\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2}", re.ASCII)
_MIDNIGHT = re.compile(r"[ T]0?0:00(:00)?$")
_PLAIN = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d{1,2}", re.ASCII)
_POWER = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE | re.ASCII)
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}

Reader = Callable[[str], Any]
"""Reads a cell that is not blank. Raises ValueError: says what to write."""


class UnreadableSheet(ValueError):
    """The file is no table of the columns that are known; the message says why, and what to do."""


@dataclass(frozen=True)
class Column:
    """A column: where its value goes (a path such as `billing_address.lines.0`), how a cell is read, and a sample."""

    path: str
    read: Reader
    sample: str = ""


Columns = Mapping[str, Column]


@dataclass(frozen=True)
class SheetRow:
    """The cells of a row that are not blank, by column. `number` is the row's as a spreadsheet shows it: the header
    is row 1. `beyond`: cells were found past the last column with a name."""

    number: int
    cells: Mapping[str, str]
    beyond: bool = False


def text_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """The lines of a file as text, with their ends.

    Raises:
        UnreadableSheet: it is not UTF-8; names the line.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = _without_bom(line)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            where = f"line {number}, byte {error.start + 1}"
            raise UnreadableSheet(f"{where} is not UTF-8 (the file is perhaps Latin-1): {_SAVE_AS}") from None
        yield from _AFTER_LONE_CR.split(text) if "\r" in text else (text,)


def _without_bom(line: bytes) -> bytes:
    for signature, message in _SIGNATURES.items():
        if line.startswith(signature):
            raise UnreadableSheet(message)
    return line.removeprefix(_BOM)


def sheet_rows(lines: Iterable[str], known: Collection[str], needed: Collection[str]) -> Iterator[SheetRow]:
    """The rows under the header, blank ones left out.

    Args:
        lines: of the file, as text. Comma, semicolon or tab, whichever the header has; a first line `sep=;` says so.
        known: the columns that there are. In the header their order is free, and case, spaces, '_' and '-' do not
            matter.
        needed: those without which no row could be read.

    Raises:
        UnreadableSheet: the header has other columns, or a row's quotes cannot be followed; rows before it were given.
    """
    rows = _records(lines)
    _, header = next(rows, (1, []))
    columns = _columns(header, known, needed)
    for number, record in rows:
        cells, beyond = _cells(record, columns)
        if cells or beyond:
            yield SheetRow(number, cells, beyond)


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The records from the header on, with their numbers."""
    rest = iter(lines)
    first = next(rest, "")
    said = _SEPARATOR_LINE.fullmatch(first)
    if said:
        first = next(rest, "")
    delimiter = said.group(1) if said else max(_DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(chain([first], rest), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, record in enumerate(reader, start=1):
            yield number, record
    except csv.Error as error:
        raise UnreadableSheet(
            f"row {number + 1} (up to line {reader.line_num}) cannot be read: {error}. A text with quotes in it is put "
            'into quotes, and each of its own is doubled: "Unit 5 ""The Mill""". Nothing was imported'
        ) from None


def _columns(header: list[str], known: Collection[str], needed: Collection[str]) -> list[str | None]:
    by_key = {_key(name): name for name in known}
    columns = [by_key.get(_key(cell)) if cell.strip() else None for cell in header]
    unknown = [cell.strip() for cell, name in zip(header, columns, strict=True) if cell.strip() and name is None]
    there = [name for name in columns if name is not None]
    told = f"the columns are {', '.join(known)}"
    if unknown:
        raise UnreadableSheet(f"the header has columns that are not known ({_shown(unknown)}): {told}")
    twice = {name for name in there if there.count(name) > 1}
    if twice:
        raise UnreadableSheet(f"the header has a column twice: {_shown(sorted(twice))}")
    missing = [name for name in needed if name not in there]
    if missing:
        raise UnreadableSheet(f"the header (row 1) lacks {_shown(missing)}: {told}")
    return columns


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).casefold()


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(f"'{name[:40]}'" for name in names[:10]) + more


def _cells(record: list[str], columns: list[str | None]) -> tuple[dict[str, str], bool]:
    cells: dict[str, str] = {}
    beyond = False
    for place, cell in enumerate(record):
        text = _unprotected(cell.strip())
        name = columns[place] if place < len(columns) else None
        if text and name is not None:
            cells[name] = text
        beyond = beyond or bool(text and name is None)
    return cells, beyond


def _unprotected(cell: str) -> str:
    """Without the apostrophe that our CSV files put before what a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@"} else cell


def read_cells(row: SheetRow, columns: Columns) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A row as what is sent in JSON: values nested by their columns' paths; and its errors, by column."""
    nested: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    if row.beyond:
        errors.append(("row", "there are cells past the last column: put a text that has the delimiter in quotes"))
    for name, cell in row.cells.items():
        try:
            if "\0" in cell:
                raise ValueError("the cell holds the character NUL, which cannot be kept: take it out")
            _put(nested, columns[name].path.split("."), columns[name].read(cell))
        except ValueError as error:
            errors.append((name, str(error)))
    return nested, errors


def _put(nested: dict[str, Any], path: list[str], value: Any) -> None:
    *outer, last = path
    if last.isdigit():
        *outer, parent = outer
    for name in outer:
        nested = nested.setdefault(name, {})
    if not last.isdigit():
        nested[last] = value
        return
    items: list[Any] = nested.setdefault(parent, [])
    items += [""] * (int(last) + 1 - len(items))
    items[int(last)] = value


def column_of(field: str, columns: Columns) -> str:
    """The column that a field of the nested values came from: the one with the longest path that leads there."""
    leads = [name for name, column in columns.items() if f"{field}.".startswith(f"{column.path}.")]
    return max(leads, key=lambda name: len(columns[name].path), default=field)


def read_date(cell: str) -> date:
    """`2025-01-31`, or `31/01/2025` as written in the UK; a time of midnight after it is ignored."""
    text = _MIDNIGHT.sub("", cell)
    iso = _ISO_DATE.fullmatch(text)
    found = iso or _UK_DATE.fullmatch(text)
    if _SHORT_YEAR.fullmatch(text):
        raise ValueError(f"'{cell}' has a year of two digits: write 2025-01-31 or 31/01/2025")
    if found is None:
        raise ValueError(f"'{cell[:40]}' is not a date: write 2025-01-31 or 31/01/2025")
    parts = [int(part) for part in found.groups()]
    year, month, day = parts if iso else reversed(parts)
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError(f"'{cell}': the year is {EARLIEST_YEAR} to {LATEST_YEAR}")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"'{cell}' is not in the calendar: write the day first (31/01/2025), or 2025-01-31") from None


def read_decimal(cell: str) -> str:
    """A decimal number in plain form, of `1234.5`, `£1,234.50` or `12,5`. Never guesses: `1,234` is refused."""
    text = cell.removeprefix("£").replace(" ", "")
    if _PLAIN.fullmatch(text):
        return text.removeprefix("+")
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "").removeprefix("+")
    if _COMMA.fullmatch(text):
        return text.replace(",", ".").removeprefix("+")
    raise ValueError(f"'{cell[:40]}' is not a number without doubt: write 1234.50")


def read_money(cell: str) -> str:
    """Pounds with two decimal places, those that were left out added."""
    pounds, _, pence = read_decimal(cell).partition(".")
    if len(pence.rstrip("0")) > 2:
        raise ValueError(f"'{cell[:40]}' has parts of a penny: write 1234.50")
    return f"{pounds or '0'}.{pence[:2]:0<2}"


def read_percent(cell: str) -> str:
    """A percentage, with or without its sign."""
    return read_decimal(cell.removesuffix("%").strip())


def read_whole(cell: str) -> int:
    """A whole number; `7.0`, as some spreadsheets write it, is one."""
    text = cell.removesuffix(".0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"'{cell[:40]}' is not a whole number: write for example 7")
    return int(text)


def read_flag(cell: str) -> bool:
    """Yes or no."""
    word = cell.casefold()
    if word not in _YES | _NO:
        raise ValueError(f"'{cell[:40]}': write yes or no")
    return word in _YES


def read_text(cell: str) -> str:
    """Any text."""
    return cell


def read_list(cell: str) -> list[str]:
    """Several texts, with commas or semicolons between them."""
    return [part.strip() for part in re.split("[,;]", cell) if part.strip()]


def read_phone(cell: str) -> str:
    """A phone number as typed, unless a spreadsheet has made a power of ten of it: its last digits are lost then."""
    if _POWER.fullmatch(cell):
        raise ValueError(
            f"'{cell}': the spreadsheet has rounded this number, and its last digits are lost; make the column text, "
            "type the number again"
        )
    return cell.removesuffix(".0") if cell.removesuffix(".0").isdigit() else cell


def read_pairs(read_value: Reader) -> Reader:
    """Reads `Mobile=12.5; National=10` as a value for each call class."""

    def read(cell: str) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in cell.split(";"))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not (name and equals and value) or name in pairs:
                raise ValueError(f"'{part[:40]}': write each call class once, as Mobile=12.5; National=10")
            pairs[name] = read_value(value)
        return pairs

    return read
