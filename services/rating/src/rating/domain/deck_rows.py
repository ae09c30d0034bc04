"""Rows of rate decks and prefix tables: cells read exactly, and what is wrong with them (SPEC R4, R6, R10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Generic, Literal, NamedTuple, TypeVar

from rating.domain.calendars import BANDS as ALL_BANDS_AND_EACH

MICRO_PLACES = 6
MOST_TOLD = 1_000
"""Problems of a kind that are listed of one file; a file of the wrong sort would have one a row. All are counted."""
MOST_ROWS = 1_000_000
"""Rows of one file: what is held in memory until all of them are checked, some 300 MB."""
BANDS = ALL_BANDS_AND_EACH[1:]
_LONGEST_TEXT = 100
_PRICE = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))?", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)
_PREFIX = re.compile(r"[1-9]\d{0,14}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

COST_COLUMN = "cost_per_minute"
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


Kind = Literal["header", "unreadable", "duplicate", "too_many", "gap", "negative_margin", "later_version"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong in a row, or might be; rows count from 1, the header and the file as a whole are row 0."""

    row: int
    message: str
    kind: Kind = "unreadable"
    severity: Severity = "error"


class Problems:
    """What was found in a file: the first so many of each kind in full, and how many there are."""

    def __init__(self) -> None:
        self.told: list[RowProblem] = []
        self._totals: Counter[str] = Counter()

    def add(self, problem: RowProblem) -> None:
        """Note a problem."""
        self._totals[problem.kind] += 1
        if self._totals[problem.kind] <= MOST_TOLD:
            self.told.append(problem)

    @property
    def totals(self) -> Mapping[str, int]:
        """How many there are of each kind."""
        return dict(self._totals)

    @property
    def refuse(self) -> bool:
        """Whether any of them is an error."""
        return any(each.severity == "error" for each in self.told)


_Row = TypeVar("_Row")


@dataclass
class Parsed(Generic[_Row]):
    """The rows of a file, each with its number, and what is wrong with it; with errors nothing is to be stored.

    `costs` are micro-pounds a minute by place in `rows`, where the file says what a rate costs.
    """

    rows: list[_Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    costs: dict[int, int] = field(default_factory=dict)
    found: Problems = field(default_factory=Problems)

    @property
    def problems(self) -> list[RowProblem]:
        """What is wrong, as far as it is told."""
        return self.found.told

    def problem(self, row: int, message: str, kind: Kind = "unreadable") -> None:
        """Note an error."""
        self.found.add(RowProblem(row, message, kind))

    def warn(self, place: int, message: str, kind: Kind) -> None:
        """Note what does not refuse the file.

        Args:
            place: in `rows`; -1 for the file as a whole.
        """
        self.found.add(RowProblem(self.numbers[place] if place >= 0 else 0, message, kind, "warning"))


class BadCellError(ValueError):
    """What is wrong with a cell; the message names its column."""


@lru_cache(maxsize=20_000)
def micro(text: str) -> int:
    """Pounds as exact micro-pounds. Raises ValueError: not a plain amount of at most six places, or negative."""
    found = _PRICE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not an amount in pounds of at most {MICRO_PLACES} decimal places, like 0.0125")
    whole, places = found.groups()
    return int(whole + (places or "").ljust(MICRO_PLACES, "0"))


def pounds(micro: int) -> str:
    """Micro-pounds as people read them: £0.0125."""
    whole, places = divmod(micro, 10**MICRO_PLACES)
    return f"£{whole}.{places:06d}".rstrip("0").rstrip(".")


def read_rate(cells: list[str]) -> RateRow:
    """A rate from its cells in the order of `RATE_COLUMNS`. Raises BadCellError."""
    prefix, call_class, band, price, connection, initial, step, minimum, maximum, free, valid_from, valid_to = cells
    if not prefix and not call_class:
        raise BadCellError("prefix: give a prefix, or only a call_class for a class rate")
    if not price and not connection:
        raise BadCellError("price_per_minute: give a price; 0 where it is free")
    row = RateRow(
        _prefix(prefix) if prefix else "",
        _text("call_class", call_class, needed=False),
        _band(band),
        read_price("price_per_minute", price) or 0,
        read_price("connection_charge", connection) or 0,
        _whole("initial_seconds", initial, least=1),
        _whole("step_seconds", step, least=1),
        read_price("minimum_charge", minimum) or 0,
        read_price("maximum_charge", maximum),
        _whole("free_seconds", free, least=0),
        _day("valid_from", valid_from),
        _day("valid_to", valid_to),
    )
    if row.maximum_micro is not None and row.maximum_micro < row.minimum_micro:
        raise BadCellError("maximum_charge: it is less than the minimum charge")
    if row.valid_from and row.valid_to and row.valid_to < row.valid_from:
        raise BadCellError("valid_to: it lies before valid_from")
    return row


def read_destination(cells: list[str]) -> DestinationRow:
    """A destination from its cells. Raises BadCellError."""
    prefix, destination, call_class = cells
    return DestinationRow(_prefix(prefix), _text("destination", destination), _text("call_class", call_class))


def read_inbound(cells: list[str]) -> InboundRow:
    """An inbound class from its cells. Raises BadCellError."""
    prefix, call_class = cells
    return InboundRow(_prefix(prefix), _text("call_class", call_class))


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise BadCellError(f"prefix: '{text}' is not the first digits of an E.164 number without +, like 4420")
    return text


def _text(column: str, text: str, *, needed: bool = True) -> str:
    if (needed and not text) or len(text) > _LONGEST_TEXT:
        raise BadCellError(f"{column}: give 1 to {_LONGEST_TEXT} characters")
    return text


def _band(text: str) -> str:
    if text and text not in BANDS:
        raise BadCellError(f"band: '{text}' is none of {', '.join(BANDS)}; empty serves all")
    return text


def read_price(column: str, text: str) -> int | None:
    """Pounds as micro-pounds, None where the cell is empty. Raises BadCellError."""
    if not text:
        return None
    try:
        return micro(text)
    except ValueError as error:
        raise BadCellError(f"{column}: {error}") from None


def _whole(column: str, text: str, *, least: int) -> int:
    if not text:
        return least
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise BadCellError(f"{column}: '{text}' is not a whole number from {least}")
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
    raise BadCellError(f"{column}: '{text}' is not a date like 2025-01-31")
