"""Rate decks and prefix tables as CSV: read exactly, every problem with the row it is in (SPEC R6, R10)."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

MICRO_PLACES = 6
MOST_PROBLEMS = 1_000
"""Problems that are told of one file; a file of the wrong kind would have one a row."""
BANDS = ("peak", "offpeak", "weekend")
_LONGEST_TEXT = 100
_PRICE = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))?", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)
_PREFIX = re.compile(r"[1-9]\d{0,14}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

RATE_COLUMNS = (
    "prefix",
    "call_class",
    "band",
    "price_per_minute",
    "connection_charge",
    "initial_seconds",
    "step_seconds",
    "minimum_charge",
    "maximum_charge",
    "free_seconds",
    "valid_from",
    "valid_to",
)
DESTINATION_COLUMNS = ("prefix", "destination", "call_class")
INBOUND_COLUMNS = ("prefix", "call_class")


class RateRow(NamedTuple):
    """A rate as it is stored: money in micro-pounds, `initial`, `step` and `free` in seconds, messages or bytes."""

    prefix: str
    call_class: str
    band: str
    price_micro: int
    connection_micro: int
    initial: int
    step: int
    minimum_micro: int
    maximum_micro: int | None
    free: int
    valid_from: date | None
    valid_to: date | None


class DestinationRow(NamedTuple):
    """A prefix (digits of E.164, no plus sign), what it is called, and its call class."""

    prefix: str
    destination: str
    call_class: str


class InboundRow(NamedTuple):
    """A prefix of charged numbers and the call class of what comes in to them."""

    prefix: str
    call_class: str


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong in a row; rows count from 1, the header is row 0."""

    row: int
    message: str


_Row = TypeVar("_Row")


