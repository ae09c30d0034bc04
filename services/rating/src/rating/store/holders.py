"""Reading customers, numbers and their holders into memory: millions at the start, then what changed (SPEC R3, C10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import Markups
from rating.domain.choices import Choices, ChoiceTable
from rating.domain.codes import Codes
from rating.domain.decks import FOREVER
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.holders import LENGTHS, Holders
from rating.domain.pools import NOWHERE
from rating.store.columns import read_columns
from rating.store.readmodel import history_of

_PLAIN = Markups().model_dump_json()
"""What a number or a customer says of its rating that says nothing, as most do."""
_ALL_CUSTOMERS = """
    SELECT customer_id AS id, array_position(%(statuses)s::text[], status)::bigint AS status,
           array_position(%(statuses)s::text[], status_history->0->>'status')::bigint AS first_status,
           ((status_history->0->>'effective_from')::date - date '1970-01-01')::bigint AS day
    FROM customer WHERE jsonb_array_length(status_history) = 1 ORDER BY customer_id
"""
_STATUSES = text("SELECT DISTINCT status FROM customer UNION SELECT status_history->0->>'status' FROM customer")
_OTHER_CUSTOMERS = text(
    """
    SELECT customer_id, status, status_history, rating FROM customer
    WHERE jsonb_array_length(status_history) <> 1 OR rating <> CAST(:plain AS jsonb)
    """
)
_CHANGED_CUSTOMERS = text("SELECT customer_id, status, status_history, rating FROM customer WHERE changed_in > :since")
_ALL_NUMBERS = """
    SELECT number_id AS id, array_position(%(types)s::text[], number_type)::bigint AS type
    FROM number ORDER BY number_id
"""
_TYPES = text("SELECT DISTINCT number_type FROM number")
_CHOICES = text(
    """
    SELECT rating, array_agg(number_id) AS numbers FROM number WHERE rating <> CAST(:plain AS jsonb) GROUP BY rating
    """
)
_CHANGED_NUMBERS = text("SELECT number_id, customer_id, number_type, rating FROM number WHERE changed_in > :since")
_ALL_ASSIGNMENTS = f"""
    SELECT rpad(number, 15, '0')::bigint * {LENGTHS} + length(number) AS key, assignment_id, number_id, customer_id,
           (start_date - date '1970-01-01')::bigint AS start,
           coalesce(end_date - date '1970-01-01', {FOREVER})::bigint AS "end"
    FROM assignment WHERE NOT removed AND number ~ '^[0-9]{{1,15}}$'
"""
_CHANGED_ASSIGNMENTS = text("SELECT DISTINCT number FROM assignment WHERE changed_in > :since")
_ASSIGNMENTS = text(
    """
    SELECT number, assignment_id, number_id, customer_id, start_date, end_date FROM assignment
    WHERE NOT removed AND number = ANY(:numbers) ORDER BY number, start_date, assignment_id
    """
)
_REFERENCE = text("SELECT count(*) FROM reference_entry WHERE changed_in > :since")
_ENTRIES = text("SELECT list, code, entry FROM reference_entry WHERE list IN ('statuses', 'number_types')")


async def load_holders(
    connection: AsyncConnection, holders: Holders, choices: ChoiceTable, types: Codes, since: int
) -> None:
    """Take into memory what changed after a generation; `choices` are to be bound afterwards.

    Args:
        connection: of a transaction that holds the gate.
        since: generation; 0 reads everything.
    """
    if since == 0:
        await _load_customers(connection, holders)
        await _load_numbers(connection, holders, choices, types)
        await _load_assignments(connection, holders)
    else:
        holders.put_customers(
            [_customer(row) for row in await connection.execute(_CHANGED_CUSTOMERS, {"since": since})]
        )
        holders.put_numbers([_number(row) for row in await connection.execute(_CHANGED_NUMBERS, {"since": since})])
        await _change_assignments(connection, holders, since)
    if (await connection.execute(_REFERENCE, {"since": since})).scalar_one():
        await _load_reference(connection, holders)


async def _load_customers(connection: AsyncConnection, holders: Holders) -> None:
    """All customers as if none had choices or a past; then those who have, one by one."""
    names = sorted((await connection.execute(_STATUSES)).scalars())
    codes = np.array([0, *(holders.statuses.add(name) for name in names)], dtype=np.int64)
    told = await read_columns(connection, _ALL_CUSTOMERS, statuses=names)
    rows = np.arange(len(told["id"]))
    holders.periods.fill({"day": told["day"], "status": codes[told["first_status"]]})
    holders.customers.fill(
        {
            "id": told["id"],
            "status": codes[told["status"]],
            "choices": np.zeros_like(rows),
            "first": rows,
            "count": np.ones_like(rows),
        }
    )
    holders.customer_at.fill(told["id"], rows)
    others = await connection.execute(_OTHER_CUSTOMERS, {"plain": _PLAIN})
    holders.put_customers([_customer(row) for row in others])


async def _load_numbers(connection: AsyncConnection, holders: Holders, choices: ChoiceTable, types: Codes) -> None:
    """All numbers, and the rows of those that say the same of their rating at once."""
    names = sorted((await connection.execute(_TYPES)).scalars())
    codes = np.array([0, *(types.add(name) for name in names)], dtype=np.int64)
    told = await read_columns(connection, _ALL_NUMBERS, types=names)
    rows = np.arange(len(told["id"]))
    holders.numbers.fill({"id": told["id"], "type": codes[told["type"]], "choices": np.zeros_like(rows)})
    holders.number_at.fill(told["id"], rows)
    for rating, numbers in await connection.execute(_CHOICES, {"plain": _PLAIN}):
        at = holders.number_at.find(np.array(numbers, dtype=np.int64))
        holders.numbers["choices"][at] = choices.intern(choices_of(rating))


async def _load_assignments(connection: AsyncConnection, holders: Holders) -> None:
    told = await read_columns(connection, _ALL_ASSIGNMENTS)
    order = np.lexsort((told["assignment_id"], told["start"], told["key"]))
    told = {name: column[order] for name, column in told.items()}
    number, customer = holders.number_at.find(told["number_id"]), holders.customer_at.find(told["customer_id"])
    key = told.pop("key")
    columns = {name: told[name] for name in ("number_id", "customer_id", "start", "end")}
    holders.assignments.fill({**columns, "number": number, "customer": customer})
    holders.wait_for(np.flatnonzero((number == NOWHERE) | (customer == NOWHERE)).tolist())
    keys, first, count = np.unique(key, return_index=True, return_counts=True)
    holders.spans.fill({"first": first, "count": count})
    holders.span_at.fill(keys, np.arange(len(keys)))


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
