"""Rates that are sold below what they cost: by a column of the file, or by another tariff (SPEC R10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from rating.domain.calendars import BANDS as BAND_NAMES
from rating.domain.calls import MISSING, Int, digits_of
from rating.domain.charging import SECONDS_PER_MINUTE, Rating, charge_by_rate
from rating.domain.codes import Codes
from rating.domain.deck_gaps import key_of, named
from rating.domain.deck_rows import BANDS, Parsed, RateRow, pounds
from rating.domain.decks import Rates, Tariffs, day_of
from rating.domain.tariffs import MEGABYTE_BYTES

_UNITS = {"SMS": 1, "Data": MEGABYTE_BYTES}
_CALLED = {"SMS": "message", "Data": "megabyte"}


@dataclass(frozen=True, slots=True)
class CostTariff:
    """What calls cost us: a tariff that has been loaded, bound with `classes`."""

    code: str
    tariffs: Tariffs
    classes: Codes


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rate (its place in the file) and a band in which it answers; columns."""

    place: Int
    band: Int


def warn_of_margins(parsed: Parsed[RateRow], cost: CostTariff | None, first_day: date) -> None:
    """Warn of each rate at which a call of 60 seconds (one message, a megabyte) is sold for less than it costs.

    Args:
        parsed: the new deck; gains the warnings. Its own `costs` are compared always.
        cost: the tariff to be compared with, under its longest prefix for each of ours; None where none was named.
        first_day: from which on the deck is in force; a rate that begins later is compared on its own first day.
    """
    if not parsed.rows or not (cost or parsed.costs):
        return
    sold = _sold(parsed.rows)
    for place, told in parsed.costs.items():
        if sold[place] < told:
            _warn(parsed, place, f"is sold for {pounds(sold[place])} and costs {pounds(told)} by the file's own column")
    if cost is not None:
        _compare(parsed, sold, cost, first_day)


def _sold(rows: list[RateRow]) -> list[int]:
    """Micro-pounds of a call of 60 seconds (one message, a megabyte) at each rate; what is too large is the most."""
    columns = Rates(
        rate_id=np.zeros(len(rows), dtype=np.int64),
        price=_column([row.price_micro for row in rows]),
        connection=_column([row.connection_micro for row in rows]),
        initial=_column([row.initial for row in rows]),
        step=_column([row.step for row in rows]),
        minimum=_column([row.minimum_micro for row in rows]),
        maximum=_column([MISSING if row.maximum_micro is None else row.maximum_micro for row in rows]),
        free=_column([row.free for row in rows]),
        band=np.zeros(len(rows), dtype=np.int64),
        valid_from=np.zeros(len(rows), dtype=np.int64),
        valid_to=np.zeros(len(rows), dtype=np.int64),
        prefix=np.array([row.prefix for row in rows], dtype=object),
    )
    units = _column([_units(row) for row in rows])
    charges: list[int] = _charges(columns, np.arange(len(rows)), units).tolist()
    return charges


def _charges(rates: Rates, row: Int, units: Int) -> Int:
    """What so many seconds, messages or bytes cost at rows of `rates`; the price is for as many."""
    charge, _, fits = charge_by_rate(
        Rating(
            used=units,
            price=rates.price[row],
            connection=rates.connection[row],
            initial=rates.initial[row],
            step=rates.step[row],
            minimum=rates.minimum[row],
            maximum=rates.maximum[row],
            free=rates.free[row],
            divisor=units,
            place=np.ones(len(row), dtype=np.int64),
        )
    )
    return np.where(fits, charge, np.iinfo(np.int64).max)


def _units(row: RateRow) -> int:
    return SECONDS_PER_MINUTE if row.prefix else _UNITS.get(row.call_class, SECONDS_PER_MINUTE)


def _compare(parsed: Parsed[RateRow], sold: list[int], cost: CostTariff, first_day: date) -> None:
    asked, rows = _asked(parsed.rows, first_day), parsed.rows
    slot = np.full(len(asked.place), cost.tariffs.slot_of(cost.code), dtype=np.int64)
    day = _column([day_of(max(first_day, row.valid_from or first_day)) for row in rows])
    kind = _column([0 if row.prefix else max(cost.classes.find(row.call_class), 0) for row in rows])
    digits = digits_of([row.prefix for row in rows])
    places = asked.place
    found = cost.tariffs.rate_for(slot, day[places], asked.band, digits[places], kind[places])
    answered = np.flatnonzero(found >= 0)
    units = _column([_units(row) for row in rows])
    costs = _charges(cost.tariffs.rates, found[answered], units[places[answered]])
    below: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    for each in np.flatnonzero(costs > _column(sold)[places[answered]]).tolist():
        at = answered[each]
        told = (int(costs[each]), BAND_NAMES[asked.band[at]], cost.tariffs.rates.prefix[found[at]])
        below[int(places[at])].append(told)
    for place, losses in below.items():
        _warn(parsed, place, _told(sold[place], losses, cost.code))


def _asked(rows: list[RateRow], first_day: date) -> _Asked:
    """Each rate that is not over yet, in every band in which it is the one that answers."""
    special = {(*key_of(row), row.band) for row in rows if row.band}
    asked = [
        (place, BAND_NAMES.index(band))
        for place, row in enumerate(rows)
        if row.valid_to is None or row.valid_to >= first_day
        for band in _bands(row, special)
    ]
    columns = np.array(asked, dtype=np.int64).reshape(len(asked), 2)
    return _Asked(columns[:, 0], columns[:, 1])


def _bands(row: RateRow, special: set[tuple[str, str, str]]) -> Sequence[str]:
    """The bands of a rate; one for all bands does not answer where there is one for the band."""
    if row.band:
        return (row.band,)
    return [band for band in BANDS if (*key_of(row), band) not in special] if special else BANDS


def _told(sold: int, losses: list[tuple[int, str, str]], code: str) -> str:
    cost, band, prefix = max(losses)
    others = [each for _, each, _ in losses if each != band]
    under = f"prefix {prefix}" if prefix else "its class"
    also = f"; below cost in {', '.join(others)} too" if others else ""
    return f"is sold for {pounds(sold)} and costs {pounds(cost)} in the band {band} ({code}, {under}){also}"


def _warn(parsed: Parsed[RateRow], place: int, told: str) -> None:
    row = parsed.rows[place]
    unit = "a call of 60 seconds" if row.prefix else f"a {_CALLED.get(row.call_class, 'call of 60 seconds')}"
    parsed.warn(place, f"{named(key_of(row))}: {unit} {told}", "negative_margin")


def _column(values: list[int]) -> Int:
    return np.array(values, dtype=np.int64)
