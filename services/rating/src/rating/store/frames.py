"""Rows of `usage` as the bytes of a binary COPY: whole columns at once, for writing them value by value costs more
than rating does.

A row is put together of pieces: all its numbers, which are laid out by numpy; the texts of its own; and the texts that
many rows have, encoded once. Postgres writes numbers with the highest byte first, each value behind its length, NULL
as the length -1, instants as microseconds and dates as days since 2000.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rating.domain.calls import MISSING, Calls, Int
from rating.domain.cdr import micros_of
from rating.domain.codes import distinct
from rating.domain.judgements import Judgements
from rating.domain.names import Names
from rating.pieces import Column, fixed, in_turn, joined, laid_out, shared, sizes, texts
from rating.rated_calls import RatedCalls

_Numbers = TypeVar("_Numbers", bound=NDArray[Any])
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
_NUMBERS = {
    "usage_id": ">i8",
    "revision": ">i4",
    "customer_id": ">i8",
    "number_id": ">i8",
    "step": ">i2",
    "billed_seconds": ">i8",
    "charge_micro": ">i8",
    "started": ">i8",
    "local_date": ">i4",
    "seconds": ">i8",
    "units": ">i8",
    "volume_bytes": ">i8",
    "received_on": ">i4",
    "generation": ">i8",
}
_MAYBE = ("cost_micro", "retail_micro", "cdr_cost_micro", "carrier_cost_micro", "rate_id", "markup")
"""Numbers that may be NULL: MISSING in a column."""
_OWN = ("record_id", "charged_number", "other_party")
_OF_KIND = ("source", "direction", "service_type", "known_class", "currency")
_OF_JUDGEMENT = ("call_class", "band", "destination", "tariff", "prefix")
_TEXTS = (*_OWN, *_OF_KIND, *_OF_JUDGEMENT)
COLUMNS = (*_NUMBERS, *_MAYBE, *_TEXTS)
"""The columns of a frame, in their order."""
COPY = f"COPY {{table}} ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
"""The statement that takes a frame; `table` is `usage` or one of its leaves."""

_DAYS_TO_2000 = (date(2000, 1, 1) - date(1970, 1, 1)).days
_TO_2000 = {"started": _DAYS_TO_2000 * 86_400 * 1_000_000, "local_date": _DAYS_TO_2000, "received_on": _DAYS_TO_2000}
_NULL = b"\xff\xff\xff\xff"


def usage_frame(rated: RatedCalls, *, received_on: date | Int, revision: int | Int = 1) -> bytes:
    """Rated calls as rows of `usage`, of the judgements' generation.

    Args:
        received_on: the local day of their arrival, or one a call of the batch as days since 1970.
        revision: of all, or one a call of the batch.
    """
    calls, judged, rows, names = rated.calls, rated.judgements, rated.rows, rated.names
    numbers = {**_call_numbers(calls), **_judged_numbers(judged, names), "usage_id": rated.usage_ids}
    numbers["revision"] = np.broadcast_to(revision, len(calls))
    arrival = _days(received_on) if isinstance(received_on, date) else received_on
    numbers["received_on"] = np.broadcast_to(arrival, len(calls))
    return _framed(
        _number_pieces({name: column[rows] for name, column in numbers.items()}),
        *_own_pieces(rated.record_ids),
        *_own_pieces(rated.charged),
        *_own_pieces(rated.others),
        shared(calls.kind[rows], lambda code: _kind_blob(*calls.kinds[code])),
        *_judged_pieces(judged, rows, names),
        *_own_pieces(texts(_prefixes(judged.rate[rows], names))),
    )


def frame_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A few rows of `usage`, each with a value for every one of `COLUMNS`; None is NULL."""
    numbers = {name: _column([row[name] for row in rows]) for name in (*_NUMBERS, *_MAYBE)}
    blobs = [b"".join(_blob(row[name]) for name in _TEXTS) for row in rows]
    return _framed(_number_pieces(numbers), texts(blobs))


def _framed(*pieces: Column | bytes) -> bytes:
    return b"".join((HEADER, laid_out(joined(*pieces)), TRAILER))


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _column(values: Sequence[Any]) -> Int:
    return np.array([_whole(value) for value in values], dtype=np.int64)


def _whole(value: datetime | date | int | None) -> int:
    if isinstance(value, datetime):
        return micros_of(value)
    if isinstance(value, date):
        return _days(value)
    return MISSING if value is None else value


def _call_numbers(calls: Calls) -> dict[str, Int]:
    return {
        "started": calls.started,
        "seconds": calls.seconds,
        "units": calls.units,
        "volume_bytes": calls.volume,
        "retail_micro": calls.retail,
        "cdr_cost_micro": calls.cdr_cost,
        "carrier_cost_micro": calls.carrier_cost,
    }


