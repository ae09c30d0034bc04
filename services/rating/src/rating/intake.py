"""Batches of the CDR topics: records in, columns and the reasons why some are none out (SPEC R1, Z17, Z18, Z21).

What is plainly good is read as columns. A record about which anything is unusual is asked about one by one in
`rating.records`, which knows the rules and the reasons; the others are not slowed by it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Annotated, Literal

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
from rating.records import LARGEST, UNKNOWN_SOURCE, Origin, Row, Unread, micros_of_cost, read_record, seconds_of

__all__ = ["UNKNOWN_SOURCE", "Read", "Unread", "read", "read_batch"]

Mask = NDArray[np.bool_]
UNREADABLE = MISSING + 1
"""A number of a record that only its careful reading can tell."""
_LARGEST_COLUMN = 2**63 - 1
_CURRENCY_LENGTH = 3
_LONGEST_CACHED = 32
_CANNOT_DECODE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)


class Loose(msgspec.Struct, gc=False):
    """`contracts.cdrs.CdrReceived` as a batch is decoded: what costs time to check is checked as columns.

    A record that has an `intake_error` is not decoded.
    """

    source: Annotated[str, Meta(max_length=64)]
    record_id: Annotated[str, Meta(max_length=255)] = ""
    charged_number: Annotated[str, Meta(max_length=64)] = ""
    other_party: Annotated[str, Meta(max_length=64)] = ""
    direction: Literal["outbound", "inbound"] = "outbound"
    service_type: Literal["voice", "sms", "data"] = "voice"
    start: str = ""
    duration_seconds: int | str | None = None
    units: Annotated[int, Meta(ge=0)] | None = None
    volume_bytes: Annotated[int, Meta(ge=0)] | None = None
    call_class: Annotated[str, Meta(max_length=64)] | None = None
    suggested_retail_price: str | None = None
    cdr_cost: str | None = None
    carrier_cost: str | None = None
    currency: str = "GBP"
    origin: Origin | None = None
    intake_error: None = None
    raw: str | None = None


_OF_KIND = attrgetter("source", "direction", "service_type", "call_class", "currency")
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
    draft = _draft(_decoded(values))
    unread: list[tuple[int, Unread]] = []
    for place in np.flatnonzero(draft.doubtful).tolist():
        told = read_record(values[place])
        if isinstance(told, Unread):
            unread.append((place, told))
        else:
            draft.write(place, told)
    calls, rows = draft.calls([place for place, _ in unread])
    return Read(calls, rows, content_of(calls), unread)


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

    def codes(self, messages: Sequence[Loose]) -> Int:
        """The kind of each message, -1 where it says what the kind of a CDR may not."""
        return _integers(map(self.__getitem__, map(_OF_KIND, messages)), len(messages))

    def __missing__(self, told: tuple[str, str, str, str | None, str]) -> int:
        source, direction, service, call_class, currency = told
        kind = Kind(source.strip(), direction, service, call_class or "", currency)
        is_currency = len(currency) == _CURRENCY_LENGTH and currency.isascii() and currency.isalpha()
        good = kind.source and is_currency and currency.isupper() and not any("\x00" in text for text in kind)
        code = self[told] = self.add(kind) if good else -1
        return code


@dataclass(slots=True)
class _Draft:
    """A batch's columns while it is read, and which of its records are still in doubt."""

    record_ids: list[str]
    charged: list[str]
    others: list[str]
    kinds: _Kinds
    kind: Int
    numbers: dict[str, Int]
    doubtful: Mask

    def write(self, place: int, row: Row) -> None:
        """A record that turned out to be a CDR."""
        self.record_ids[place], self.charged[place], self.others[place] = row.record_id, row.charged, row.other
        self.kind[place] = self.kinds.add(row.kind)
        for name, column in self.numbers.items():
            column[place] = getattr(row, name)

    def calls(self, without: Sequence[int]) -> tuple[Calls, Int]:
        """The calls, and the places of their records; those `without` are none."""
        kept = np.ones(len(self.record_ids), dtype=bool)
        kept[np.array(without, dtype=np.int64)] = False
        texts = (self.record_ids, self.charged, self.others)
        record_ids, charged, others = (list(compress(each, kept)) for each in texts) if without else texts
        rows = np.flatnonzero(kept)
        numbers = {name: column[rows] for name, column in self.numbers.items()} if without else self.numbers
        kind = self.kind[rows] if without else self.kind
        calls = Calls(
            record_ids,
            charged,
            others,
            self.kinds.kinds,
            kind,
            **numbers,
            charged_digits=digits_of(charged),
            other_digits=digits_of(others),
        )
        return calls, rows


