"""Reading the picture that calls are judged by: whole at the start, then what changed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.picture import KNOWN_CLASSES, Assignment, Choices, Customer, Number, Picture, Status
from rating.domain.tariffs import Rate, Tariff

_CUSTOMERS = text("SELECT customer_id, status, status_history, rating FROM customer WHERE changed_in > :since")
_NUMBERS = text("SELECT number_id, customer_id, number_type, rating FROM number WHERE changed_in > :since")
_ASSIGNMENTS = text(
    """
    SELECT number, assignment_id, number_id, customer_id, start_date, end_date FROM assignment
    WHERE NOT removed AND number IN (SELECT number FROM assignment WHERE changed_in > :since)
    ORDER BY number, start_date, assignment_id
    """
)
_CHANGED_ASSIGNMENTS = text("SELECT DISTINCT number FROM assignment WHERE changed_in > :since")
_REFERENCE = text("SELECT count(*) FROM reference_entry WHERE changed_in > :since")
_ENTRIES = text("SELECT list, code, entry FROM reference_entry WHERE list IN ('statuses', 'number_types')")
_LISTS = text("SELECT what FROM lists_changed WHERE changed_in > :since")
_DESTINATIONS = text("SELECT prefix, destination, call_class FROM destination")
_INBOUND = text("SELECT prefix, call_class FROM inbound_class")
_DEFAULTS = text("SELECT source, number_type, tariff FROM default_tariff")
_TARIFFS = text(
    "SELECT code, rounding_places, fallback_markup, megabyte_bytes FROM tariff WHERE changed_in > :since ORDER BY code"
)
_SYSTEM_DEFAULT = text("SELECT code FROM tariff WHERE is_default")
_CLASSES = text("SELECT DISTINCT call_class FROM rate WHERE call_class <> ''")
_RATES = text(
    """
    SELECT prefix, call_class, price_micro, connection_micro, initial, step, minimum_micro, maximum_micro, free, band,
           valid_from, valid_to
    FROM rate WHERE tariff = :code
    """
)


async def bring_up_to_date(connection: AsyncConnection, picture: Picture, generation: int) -> None:
    """Take into the picture what changed since its generation. The transaction holds the gate, so nothing else can."""
    since = {"since": picture.generation}
    await _customers_and_numbers(connection, picture, since)
    await _assignments(connection, picture, since)
    if (await connection.execute(_REFERENCE, since)).scalar_one():
        await _reference(connection, picture)
    await _tariffs(connection, picture, since)
    await _lists(connection, picture, set((await connection.execute(_LISTS, since)).scalars()))
    picture.generation = generation


async def _customers_and_numbers(connection: AsyncConnection, picture: Picture, since: Mapping[str, int]) -> None:
    for row in await connection.execute(_CUSTOMERS, since):
        history = tuple((date.fromisoformat(each["effective_from"]), each["status"]) for each in row.status_history)
        picture.customers[row.customer_id] = Customer(row.customer_id, row.status, history, _choices(row.rating))
    for row in await connection.execute(_NUMBERS, since):
        number = Number(row.number_id, row.customer_id, row.number_type, _choices(row.rating))
        picture.numbers[row.number_id] = number


def _choices(told: Mapping[str, Any]) -> Choices:
    fallback = told.get("fallback_markup")
    return Choices(
        told.get("tariff"),
        told.get("class_tariffs") or {},
        {name: Decimal(percent) for name, percent in (told.get("class_markups") or {}).items()},
        None if fallback is None else Decimal(fallback),
    )


async def _assignments(connection: AsyncConnection, picture: Picture, since: Mapping[str, int]) -> None:
    found: dict[str, list[Assignment]] = defaultdict(list)
    for row in await connection.execute(_ASSIGNMENTS, since):
        assignment = Assignment(row.assignment_id, row.number_id, row.customer_id, row.start_date, row.end_date)
        found[row.number].append(assignment)
    for number in (await connection.execute(_CHANGED_ASSIGNMENTS, since)).scalars():
        if number in found:
            picture.assignments[number] = tuple(found[number])
        else:
            picture.assignments.pop(number, None)


async def _reference(connection: AsyncConnection, picture: Picture) -> None:
    ignored = set()
    for row in await connection.execute(_ENTRIES):
        if row.list == "statuses" and row.entry.get("status"):
            flags = row.entry["status"]
            picture.statuses[row.code] = Status(flags["accumulates_charges"], flags.get("dropped", False))
        elif row.list == "number_types" and (row.entry.get("number_type") or {}).get("ignore_traffic"):
            ignored.add(row.code)
    picture.ignored_types = frozenset(ignored)


async def _tariffs(connection: AsyncConnection, picture: Picture, since: Mapping[str, int]) -> None:
    changed = (await connection.execute(_TARIFFS, since)).all()
    for row in changed:
        by_prefix, by_class = _by_key(await connection.execute(_RATES, {"code": row.code}))
        picture.tariffs[row.code] = Tariff(
            row.code,
            by_prefix,
            by_class,
            row.rounding_places,
            row.megabyte_bytes,
            row.fallback_markup,
            max(map(len, by_prefix), default=0),
        )
    if changed:
        picture.system_default = (await connection.execute(_SYSTEM_DEFAULT)).scalar_one_or_none()
        await _known_classes(connection, picture)


def _by_key(rows: Iterable[Any]) -> tuple[dict[str, tuple[Rate, ...]], dict[str, tuple[Rate, ...]]]:
    by_prefix: dict[str, tuple[Rate, ...]] = {}
    by_class: dict[str, tuple[Rate, ...]] = {}
    for prefix, call_class, *values in rows:
        table, key = (by_prefix, prefix) if prefix else (by_class, call_class)
        table[key] = (*table.get(key, ()), Rate(*values))
    return by_prefix, by_class


async def _lists(connection: AsyncConnection, picture: Picture, changed: set[str]) -> None:
    if "destinations" in changed:
        rows = await connection.execute(_DESTINATIONS)
        picture.destinations = {row.prefix: (row.destination, row.call_class) for row in rows}
    if "inbound_classes" in changed:
        picture.inbound_classes = {row.prefix: row.call_class for row in await connection.execute(_INBOUND)}
    if "default_tariffs" in changed:
        defaults = await connection.execute(_DEFAULTS)
        picture.default_tariffs = {(row.source, row.number_type): row.tariff for row in defaults}
    if changed:
        await _known_classes(connection, picture)


async def _known_classes(connection: AsyncConnection, picture: Picture) -> None:
    of_tables = {call_class for _, call_class in picture.destinations.values()} | {*picture.inbound_classes.values()}
    of_rates = set((await connection.execute(_CLASSES)).scalars())
    picture.known_classes = KNOWN_CLASSES | of_tables | of_rates
