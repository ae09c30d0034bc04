"""What judging knows, in plain words that a test can write and change, and one call or charge at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from rating.domain.calendars import BANDS, LOCAL_TIME, Bands, to_day
from rating.domain.calls import MISSING
from rating.domain.cdr import Cdr, micros_of
from rating.domain.charging import Rating, place_of
from rating.domain.charging import charge_by_markup as markups_of
from rating.domain.charging import charge_by_rate as charges_of
from rating.domain.choices import millionths
from rating.domain.decks import ALWAYS, Deck, Rates, Version
from rating.domain.decks import Tariff as TariffColumns
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.picture import Picture
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES, Rate
from rating.domain.verdicts import Held, Rated, judge_one


@dataclass(frozen=True)
class Tariff:
    """A tariff of one version that was always in force: rates by prefix, and by call class."""

    code: str
    by_prefix: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    by_class: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    rounding_places: int = DEFAULT_ROUNDING_PLACES
    megabyte_bytes: int = MEGABYTE_BYTES
    fallback_markup: Decimal | None = None
    parent: str | None = None
    calendar: int = 0

    def columns(self) -> TariffColumns:
        """The same as it is looked up."""
        rows = [(prefix, "", rate) for prefix, rates in self.by_prefix.items() for rate in rates]
        rows += [("", name, rate) for name, rates in self.by_class.items() for rate in rates]
        deck = Deck.of(Rates.of([(prefix, rate) for prefix, _, rate in rows]), [name for _, name, _ in rows])
        return TariffColumns(
            self.code,
            self.rounding_places,
            self.megabyte_bytes,
            self.calendar,
            millionths(self.fallback_markup),
            self.parent,
            (Version(1, ALWAYS, deck),),
        )


@dataclass
class Facts:
    """What is known; numbers are digits of E.164, assignments in the order of their start."""

    assignments: dict[str, tuple[Assignment, ...]] = field(default_factory=dict)
    numbers: dict[int, Number] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    ignored_types: frozenset[str] = frozenset()
    destinations: dict[str, tuple[str, str]] = field(default_factory=dict)
    inbound_classes: dict[str, str] = field(default_factory=dict)
    tariffs: dict[str, Tariff] = field(default_factory=dict)
    default_tariffs: dict[tuple[str, str], str] = field(default_factory=dict)
    system_default: str | None = None
    bands: Bands = field(default_factory=Bands)

    def picture(self) -> Picture:
        """The same in columns."""
        made = Picture(bands=self.bands)
        made.holders.put_customers(self.customers.values())
        made.holders.put_numbers(self.numbers.values())
        for number, assignments in self.assignments.items():
            made.holders.put_assignments(number, assignments)
        made.holders.set_statuses(self.statuses)
        made.holders.set_ignored_types(self.ignored_types)
        made.put_destinations(self.destinations)
        made.put_inbound(self.inbound_classes)
        for tariff in self.tariffs.values():
            made.tariffs.put(tariff.columns())
        made.tariffs.bind(made.classes)
        made.defaults.by_key, made.defaults.system = dict(self.default_tariffs), self.system_default
        of_tables = {name for _, name in self.destinations.values()} | {*self.inbound_classes.values()}
        made.know_classes(of_tables | {name for tariff in self.tariffs.values() for name in tariff.by_class})
        made.bind()
        return made

    def judge(self, cdr: Cdr) -> Rated | Held:
        """What becomes of a call."""
        return judge_one(cdr, self.picture())


def day_and_band(started: datetime) -> tuple[date, str]:
    """The local day and the band of an instant, by the calendar of England and Wales."""
    day, minute = LOCAL_TIME.of(np.array([micros_of(started)], dtype=np.int64))
    band = Bands().of(np.zeros(1, dtype=np.int64), day, minute)
    return to_day(int(day[0])), BANDS[band[0]]


def charge_by_rate(rate: Rate, used: int, divisor: int, places: int) -> tuple[int, int]:
    """Charge and what is billed of one call; one that does not fit raises OverflowError."""
    told = (used, rate.price, rate.connection, rate.initial, rate.step, rate.minimum)
    maximum = MISSING if rate.maximum is None else rate.maximum
    columns = [np.array([each], dtype=np.int64) for each in (*told, maximum, rate.free, divisor)]
    charge, billed, fits = charges_of(Rating(*columns, place=place_of(np.array([places]))))
    if not fits[0]:
        raise OverflowError
    return int(charge[0]), int(billed[0])


def charge_by_markup(cost_micro: int, percent: Decimal, places: int) -> int:
    """The charge of one call by a percentage on its cost."""
    cost, markup = (np.array([each], dtype=np.int64) for each in (cost_micro, millionths(percent)))
    charge, fits = markups_of(cost, markup, place_of(np.array([places])))
    if not fits[0]:
        raise OverflowError
    return int(charge[0])
