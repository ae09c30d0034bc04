"""The demo's three tariffs, its UK destinations and inbound classes, as rows of the CSV files that rating imports.

The formula of the international prices is in `deck.py`; all other prices stand in the tables here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from examples.demo.carrier import deck

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

BUSINESS = "BUSINESS"
HOME = "HOME"
UK_ONLY = "UK-ONLY"

TARIFFS: list[dict[str, Any]] = [
    {"code": BUSINESS, "name": "Business by the second", "is_default": True, "rounding_places": 4},
    {"code": HOME, "name": "Home 30/6 with capped weekends", "is_default": False, "rounding_places": 3},
    {"code": UK_ONLY, "name": "UK calls only", "is_default": False, "rounding_places": 2},
]
DEFAULT_TARIFFS = [
    {"number_type": "mobile", "tariff": HOME},
    {"source": "skylark", "number_type": "mobile", "tariff": BUSINESS},
]

Rate = dict[str, str]


def rate(prefix: str = "", call_class: str = "", **values: str) -> Rate:
    """A row of a rate file; what is not given stays empty."""
    return {"prefix": prefix, "call_class": call_class, **values}


BUSINESS_UK: tuple[Rate, ...] = (
    rate(call_class="Local", price_per_minute="0.008"),
    rate(call_class="National", band="peak", price_per_minute="0.0125"),
    rate(call_class="National", band="offpeak", price_per_minute="0.0095"),
    rate(call_class="National", band="weekend", price_per_minute="0.0065"),
    rate(call_class="Mobile", band="peak", price_per_minute="0.0385"),
    rate(call_class="Mobile", band="offpeak", price_per_minute="0.0295"),
    rate(call_class="Mobile", band="weekend", price_per_minute="0.0195"),
    rate(call_class="Non-Geographic", price_per_minute="0.071", connection_charge="0.02"),
    rate(call_class="Freephone", price_per_minute="0"),
    rate(call_class="Emergency", price_per_minute="0"),
    rate(call_class="Service", price_per_minute="0", connection_charge="0.15"),
    rate(call_class="Inbound", price_per_minute="0"),
    rate(call_class="Inbound Freephone", price_per_minute="0.0315", initial_seconds="1", step_seconds="1"),
    rate(call_class="SMS", price_per_minute="0.032"),
    rate(call_class="Data", price_per_minute="0.0071", initial_seconds="1000", step_seconds="1000"),
    rate("4490987", price_per_minute="1.2", connection_charge="0.2", initial_seconds="60", step_seconds="60"),
)
"""No rate for Directory: a markup prices it, or it is unpriced. Premium has a prefix rate only."""

HOME_UK: tuple[Rate, ...] = (
    rate(call_class="Local", price_per_minute="0.02", initial_seconds="30", step_seconds="6", free_seconds="10"),
    rate(
        call_class="National",
        band="peak",
        price_per_minute="0.085",
        connection_charge="0.05",
        initial_seconds="30",
        step_seconds="6",
        valid_to="2025-01-15",
    ),
    rate(
        call_class="National",
        band="peak",
        price_per_minute="0.0925",
        connection_charge="0.055",
        initial_seconds="30",
        step_seconds="6",
        valid_from="2025-01-16",
    ),
    rate(call_class="National", band="offpeak", price_per_minute="0.03", minimum_charge="0.06"),
    rate(call_class="National", band="weekend", price_per_minute="0.03", maximum_charge="0.5", initial_seconds="60"),
    rate(
        call_class="Mobile",
        price_per_minute="0.125",
        connection_charge="0.03",
        initial_seconds="30",
        step_seconds="6",
        minimum_charge="0.1",
        maximum_charge="1.75",
    ),
    rate(call_class="Non-Geographic", price_per_minute="0.11", initial_seconds="60", step_seconds="60"),
    rate(call_class="Freephone", price_per_minute="0"),
    rate(call_class="Directory", price_per_minute="0.599", connection_charge="1.75"),
    rate(call_class="Emergency", price_per_minute="0"),
    rate(call_class="Service", price_per_minute="0", connection_charge="0.15"),
    rate(call_class="Inbound", price_per_minute="0"),
    rate(call_class="SMS", price_per_minute="0.045"),
    rate(
        call_class="Data",
        price_per_minute="0.0123",
        initial_seconds="100000",
        step_seconds="100000",
        minimum_charge="0.01",
    ),
)
"""No rate for Premium nor Inbound Freephone."""

UK_ONLY_RATES: tuple[Rate, ...] = (
    rate(call_class="Local", price_per_minute="0.01"),
    rate(call_class="National", price_per_minute="0.015", maximum_charge="2"),
    rate(call_class="Mobile", price_per_minute="0.06", initial_seconds="60", step_seconds="60"),
    rate(call_class="Freephone", price_per_minute="0"),
    rate(call_class="Emergency", price_per_minute="0"),
    rate(call_class="Inbound", price_per_minute="0"),
    rate(call_class="SMS", price_per_minute="0.05"),
)

UK_DESTINATIONS: tuple[tuple[str, str, str], ...] = (
    ("441", "UK Geographic", "National"),
    ("442", "UK Geographic", "National"),
    ("443", "UK Wide", "National"),
    ("441632", "Home Area", "Local"),
    ("447", "UK Mobile", "Mobile"),
    ("4484", "UK Business Rate", "Non-Geographic"),
    ("4487", "UK Business Rate", "Non-Geographic"),
    ("44800", "UK Freephone", "Freephone"),
    ("44808", "UK Freephone", "Freephone"),
    ("449", "UK Premium Rate", "Premium"),
    ("44118500", "Directory Enquiries", "Directory"),
    ("44118118", "Directory Enquiries", "Directory"),
    ("44999", "Emergency Services", "Emergency"),
    ("44112", "Emergency Services", "Emergency"),
    ("44101", "Police Enquiries", "Service"),
    ("44105", "Power Cut Line", "Service"),
    ("44111", "Health Line", "Service"),
)
INBOUND_CLASSES: tuple[tuple[str, str], ...] = (("44800", "Inbound Freephone"), ("44808", "Inbound Freephone"))


def write(folder: Path) -> list[str]:
    """Write the rate, destination and inbound files. Returns the prefixes of the deck, for calls to go to."""
    international = list(deck.destinations())
    (folder / "tariffs").mkdir(parents=True, exist_ok=True)
    _write_rates(folder / "tariffs" / f"{BUSINESS}.csv", [*BUSINESS_UK, *map(_deck_rate, international)])
    countries = (destination for destination in international if destination.country)
    _write_rates(folder / "tariffs" / f"{HOME}.csv", [*HOME_UK, *map(_country_rate, countries)])
    _write_rates(folder / "tariffs" / f"{UK_ONLY}.csv", UK_ONLY_RATES)
    abroad = ((destination.prefix, destination.name, "International") for destination in international)
    _write(folder / "destinations.csv", ("prefix", "destination", "call_class"), [*UK_DESTINATIONS, *abroad])
    _write(folder / "inbound-classes.csv", ("prefix", "call_class"), INBOUND_CLASSES)
    return [destination.prefix for destination in international]


def _deck_rate(destination: deck.Destination) -> Rate:
    return rate(destination.prefix, price_per_minute=deck.pounds(deck.price_micro(destination)))


def _country_rate(destination: deck.Destination) -> Rate:
    """Home callers pay half as much again, by the started minute."""
    price = deck.pounds(deck.price_micro(destination) * 3 // 2)
    return rate(destination.prefix, price_per_minute=price, initial_seconds="60", step_seconds="60")


def _write_rates(path: Path, rates: Iterable[Rate]) -> None:
    _write(path, RATE_COLUMNS, ([row.get(column, "") for column in RATE_COLUMNS] for row in rates))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]] | Iterator[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
