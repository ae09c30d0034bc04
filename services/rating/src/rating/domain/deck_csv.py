"""Rate decks and prefix tables as tables of text: every problem with the row it is in (SPEC R6, R10)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from rating.domain.deck_rows import (
    COST_COLUMN,
    DESTINATION_COLUMNS,
    INBOUND_COLUMNS,
    MOST_ROWS,
    RATE_COLUMNS,
    BadCellError,
    DestinationRow,
    InboundRow,
    Parsed,
    RateRow,
    RowProblem,
    micro,
    read_destination,
    read_inbound,
    read_price,
    read_rate,
)

__all__ = [
    "RATE_COLUMNS",
    "DestinationRow",
    "InboundRow",
    "Parsed",
    "RateRow",
    "RowProblem",
    "Table",
    "UnreadableTableError",
    "micro",
    "parse_destinations",
    "parse_inbound_classes",
    "parse_rates",
    "read_destinations",
    "read_inbound_classes",
    "read_rates",
]

Table = Iterable[list[str]]
"""Rows of cells; the first is the header."""
_Row = TypeVar("_Row")


class UnreadableTableError(ValueError):
    """The file, or what is left of it, cannot be read as a table; the message says why."""


def parse_rates(lines: Iterable[str]) -> Parsed[RateRow]:
    """A tariff's rates from the lines of a CSV file (SPEC R6, Z16); see `read_rates`."""
    return read_rates(csv.reader(lines, strict=True))


def parse_destinations(lines: Iterable[str]) -> Parsed[DestinationRow]:
    """The destination table from the lines of a CSV file (SPEC R4)."""
    return read_destinations(csv.reader(lines, strict=True))


def parse_inbound_classes(lines: Iterable[str]) -> Parsed[InboundRow]:
    """The call classes of inbound calls from the lines of a CSV file (SPEC R4)."""
    return read_inbound_classes(csv.reader(lines, strict=True))


def read_rates(table: Table) -> Parsed[RateRow]:
    """A tariff's rates (SPEC R6, Z16).

    Args:
        table: the first row has the names of `RATE_COLUMNS`, in any order, and perhaps `cost_per_minute`; prices in
            pounds.

    A row has a prefix, or only a call class; an empty band serves all bands. Two rates for the same prefix (or
    class) and band must not be valid on the same day.
    """
    parsed: Parsed[RateRow] = Parsed()

    def read(cells: list[str]) -> RateRow:
        row = read_rate(cells[:-1])
        cost = read_price(COST_COLUMN, cells[-1])
        if cost is not None:
            parsed.costs[len(parsed.rows)] = cost
        return row

    _read(parsed, table, (*RATE_COLUMNS, COST_COLUMN), ("price_per_minute",), read)
    _check_validity(parsed)
    return parsed


def read_destinations(table: Table) -> Parsed[DestinationRow]:
    """The destination table: `prefix,destination,call_class` (SPEC R4)."""
    parsed: Parsed[DestinationRow] = Parsed()
    _read(parsed, table, DESTINATION_COLUMNS, DESTINATION_COLUMNS, read_destination)
    _check_prefixes(parsed, [row.prefix for row in parsed.rows])
    return parsed


def read_inbound_classes(table: Table) -> Parsed[InboundRow]:
    """The call classes of inbound calls: `prefix,call_class`, the prefix that of the charged number (SPEC R4)."""
    parsed: Parsed[InboundRow] = Parsed()
    _read(parsed, table, INBOUND_COLUMNS, INBOUND_COLUMNS, read_inbound)
    _check_prefixes(parsed, [row.prefix for row in parsed.rows])
    return parsed


def _read(
    parsed: Parsed[_Row],
    table: Table,
    columns: Sequence[str],
    needed: Sequence[str],
    read: Callable[[list[str]], _Row],
) -> None:
    number = 0
    try:
        rows = iter(table)
        header = next(rows, [])
        order = _order(header, columns, needed)
        for number, cells in enumerate(rows, 1):
            if any(cells):
                _take(parsed, number, cells, len(header), order, read)
            if len(parsed.rows) > MOST_ROWS:
                return parsed.problem(
                    number, f"the file has more than the {MOST_ROWS} rows that one may have", "too_many"
                )
    except BadCellError as bad:
        parsed.problem(0, str(bad), "header")
    except (csv.Error, UnicodeDecodeError) as error:
        parsed.problem(number + 1, f"the file cannot be read as CSV in UTF-8 from here on: {error}")
    except UnreadableTableError as error:
        parsed.problem(0, str(error))


def _order(header: list[str], columns: Sequence[str], needed: Sequence[str]) -> list[int]:
    """Where each of `columns` stands in a row; one that is absent stands behind the last."""
    names = [name.strip().lower() for name in header]
    unknown = sorted(set(names) - set(columns))
    missing = [name for name in needed if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        told = (
            f"unknown columns {unknown}" if unknown else f"missing columns {missing}" if missing else "a column twice"
        )
        raise BadCellError(f"the first line has {told}; it takes {', '.join(columns)}")
    return [names.index(name) if name in names else len(names) for name in columns]


def _take(
    parsed: Parsed[_Row],
    number: int,
    cells: list[str],
    width: int,
    order: list[int],
    read: Callable[[list[str]], _Row],
) -> None:
    try:
        if len(cells) != width:
            raise BadCellError(f"the row has {len(cells)} cells, the first line {width}")
        cells.append("")
        parsed.rows.append(read([cells[place].strip() for place in order]))
        parsed.numbers.append(number)
    except ValueError as bad:
        parsed.problem(number, str(bad))


def _check_validity(parsed: Parsed[RateRow]) -> None:
    """Note each rate that is valid on a day on which another of its prefix (or class) and band is valid too."""
    places: dict[tuple[str, str, str], list[int]] = {}
    for place, row in enumerate(parsed.rows):
        places.setdefault((row.prefix, "" if row.prefix else row.call_class, row.band), []).append(place)
    for (prefix, call_class, band), alike in places.items():
        for earlier, later in _overlaps(parsed.rows, alike):
            what = f"prefix {prefix}" if prefix else f"class {call_class}"
            first = parsed.numbers[earlier]
            parsed.problem(
                parsed.numbers[later],
                f"{what}, band {band or 'all'}: row {first} is valid on the same days: end one before the other starts",
                "duplicate",
            )


def _overlaps(rows: list[RateRow], places: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of rates that overlap, each rate at most once as the later one."""
    if len(places) < 2:
        return
    by_start = sorted(places, key=lambda place: rows[place].valid_from or date.min)
    longest = by_start[0]
    for place in by_start[1:]:
        if (rows[longest].valid_to or date.max) >= (rows[place].valid_from or date.min):
            yield min(longest, place), max(longest, place)
        if (rows[place].valid_to or date.max) > (rows[longest].valid_to or date.max):
            longest = place


def _check_prefixes(parsed: Parsed[_Row], prefixes: list[str]) -> None:
    first: dict[str, int] = {}
    for number, prefix in zip(parsed.numbers, prefixes, strict=True):
        if prefix in first:
            parsed.problem(number, f"prefix {prefix} stands in row {first[prefix]} already", "duplicate")
        first.setdefault(prefix, number)