def _draft(messages: list[Loose]) -> _Draft:
    record_ids = [m.record_id.strip() for m in messages]
    charged_as_told = [m.charged_number for m in messages]
    others_as_told = [m.other_party for m in messages]
    charged, others = normalised(charged_as_told), normalised(others_as_told)
    kinds = _Kinds()
    kind = kinds.codes(messages)
    numbers = {
        "started": _starts([m.start for m in messages]),
        **_used(messages, kinds.kinds, kind),
        **_costs(messages),
    }
    doubtful = kind < 0
    for column in numbers.values():
        doubtful |= column == UNREADABLE
    for texts in (record_ids, charged):
        doubtful |= np.array([not text for text in texts], dtype=bool)
    for texts in (record_ids, charged_as_told, others_as_told):
        if "\x00" in "".join(texts):
            doubtful |= np.array(["\x00" in text for text in texts], dtype=bool)
    return _Draft(record_ids, charged, others, kinds, kind, numbers, doubtful)


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


def _used(messages: Sequence[Loose], kinds: Sequence[Kind], kind: Int) -> dict[str, Int]:
    """SPEC R1, Z18: what a record's service type is charged by; nothing of what it is not."""
    services = np.array([each.service_type for each in kinds] + [""])[kind]  # a kind of -1 has none
    return {
        "seconds": _counted(_seconds([m.duration_seconds for m in messages]), services == "voice"),
        "units": _counted(_counts([m.units for m in messages], absent=1), services == "sms"),
        "volume": _counted(_counts([m.volume_bytes for m in messages], absent=UNREADABLE), services == "data"),
    }


def _counted(column: Int, counts: Mask) -> Int:
    unreadable = (column < 0) | (column > LARGEST)
    return np.where(counts, np.where(unreadable, UNREADABLE, column), 0)


def _seconds(told: Sequence[int | str | None]) -> Int:
    try:
        return np.array(array("q", told))  # type: ignore[type-var]
    except (TypeError, OverflowError):
        return _integers(map(_whole_seconds, told), len(told))


def _whole_seconds(told: int | str | None) -> int:
    if isinstance(told, int):
        return min(told, _LARGEST_COLUMN) if told >= 0 else UNREADABLE
    try:
        return UNREADABLE if told is None else seconds_of(told)
    except ValueError:
        return UNREADABLE


def _counts(told: Sequence[int | None], absent: int) -> Int:
    if told.count(None) == len(told):
        return np.full(len(told), absent, dtype=np.int64)
    return _integers((absent if each is None else min(each, _LARGEST_COLUMN) for each in told), len(told))


def _costs(messages: Sequence[Loose]) -> dict[str, Int]:
    return {
        "retail": _micros([m.suggested_retail_price for m in messages]),
        "cdr_cost": _micros([m.cdr_cost for m in messages]),
        "carrier_cost": _micros([m.carrier_cost for m in messages]),
    }


def _micros(texts: Sequence[str | None]) -> Int:
    if texts.count(None) == len(texts):
        return np.full(len(texts), MISSING, dtype=np.int64)
    longest = max(map(len, filter(None, texts)), default=0)
    return _integers(map(_cost if longest > _LONGEST_CACHED else _short_cost, texts), len(texts))


@lru_cache(maxsize=100_000)
def _short_cost(text: str | None) -> int:
    try:
        return MISSING if text is None else micros_of_cost(text)
    except ValueError:
        return UNREADABLE


def _cost(text: str | None) -> int:
    """Costs repeat; a cache of long texts would only be filled by nonsense."""
    return _short_cost(text) if text is None or len(text) <= _LONGEST_CACHED else UNREADABLE


def _integers(values: Iterable[int], count: int) -> Int:
    return np.fromiter(values, dtype=np.int64, count=count)
