"""Reading customers, numbers and their holders into memory: millions at the start, then what changed (SPEC R3, C10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import Markups
from rating.domain.calls import LONGEST_E164, Int
from rating.domain.choices import Choices, ChoiceTable
from rating.domain.codes import Codes
from rating.domain.decks import ALWAYS, FOREVER
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.holders import LENGTHS, Holders
from rating.domain.pools import Places
from rating.store.columns import Source, give_back, read_columns
from rating.store.readmodel import history_of

_PLAIN = Markups().model_dump_json()
"""What a number or a customer says of its rating that says nothing, as most do."""
_STATUS = "array_position(%(statuses)s::text[], {})"
_ALL_CUSTOMERS = Source("customer", "customer_id", {"id": "customer_id", "status": _STATUS.format("status")})
# A customer without a history has always been what it is.
_ALL_PERIODS = Source(
    "customer",
    "customer_id",
    {
        "customer_id": "customer_id",
        "place": "coalesce(entry.place, 1)",
        "status": _STATUS.format("coalesce(entry.told->>'status', status)"),
        "day": f"coalesce((entry.told->>'effective_from')::date - date '1970-01-01', {ALWAYS})",
    },
    "LEFT JOIN LATERAL jsonb_array_elements(status_history) WITH ORDINALITY AS entry (told, place) ON true",
)
_STATUSES = text(
    """
    SELECT status FROM customer UNION
    SELECT entry->>'status' FROM customer, jsonb_array_elements(status_history) AS entry
    """
)
_CUSTOMERS_CHOICES = text(
    "SELECT rating, array_agg(customer_id) FROM customer WHERE rating <> CAST(:plain AS jsonb) GROUP BY rating"
)
_CHANGED_CUSTOMERS = text("SELECT customer_id, status, status_history, rating FROM customer WHERE changed_in > :since")
_ALL_NUMBERS = Source(
    "number", "number_id", {"id": "number_id", "type": "array_position(%(types)s::text[], number_type)"}
)
_TYPES = text("SELECT DISTINCT number_type FROM number")
_NUMBERS_CHOICES = text(
    "SELECT rating, array_agg(number_id) FROM number WHERE rating <> CAST(:plain AS jsonb) GROUP BY rating"
)
_CHANGED_NUMBERS = text("SELECT number_id, customer_id, number_type, rating FROM number WHERE changed_in > :since")
# A number is digits only, or empty.
_ALL_ASSIGNMENTS = Source(
    "assignment",
    "assignment_id",
    {
        "key": f"rpad(number, {LONGEST_E164}, '0')::bigint * {LENGTHS} + length(number)",
        "assignment_id": "assignment_id",
        "number_id": "number_id",
        "customer_id": "customer_id",
        "start": "start_date - date '1970-01-01'",
        "end": f"coalesce(end_date - date '1970-01-01', {FOREVER})",
    },
    where=f"NOT removed AND length(number) BETWEEN 1 AND {LONGEST_E164}",
)
_CHANGED_ASSIGNMENTS = text("SELECT DISTINCT number FROM assignment WHERE changed_in > :since")
_ASSIGNMENTS = text(
    """
    SELECT number, assignment_id, number_id, customer_id, start_date, end_date FROM assignment
    WHERE NOT removed AND number = ANY(:numbers) ORDER BY number, start_date, assignment_id
    """
)
_FORGOTTEN = text("SELECT generation > :since FROM holders_forgotten")
_REFERENCE = text("SELECT count(*) FROM reference_entry WHERE changed_in > :since")
_ENTRIES = text("SELECT list, code, entry FROM reference_entry WHERE list IN ('statuses', 'number_types')")


async def load_holders(
    connection: AsyncConnection, holders: Holders, choices: ChoiceTable, types: Codes, since: int
) -> None:
    """Take into memory what changed after a generation; `choices` are to be bound afterwards.

    Args:
        connection: of a transaction that holds the gate.
        since: generation; 0 reads everything, as does one from before what is kept of changes (SPEC C17).
    """
    if (await connection.execute(_FORGOTTEN, {"since": since})).scalar_one():
        since = 0
    if since == 0:
        await _load_customers(connection, holders, choices)
        await _load_numbers(connection, holders, choices, types)
        await _load_assignments(connection, holders)
        give_back()
    else:
        holders.put_customers(
            [_customer(row) for row in await connection.execute(_CHANGED_CUSTOMERS, {"since": since})]
        )
        holders.put_numbers([_number(row) for row in await connection.execute(_CHANGED_NUMBERS, {"since": since})])
        await _change_assignments(connection, holders, since)
    if (await connection.execute(_REFERENCE, {"since": since})).scalar_one():
        await _load_reference(connection, holders)


async def _load_customers(connection: AsyncConnection, holders: Holders, choices: ChoiceTable) -> None:
    names = sorted((await connection.execute(_STATUSES)).scalars())
    codes = np.array([0, *(holders.statuses.add(name) for name in names)], dtype=np.int64)
    told = await read_columns(connection, _ALL_CUSTOMERS, statuses=names)
    holders.customer_at.fill(told["id"])
    first, count = await _load_periods(connection, holders, names, codes)
    chosen = await _choices_at(connection, _CUSTOMERS_CHOICES, holders.customer_at, choices)
    holders.customers.fill({"status": codes[told["status"]], "choices": chosen, "first": first, "count": count})


async def _load_periods(connection: AsyncConnection, holders: Holders, names: list[str], codes: Int) -> tuple[Int, Int]:
    """Where each customer's periods begin, and how many they are."""
    told = await read_columns(connection, _ALL_PERIODS, statuses=names)
    owner = holders.customer_at.find(told.pop("customer_id"))
    order = np.lexsort((told.pop("place"), owner))
    holders.periods.fill({"day": told["day"][order], "status": codes[told["status"][order]]})
    count = np.bincount(owner)
    return np.cumsum(count) - count, count


