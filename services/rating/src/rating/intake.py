"""Batches of the CDR topics: records in, columns and the reasons why some are none out (SPEC R1, Z17, Z18, Z21).

What is plainly good is read as columns. A record about which anything is unusual is asked about one by one in
`rating.records`, which knows the rules and the reasons; the others are not slowed by it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from rating.domain.calendars import EARLIEST_YEAR, LATEST_YEAR
from rating.domain.calls import MISSING, Calls, Int, Kind, digits_of
from rating.domain.cdr import micros_of
from rating.domain.contents import Contents, content_of
from rating.domain.numbers import normalised
from rating.domain.starts import plain_micros
from rating.domain.texts import Texts
from rating.records import LARGEST, UNKNOWN_SOURCE, Origin, Row, Unread, micros_of_cost, read_record, seconds_of

__all__ = ["UNKNOWN_SOURCE", "Read", "Unread", "read", "read_batch"]

Mask = NDArray[np.bool_]
UNREADABLE = MISSING + 1
"""A number of a record that only its careful reading can tell."""
_LARGEST_COLUMN = 2**63 - 1
_CURRENCY_LENGTH = 3
_LONGEST_COST, _MOST_COSTS = 32, 100_000
_AT_ONCE = 500
_Count = TypeVar("_Count")
_CANNOT_DECODE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)


class Loose(msgspec.Struct, gc=False):
    """`contracts.cdrs.CdrReceived` as a batch is decoded: what costs time to check is checked as columns.

    A record that has an `intake_error` is not decoded. Counts that a record does not name are what that means.
    """

    source: Annotated[str, Meta(max_length=64)]
    record_id: Annotated[str, Meta(max_length=255)] = ""
    charged_number: Annotated[str, Meta(max_length=64)] = ""
    other_party: Annotated[str, Meta(max_length=64)] = ""
    direction: Literal["outbound", "inbound"] = "outbound"
    service_type: Literal["voice", "sms", "data"] = "voice"
    start: str = ""
    duration_seconds: int | str | None = UNREADABLE
    units: Annotated[int, Meta(ge=0)] | None = 1
    volume_bytes: Annotated[int, Meta(ge=0)] | None = UNREADABLE
    call_class: Annotated[str, Meta(max_length=64)] | None = None
    suggested_retail_price: str | None = None
    cdr_cost: str | None = None
    carrier_cost: str | None = None
    currency: str = "GBP"
    origin: Origin | None = None
    intake_error: None = None
    raw: str | None = None


_decode = msgspec.json.Decoder(Loose).decode
_instant = msgspec.json.Decoder(Annotated[datetime, Meta(tz=True)]).decode
_CARELESS = Loose(source="")
"""Stands for a record that could not be decoded: nothing about it is plainly good."""


@dataclass(frozen=True, slots=True)
class Read:
    """A batch as it was read.

    Attributes:
        calls: the records that are CDRs, in their order.
        rows: the place of each call's record in the batch.
        content: of each call, what tells a second copy from a conflicting one (SPEC Z21).
        unread: place and reason of the records that are none.
    """

    calls: Calls
    rows: Int
    content: Contents
    unread: list[tuple[int, Unread]]


def read(value: bytes | None) -> Calls | Unread:
    """Read the value of one record: a batch of one."""
    batch = read_batch([value])
    return batch.unread[0][1] if batch.unread else batch.calls


def read_batch(values: Sequence[bytes | None]) -> Read:
    """Read the values of records as they came from a topic."""
    draft = _draft(_told(values))
    unread: list[tuple[int, Unread]] = []
    for place in np.flatnonzero(draft.doubtful).tolist():
        told = read_record(values[place])
        if isinstance(told, Unread):
            unread.append((place, told))
        else:
            draft.write(place, told)
    calls, rows = draft.calls([place for place, _ in unread])
    return Read(calls, rows, content_of(calls), unread)


class _Kinds(dict[tuple[str, str, str, str | None, str], int]):
    """The kinds of a batch: what a record says of its kind, and the place of that in `kinds`; each is checked once."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[Kind] = []
        self._codes: dict[Kind, int] = {}

    def add(self, kind: Kind) -> int:
        """The kind's place in `kinds`, a new one if need be."""
        code = self._codes.setdefault(kind, len(self.kinds))
        if code == len(self.kinds):
            self.kinds.append(kind)
        return code

    def __missing__(self, told: tuple[str, str, str, str | None, str]) -> int:
        source, direction, service, call_class, currency = told
        kind = Kind(source.strip(), direction, service, call_class or "", currency)
        is_currency = len(currency) == _CURRENCY_LENGTH and currency.isascii() and currency.isalpha()
        good = kind.source and is_currency and currency.isupper() and not any("\x00" in text for text in kind)
        code = self[told] = self.add(kind) if good else -1
        return code