@dataclass
class Parsed(Generic[_Row]):
    """The rows of a file, each with its number, and what is wrong with it; with problems nothing is to be stored."""

    rows: list[_Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    def problem(self, row: int, message: str) -> None:
        """Note a problem, as long as there are not too many."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(RowProblem(row, message))


class _BadCellError(ValueError):
    """What is wrong with a cell; the message names its column."""


def parse_rates(lines: Iterable[str]) -> Parsed[RateRow]:
    """A tariff's rates (SPEC R6, Z16).

    Args:
        lines: of the CSV file, the first with the names of `RATE_COLUMNS`, in any order; prices in pounds.

    A row has a prefix, or only a call class; an empty band serves all bands. Two rates for the same prefix (or
    class) and band must not be valid on the same day.
    """
    parsed = _parse(lines, RATE_COLUMNS, ("price_per_minute",), _rate)
    _check_validity(parsed)
    return parsed


def parse_destinations(lines: Iterable[str]) -> Parsed[DestinationRow]:
    """The destination table: `prefix,destination,call_class` (SPEC R4)."""
    parsed = _parse(lines, DESTINATION_COLUMNS, DESTINATION_COLUMNS, _destination)
    _check_prefixes(parsed, [row.prefix for row in parsed.rows])
    return parsed


def parse_inbound_classes(lines: Iterable[str]) -> Parsed[InboundRow]:
    """The call classes of inbound calls: `prefix,call_class`, the prefix that of the charged number (SPEC R4)."""
    parsed = _parse(lines, INBOUND_COLUMNS, INBOUND_COLUMNS, _inbound)
    _check_prefixes(parsed, [row.prefix for row in parsed.rows])
    return parsed


@lru_cache(maxsize=20_000)
def micro(text: str) -> int:
    """Pounds as exact micro-pounds. Raises ValueError: not a plain amount of at most six places, or negative."""
    found = _PRICE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not an amount in pounds of at most {MICRO_PLACES} decimal places, like 0.0125")
    whole, places = found.groups()
    return int(whole + (places or "").ljust(MICRO_PLACES, "0"))


def _parse(
    lines: Iterable[str], columns: Sequence[str], needed: Sequence[str], read: Callable[[list[str]], _Row]
) -> Parsed[_Row]:
    parsed: Parsed[_Row] = Parsed()
    number = 0
    try:
        rows = csv.reader(lines, strict=True)
        header = next(rows, [])
        order = _order(header, columns, needed)
        for number, cells in enumerate(rows, 1):
            if cells:
                _take(parsed, number, cells, len(header), order, read)
    except _BadCellError as bad:
        parsed.problem(0, str(bad))
    except (csv.Error, UnicodeDecodeError) as error:
        parsed.problem(number + 1, f"the file cannot be read as CSV in UTF-8 from here on: {error}")
    return parsed


def _order(header: list[str], columns: Sequence[str], needed: Sequence[str]) -> list[int]:
    """Where each of `columns` stands in a row; one that is absent stands behind the last."""
    names = [name.strip().lower() for name in header]
    unknown = sorted(set(names) - set(columns))
    missing = [name for name in needed if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        told = (
            f"unknown columns {unknown}" if unknown else f"missing columns {missing}" if missing else "a column twice"
        )
        raise _BadCellError(f"the first line has {told}; it takes {', '.join(columns)}")
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
            raise _BadCellError(f"the row has {len(cells)} cells, the first line {width}")
        cells.append("")
        parsed.rows.append(read([cells[place].strip() for place in order]))
        parsed.numbers.append(number)
    except ValueError as bad:
        parsed.problem(number, str(bad))


def _rate(cells: list[str]) -> RateRow:
    prefix, call_class, band, price, connection, initial, step, minimum, maximum, free, valid_from, valid_to = cells
    if not prefix and not call_class:
        raise _BadCellError("prefix: give a prefix, or only a call_class for a class rate")
    if not price and not connection:
        raise _BadCellError("price_per_minute: give a price; 0 where it is free")
    row = RateRow(
        _prefix(prefix) if prefix else "",
        _text("call_class", call_class, needed=False),
        _band(band),
        _price("price_per_minute", price) or 0,
        _price("connection_charge", connection) or 0,
        _whole("initial_seconds", initial, least=1),
        _whole("step_seconds", step, least=1),
        _price("minimum_charge", minimum) or 0,
        _price("maximum_charge", maximum),
        _whole("free_seconds", free, least=0),
        _day("valid_from", valid_from),
        _day("valid_to", valid_to),
    )
    if row.maximum_micro is not None and row.maximum_micro < row.minimum_micro:
        raise _BadCellError("maximum_charge: it is less than the minimum charge")
    if row.valid_from and row.valid_to and row.valid_to < row.valid_from:
        raise _BadCellError("valid_to: it lies before valid_from")
    return row


def _destination(cells: list[str]) -> DestinationRow:
    prefix, destination, call_class = cells
    return DestinationRow(_prefix(prefix), _text("destination", destination), _text("call_class", call_class))


def _inbound(cells: list[str]) -> InboundRow:
    prefix, call_class = cells
    return InboundRow(_prefix(prefix), _text("call_class", call_class))


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise _BadCellError(f"prefix: '{text}' is not the first digits of an E.164 number without +, like 4420")
    return text


def _text(column: str, text: str, *, needed: bool = True) -> str:
    if (needed and not text) or len(text) > _LONGEST_TEXT:
        raise _BadCellError(f"{column}: give 1 to {_LONGEST_TEXT} characters")
    return text


def _band(text: str) -> str:
    if text and text not in BANDS:
        raise _BadCellError(f"band: '{text}' is none of {', '.join(BANDS)}; empty serves all")
    return text


def _price(column: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return micro(text)
    except ValueError as error:
        raise _BadCellError(f"{column}: {error}") from None


def _whole(column: str, text: str, *, least: int) -> int:
    if not text:
        return least
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise _BadCellError(f"{column}: '{text}' is not a whole number from {least}")
    return int(text)


def _day(column: str, text: str) -> date | None:
    if not text:
        return None
    return _date(column, text)


@lru_cache(maxsize=1_000)
def _date(column: str, text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _BadCellError(f"{column}: '{text}' is not a date like 2025-01-31")


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
            parsed.problem(number, f"prefix {prefix} stands in row {first[prefix]} already")
        first.setdefault(prefix, number)
