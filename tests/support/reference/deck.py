"""Tariffs, the destination tables and the choice of a tariff (SPEC R4, R5, Z16)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.reference.pricing import ZERO, Rate

MEGABYTE_BYTES = 1_000_000
DEFAULT_PLACES = 4
CLASSES = frozenset(
    [
        "Inbound",
        "Local",
        "National",
        "Mobile",
        "International",
        "Non-Geographic",
        "Freephone",
        "Premium",
        "Directory",
        "SMS",
        "Data",
    ]
)


@dataclass
class Tariff:
    """A tariff with its rates by prefix and by call class."""

    code: str
    places: int = DEFAULT_PLACES
    fallback_markup: Decimal | None = None
    megabyte_bytes: int = MEGABYTE_BYTES
    by_prefix: dict[str, list[Rate]] = field(default_factory=dict)
    by_class: dict[str, list[Rate]] = field(default_factory=dict)

    def add(self, rates: Iterable[Rate]) -> None:
        """Takes rates in, each under its prefix, else under its class."""
        for rate in rates:
            table, key = (self.by_prefix, rate.prefix) if rate.prefix else (self.by_class, rate.call_class or "")
            table.setdefault(key, []).append(rate)

    def rate_for(self, digits: str, call_class: str, band: str, day: date) -> Rate | None:
        """SPEC R5 (1), Z16: the longest prefix with a rate that holds on the day in the band, else the class rate."""
        for length in range(len(digits), 0, -1):
            rates = self.by_prefix.get(digits[:length])
            best = _best(rates, day, band) if rates else None
            if best is not None:
                return best
        return _best(self.by_class.get(call_class, ()), day, band)


def _best(rates: Iterable[Rate], day: date, band: str) -> Rate | None:
    holding = [rate for rate in rates if rate.holds(day, band)]
    return max(holding, key=lambda rate: (rate.band is not None, rate.valid_from or date.min), default=None)


@dataclass(frozen=True)
class Choice:
    """SPEC C10: what a number or a customer says of its rating."""

    tariff: str | None = None
    class_tariffs: Mapping[str, str] = field(default_factory=dict)
    class_markups: Mapping[str, Decimal] = field(default_factory=dict)
    fallback_markup: Decimal | None = None

    def tariff_for(self, call_class: str) -> str | None:
        """SPEC Z16: its tariff for the class, else its tariff."""
        return self.class_tariffs.get(call_class) or self.tariff


NO_CHOICE = Choice()


@dataclass
class Deck:
    """Everything that classifies and prices calls."""

    tariffs: dict[str, Tariff] = field(default_factory=dict)
    destinations: dict[str, str] = field(default_factory=dict)
    inbound: dict[str, str] = field(default_factory=dict)
    defaults: dict[tuple[str | None, str | None], str] = field(default_factory=dict)
    system_default: str | None = None
    classes: set[str] = field(default_factory=lambda: set(CLASSES))

    def default_tariff(self, source: str, number_type: str) -> str | None:
        """SPEC R5 (1): per source and number type, else per number type, else the system's."""
        for key in ((source, number_type), (None, number_type), (source, None)):
            if key in self.defaults:
                return self.defaults[key]
        return self.system_default

    def choose(self, own: Choice, customers: Choice, call_class: str, source: str, kind: str) -> Tariff | None:
        """SPEC Z16: exactly one tariff: the number's, else the customer's, else the default."""
        code = own.tariff_for(call_class) or customers.tariff_for(call_class) or self.default_tariff(source, kind)
        return self.tariffs.get(code) if code else None


def markup_of(own: Choice, customers: Choice, call_class: str) -> Decimal | None:
    """SPEC R5 (2): the class mark-up of the number, else of the customer."""
    for choice in (own, customers):
        if call_class in choice.class_markups:
            return choice.class_markups[call_class]
    return None


def fallback_of(tariff: Tariff | None, own: Choice, customers: Choice) -> Decimal | None:
    """SPEC R5 (3), Z16: the fallback mark-up of the chosen tariff, else of the number, else of the customer."""
    named = (tariff.fallback_markup if tariff else None, own.fallback_markup, customers.fallback_markup)
    return next((percent for percent in named if percent is not None), None)


def read_deck(folder: Path, plan: Mapping[str, Any]) -> Deck:
    """The tariffs and tables of a carrier folder."""
    deck = Deck()
    for row in _rows(folder / "destinations.csv"):
        deck.destinations[row["prefix"]] = row["call_class"]
    for row in _rows(folder / "inbound-classes.csv"):
        deck.inbound[row["prefix"]] = row["call_class"]
    for entry in plan["tariffs"]:
        tariff = read_tariff(entry, _rows(folder / "tariffs" / f"{entry['code']}.csv"))
        deck.tariffs[tariff.code] = tariff
        if entry.get("is_default"):
            deck.system_default = tariff.code
        deck.classes.update(tariff.by_class)
    for entry in plan.get("default_tariffs", ()):
        deck.defaults[entry.get("source"), entry.get("number_type")] = entry["tariff"]
    deck.classes.update(deck.destinations.values(), deck.inbound.values())
    return deck


def read_tariff(entry: Mapping[str, Any], rows: Iterable[Mapping[str, str]]) -> Tariff:
    """A tariff from its header and the rows of its CSV."""
    places, fallback = entry.get("rounding_places"), entry.get("fallback_markup")
    tariff = Tariff(
        entry["code"],
        DEFAULT_PLACES if places is None else int(places),
        None if fallback is None else Decimal(fallback),
        int(entry.get("megabyte_bytes") or MEGABYTE_BYTES),
    )
    tariff.add(read_rate(row) for row in rows)
    return tariff


def read_rate(row: Mapping[str, str]) -> Rate:
    """One row of a tariff's CSV; an empty number is 0, or 1 second for the increments, or none for the maximum."""
    maximum = row.get("maximum_charge")
    return Rate(
        price=_pounds(row.get("price_per_minute")),
        connection=_pounds(row.get("connection_charge")),
        initial=int(row.get("initial_seconds") or 1),
        step=int(row.get("step_seconds") or 1),
        minimum=_pounds(row.get("minimum_charge")),
        maximum=Fraction(maximum) if maximum else None,
        free_below=int(row.get("free_seconds") or 0),
        band=row.get("band") or None,
        valid_from=_day(row.get("valid_from")),
        valid_to=_day(row.get("valid_to")),
        call_class=row.get("call_class") or None,
        prefix=row.get("prefix") or "",
    )


def _pounds(text: str | None) -> Fraction:
    return Fraction(text) if text else ZERO


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