class _Told:
    """What the records of a batch say, a list a field; of their kind the place in `kinds`, -1 where it is none."""

    def __init__(self) -> None:
        self.kinds = _Kinds()
        self.kind: list[int] = []
        self.record_ids: list[str] = []
        self.charged: list[str] = []
        self.others: list[str] = []
        self.starts: list[str] = []
        self.seconds: list[int | str | None] = []
        self.units: list[int | None] = []
        self.volumes: list[int | None] = []
        self.retail: list[str | None] = []
        self.cdr_costs: list[str | None] = []
        self.carrier_costs: list[str | None] = []

    def add(self, messages: Sequence[Loose]) -> None:
        """Some more records."""
        kinds = self.kinds
        self.kind += [kinds[m.source, m.direction, m.service_type, m.call_class, m.currency] for m in messages]
        self.record_ids += [m.record_id.strip() for m in messages]
        self.charged += [m.charged_number for m in messages]
        self.others += [m.other_party for m in messages]
        self.starts += [m.start for m in messages]
        self.seconds += [m.duration_seconds for m in messages]
        self.units += [m.units for m in messages]
        self.volumes += [m.volume_bytes for m in messages]
        self.retail += [m.suggested_retail_price for m in messages]
        self.cdr_costs += [m.cdr_cost for m in messages]
        self.carrier_costs += [m.carrier_cost for m in messages]


def _told(values: Sequence[bytes | None]) -> _Told:
    """A few hundred records at a time, which the processor's cache still has when their fields are taken."""
    told = _Told()
    for begin in range(0, len(values), _AT_ONCE):
        told.add(_decoded(values[begin : begin + _AT_ONCE]))
    return told


def _decoded(values: Sequence[bytes | None]) -> list[Loose]:
    """One message a record; the decoder goes on behind a record that it cannot take."""
    decoding = map(_decode, values)  # type: ignore[arg-type]
    messages: list[Loose] = []
    while len(messages) < len(values):
        try:
            messages.extend(decoding)
        except _CANNOT_DECODE:
            messages.append(_CARELESS)
    return messages


@dataclass(slots=True)
class _Draft:
    """A batch's columns while it is read, and which of its records are still in doubt."""

    record_ids: list[str]
    charged: Texts
    others: Texts
    kinds: _Kinds
    kind: Int
    numbers: dict[str, Int]
    doubtful: Mask

    def write(self, place: int, row: Row) -> None:
        """A record that turned out to be a CDR."""
        self.record_ids[place] = row.record_id
        self.charged, self.others = self.charged.changed(place, row.charged), self.others.changed(place, row.other)
        self.kind[place] = self.kinds.add(row.kind)
        for name, column in self.numbers.items():
            column[place] = getattr(row, name)

    def calls(self, without: Sequence[int]) -> tuple[Calls, Int]:
        """The calls, and the places of their records; those `without` are none."""
        rows = np.arange(len(self.record_ids))
        if without:
            kept = np.ones(len(rows), dtype=bool)
            kept[without] = False
            rows = np.flatnonzero(kept)
            self._keep(kept, rows)
        calls = Calls(
            self.record_ids,
            self.charged,
            self.others,
            self.kinds.kinds,
            self.kind,
            **self.numbers,
            charged_digits=digits_of(self.charged),
            other_digits=digits_of(self.others),
        )
        return calls, rows

    def _keep(self, kept: Mask, rows: Int) -> None:
        self.record_ids = list(compress(self.record_ids, kept.tolist()))
        self.charged, self.others = self.charged.only(kept), self.others.only(kept)
        self.kind = self.kind[rows]
        self.numbers = {name: column[rows] for name, column in self.numbers.items()}