def _judged_numbers(judged: Judgements, names: Names) -> dict[str, Int]:
    return {
        "customer_id": judged.customer_id,
        "number_id": judged.number_id,
        "step": judged.step,
        "billed_seconds": judged.billed_seconds,
        "charge_micro": judged.charge,
        "cost_micro": judged.cost,
        "local_date": judged.day,
        "generation": np.broadcast_to(np.int64(judged.generation), len(judged.day)),
        "rate_id": _of_rates(names.rate_ids, judged.rate, np.full(len(judged.rate), MISSING)),
        "markup": judged.markup,
    }


def _of_rates(values: _Numbers, rates: Int, absent: _Numbers) -> _Numbers:
    """What each call's rate has; `absent`, one a call, where no rate answered."""
    answered = np.flatnonzero(rates >= 0)
    absent[answered] = values[rates[answered]]
    return absent


def _number_pieces(numbers: Mapping[str, Int]) -> Column:
    """The beginning of each row: how many values it has, and its numbers, laid out alike where the same are NULL."""
    since_2000 = {name: numbers[name] - offset for name, offset in _TO_2000.items()}
    numbers = {**numbers, **since_2000}
    bits = [(numbers[name] == MISSING).astype(np.int64) << bit for bit, name in enumerate(_MAYBE)]
    pattern = np.bitwise_or.reduce(bits)
    found, places = distinct(pattern)
    if len(found) <= 1:
        return _laid_out(numbers, int(pattern[0]) if len(pattern) else 0)
    alike = [np.flatnonzero(places == place) for place in range(len(found))]
    parts = [
        _laid_out({name: column[rows] for name, column in numbers.items()}, each)
        for each, rows in zip(found.tolist(), alike, strict=True)
    ]
    order = np.empty(len(pattern), dtype=np.int64)
    order[np.concatenate(alike)] = np.arange(len(pattern))
    return in_turn(parts, order)


def _laid_out(numbers: Mapping[str, Int], pattern: int) -> Column:
    layout, template = _layout(pattern)
    rows = np.empty((len(numbers["usage_id"]), layout.itemsize), dtype=np.uint8)
    rows[:] = template
    laid = rows.view(layout)[:, 0]
    for name in layout.names or ():
        if name in numbers:
            laid[name] = numbers[name]
    return fixed(rows)


@lru_cache(maxsize=64)
def _layout(pattern: int) -> tuple[np.dtype[np.void], NDArray[np.uint8]]:
    """The layout of rows of which the numbers of a pattern are NULL, and the bytes of one with all the lengths."""
    there = {name: ">i8" for bit, name in enumerate(_MAYBE) if not pattern >> bit & 1}
    fields = [("count", ">i2")]
    for name in (*_NUMBERS, *_MAYBE):
        fields.append((f"{name} length", ">i4"))
        if name in _NUMBERS or name in there:
            fields.append((name, {**_NUMBERS, **there}[name]))
    layout = np.dtype(fields)
    template = np.zeros((), dtype=layout)
    template["count"] = len(COLUMNS)
    for name in (*_NUMBERS, *_MAYBE):
        template[f"{name} length"] = layout[name].itemsize if name in (layout.names or ()) else -1
    return layout, np.frombuffer(template.tobytes(), dtype=np.uint8)


def _prefixes(rates: Int, names: Names) -> list[str]:
    """The prefix of each call's rate; empty for a class rate, and where no rate answered."""
    prefixes: NDArray[np.object_] = np.asarray(names.prefixes, dtype=object)
    return list(_of_rates(prefixes, rates, np.full(len(rates), "", dtype=object)).tolist())


def _own_pieces(column: Column) -> tuple[Column, Column]:
    """Lengths and bytes of texts that each row has for itself."""
    return fixed(sizes(column).astype(">i4")), column


@lru_cache(maxsize=100_000)
def _blob(text: str | None) -> bytes:
    """A text behind its length."""
    if text is None:
        return _NULL
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


@lru_cache(maxsize=10_000)
def _kind_blob(source: str, direction: str, service_type: str, known_class: str, currency: str) -> bytes:
    return b"".join(map(_blob, (source, direction, service_type, known_class or None, currency)))


def _judged_pieces(judged: Judgements, rows: Int, names: Names) -> tuple[Column | bytes, ...]:
    """Class and band, which few rows differ in; destination, and tariff."""

    def class_and_band(together: int) -> bytes:
        call_class, band = divmod(together, len(names.bands))
        return _blob(names.classes[call_class]) + _blob(names.bands[band])

    return (
        shared(judged.call_class[rows] * len(names.bands) + judged.band[rows], class_and_band),
        shared(judged.destination[rows], lambda code: _blob(names.destinations[code])),
        shared(judged.tariff[rows], lambda slot: _blob(names.tariffs[slot] if slot >= 0 else None)),
    )