async def _load_numbers(connection: AsyncConnection, holders: Holders, choices: ChoiceTable, types: Codes) -> None:
    names = sorted((await connection.execute(_TYPES)).scalars())
    codes = np.array([0, *(types.add(name) for name in names)], dtype=np.int64)
    told = await read_columns(connection, _ALL_NUMBERS, types=names)
    holders.number_at.fill(told["id"])
    chosen = await _choices_at(connection, _NUMBERS_CHOICES, holders.number_at, choices)
    holders.numbers.fill({"type": codes[told["type"]], "choices": chosen})


async def _choices_at(connection: AsyncConnection, told: TextClause, places: Places, choices: ChoiceTable) -> Int:
    """Of each row its choices; what is said alike is read once."""
    chosen = np.zeros(len(places), dtype=np.int64)
    for rating, ids in await connection.execute(told, {"plain": _PLAIN}):
        chosen[places.find(np.array(ids, dtype=np.int64))] = choices.intern(choices_of(rating))
    return chosen


async def _load_assignments(connection: AsyncConnection, holders: Holders) -> None:
    told = await read_columns(connection, _ALL_ASSIGNMENTS)
    order = np.lexsort((told.pop("assignment_id"), told["start"], told["key"]))
    key = told.pop("key")[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else order
    holders.span_at.fill(key[first])
    holders.spans.fill({"first": first, "count": np.diff(first, append=len(key))})
    holders.fill_assignments(
        {name: told.pop(name)[order] for name in ("start", "end")}, told["number_id"][order], told["customer_id"][order]
    )


async def _change_assignments(connection: AsyncConnection, holders: Holders, since: int) -> None:
    numbers = list((await connection.execute(_CHANGED_ASSIGNMENTS, {"since": since})).scalars())
    found: dict[str, list[Assignment]] = defaultdict(list)
    if numbers:
        for row in await connection.execute(_ASSIGNMENTS, {"numbers": numbers}):
            found[row.number].append(
                Assignment(row.assignment_id, row.number_id, row.customer_id, row.start_date, row.end_date)
            )
    for number in numbers:
        holders.put_assignments(number, found[number])


async def _load_reference(connection: AsyncConnection, holders: Holders) -> None:
    statuses, ignored = {}, set()
    for row in await connection.execute(_ENTRIES):
        if row.list == "statuses" and row.entry.get("status"):
            flags = row.entry["status"]
            statuses[row.code] = Status(flags["accumulates_charges"], flags.get("dropped", False))
        elif row.list == "number_types" and (row.entry.get("number_type") or {}).get("ignore_traffic"):
            ignored.add(row.code)
    holders.set_statuses(statuses)
    holders.set_ignored_types(ignored)


def _customer(row: Row[Any]) -> Customer:
    return Customer(row.customer_id, row.status, history_of(row.status_history), choices_of(row.rating))


def _number(row: Row[Any]) -> Number:
    return Number(row.number_id, row.customer_id, row.number_type, choices_of(row.rating))


def choices_of(told: Mapping[str, Any]) -> Choices:
    """What a number or a customer says of its rating, of the contract's `Markups` as they are stored."""
    fallback = told.get("fallback_markup")
    return Choices(
        told.get("tariff"),
        told.get("class_tariffs") or {},
        {name: Decimal(percent) for name, percent in (told.get("class_markups") or {}).items()},
        None if fallback is None else Decimal(fallback),
    )