def _draft(told: _Told) -> _Draft:
    charged, others = normalised(told.charged), normalised(told.others)
    kind = np.array(told.kind, dtype=np.int64)
    numbers = {"started": _starts(told.starts), **_used(told, kind), **_costs(told)}
    doubtful = (kind < 0) | (charged.sizes == 0)
    for column in numbers.values():
        doubtful |= column == UNREADABLE
    if "" in told.record_ids:
        doubtful |= np.array([not text for text in told.record_ids], dtype=bool)
    for texts in (told.record_ids, told.charged, told.others):
        if "\x00" in "".join(texts):
            doubtful |= np.array(["\x00" in text for text in texts], dtype=bool)
    return _Draft(told.record_ids, charged, others, told.kinds, kind, numbers, doubtful)


def _starts(texts: Sequence[str]) -> Int:
    started = plain_micros(texts)
    for place in np.flatnonzero(started == MISSING).tolist():
        started[place] = _start(texts[place])
    return started


def _start(text: str) -> int:
    """An instant that is not written in the usual way: with a fraction, or in another zone."""
    try:
        instant: datetime = _instant(msgspec.json.encode(text))
    except _CANNOT_DECODE:
        return UNREADABLE
    return micros_of(instant) if EARLIEST_YEAR <= instant.year <= LATEST_YEAR else UNREADABLE


def _used(told: _Told, kind: Int) -> dict[str, Int]:
    """SPEC R1, Z18: what a record's service type is charged by; nothing of what it is not."""
    services = np.array([each.service_type for each in told.kinds.kinds] + [""])[kind]  # a kind of -1 has none
    return {
        "seconds": _counted(_whole(told.seconds, _whole_seconds), services == "voice"),
        "units": _counted(_whole(told.units, lambda units: _whole_count(units, absent=1)), services == "sms"),
        "volume": _counted(
            _whole(told.volumes, lambda size: _whole_count(size, absent=UNREADABLE)), services == "data"
        ),
    }


def _counted(column: Int, counts: Mask) -> Int:
    unreadable = (column < 0) | (column > LARGEST)
    return np.where(counts, np.where(unreadable, UNREADABLE, column), 0)


def _whole(told: Sequence[_Count], careful: Callable[[_Count], int]) -> Int:
    try:
        return np.array(array("q", told))  # type: ignore[type-var]
    except (TypeError, OverflowError):
        return _integers(map(careful, told), len(told))


def _whole_seconds(told: int | str | None) -> int:
    if isinstance(told, int):
        return min(told, _LARGEST_COLUMN) if told >= 0 else UNREADABLE
    try:
        return UNREADABLE if told is None else seconds_of(told)
    except ValueError:
        return UNREADABLE


def _whole_count(told: int | None, absent: int) -> int:
    return absent if told is None else min(told, _LARGEST_COLUMN)


def _costs(told: _Told) -> dict[str, Int]:
    return {
        "retail": _micros(told.retail),
        "cdr_cost": _micros(told.cdr_costs),
        "carrier_cost": _micros(told.carrier_costs),
    }


def _micros(texts: Sequence[str | None]) -> Int:
    if texts.count(None) == len(texts):
        return np.full(len(texts), MISSING, dtype=np.int64)
    return _integers(map(_COSTS.__getitem__, texts), len(texts))


class _Costs(dict[str | None, int]):
    """Costs in micro-pounds by what is told, for costs repeat; what is too long for one is left to careful reading."""

    def __missing__(self, text: str | None) -> int:
        if text is not None and len(text) > _LONGEST_COST:
            return UNREADABLE
        if len(self) == _MOST_COSTS:
            self.clear()
        self[text] = micro = _cost(text)
        return micro


_COSTS = _Costs()


def _cost(text: str | None) -> int:
    try:
        return MISSING if text is None else micros_of_cost(text)
    except ValueError:
        return UNREADABLE


def _integers(values: Iterable[int], count: int) -> Int:
    return np.fromiter(values, dtype=np.int64, count=count)
