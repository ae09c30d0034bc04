"""What rating knows of customers: the newest version of each entity, and the generation that it changed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import AssignmentRemoved, AssignmentState, CustomerState, NumberRemoved, NumberState
from contracts.reference import ReferenceUpdated
from rating.domain.changes import Held
from rating.domain.numbers import normalise
from rating.store.features import plans_json

History: TypeAlias = tuple[tuple[date, str], ...]

_CUSTOMER = text(
    """
    INSERT INTO customer (customer_id, version, status, status_history, rating, dropped_by_run, discount_plans,
                          changed_in)
    VALUES (:customer_id, :version, :status, CAST(:history AS jsonb), CAST(:rating AS jsonb), :dropped_by_run,
            CAST(:plans AS jsonb), :generation)
    ON CONFLICT (customer_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, status_history = excluded.status_history,
        rating = excluded.rating, dropped_by_run = excluded.dropped_by_run, discount_plans = excluded.discount_plans,
        changed_in = excluded.changed_in
    WHERE customer.version < excluded.version
    """
)
_NUMBER = text(
    """
    INSERT INTO number (number_id, version, customer_id, number, number_type, rating, discount_plans, start_date,
                        end_date, removed, changed_in)
    VALUES (:number_id, :version, :customer_id, :number, :number_type, CAST(:rating AS jsonb), CAST(:plans AS jsonb),
            :start, :end, :removed, :generation)
    ON CONFLICT (number_id) DO UPDATE
    SET version = excluded.version, customer_id = excluded.customer_id, number = excluded.number,
        number_type = excluded.number_type, rating = excluded.rating, discount_plans = excluded.discount_plans,
        start_date = excluded.start_date, end_date = excluded.end_date, removed = excluded.removed,
        changed_in = excluded.changed_in
    WHERE number.version < excluded.version
    """
)
_ASSIGNMENT = text(
    """
    INSERT INTO assignment (assignment_id, version, number_id, customer_id, number, start_date, end_date, removed,
                            changed_in)
    VALUES (:assignment_id, :version, :number_id, :customer_id, :number, :start, :end, :removed, :generation)
    ON CONFLICT (assignment_id) DO UPDATE
    SET version = excluded.version, number_id = excluded.number_id, customer_id = excluded.customer_id,
        number = excluded.number, start_date = excluded.start_date, end_date = excluded.end_date,
        removed = excluded.removed, changed_in = excluded.changed_in
    WHERE assignment.version < excluded.version
    """
)
_ENTRY = text(
    """
    INSERT INTO reference_entry (list, code, version, entry, changed_in)
    VALUES (:list, :code, :version, CAST(:entry AS jsonb), :generation)
    ON CONFLICT (list, code) DO UPDATE
    SET version = excluded.version, entry = excluded.entry, changed_in = excluded.changed_in
    WHERE reference_entry.version < excluded.version
    """
)


_COURSES = text(
    "SELECT customer_id, version, status_history, dropped_by_run FROM customer WHERE customer_id = ANY(:ids) FOR UPDATE"
)
_HELD = text(
    """
    SELECT assignment_id, version, number, customer_id, start_date, end_date, removed FROM assignment
    WHERE assignment_id = ANY(:ids) FOR UPDATE
    """
)


@dataclass(frozen=True, slots=True)
class Course:
    """What a customer has come to: its statuses from day to day, and the billing run that dropped it, if one did."""

    version: int
    history: History
    dropped_by_run: int | None


async def known_courses(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Course]:
    """Those of these customers that are known."""
    rows = await connection.execute(_COURSES, {"ids": list(ids)})
    return {row.customer_id: Course(row.version, history_of(row.status_history), row.dropped_by_run) for row in rows}


def history_of(entries: Iterable[Mapping[str, Any]]) -> History:
    """(first day, status) of each entry, as they are stored."""
    return tuple((date.fromisoformat(each["effective_from"]), each["status"]) for each in entries)


async def known_assignments(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, tuple[int, Held | None]]:
    """Version and state of those of these assignments that are known; None as a state: it was removed."""
    rows = await connection.execute(_HELD, {"ids": list(ids)})
    return {
        row.assignment_id: (
            row.version,
            None if row.removed else Held(row.number, row.customer_id, row.start_date, row.end_date),
        )
        for row in rows
    }


async def put_customers(connection: AsyncConnection, states: Sequence[CustomerState], generation: int) -> None:
    """Keep the states that are newer than what is known."""
    rows = [
        {
            "customer_id": each.customer_id,
            "version": each.version,
            "status": each.status,
            "history": _history(each),
            "rating": each.rating.model_dump_json(),
            "dropped_by_run": each.dropped_by_run,
            "plans": plans_json(each.discount_plans),
            "generation": generation,
        }
        for each in sorted(states, key=lambda state: state.customer_id)
    ]
    if rows:
        await connection.execute(_CUSTOMER, rows)


def _history(state: CustomerState) -> str:
    entries = sorted(state.status_history, key=lambda entry: entry.effective_from)
    return f"[{','.join(entry.model_dump_json() for entry in entries)}]"


async def put_numbers(connection: AsyncConnection, states: Sequence[NumberState], generation: int) -> None:
    """Keep the states that are newer than what is known."""
    rows = [
        {
            "number_id": each.number_id,
            "version": each.version,
            "customer_id": each.customer_id,
            "number": normalise(each.number),
            "number_type": each.number_type,
            "rating": each.rating.model_dump_json(),
            "plans": plans_json(each.discount_plans),
            "start": each.start,
            "end": each.end,
            "removed": isinstance(each, NumberRemoved),
            "generation": generation,
        }
        for each in sorted(states, key=lambda state: state.number_id)
    ]
    if rows:
        await connection.execute(_NUMBER, rows)


async def put_assignments(connection: AsyncConnection, states: Sequence[AssignmentState], generation: int) -> None:
    """Keep the states that are newer than what is known."""
    rows = [
        {
            "assignment_id": each.assignment_id,
            "version": each.version,
            "number_id": each.number_id,
            "customer_id": each.customer_id,
            "number": normalise(each.number),
            "start": each.start,
            "end": each.end,
            "removed": isinstance(each, AssignmentRemoved),
            "generation": generation,
        }
        for each in sorted(states, key=lambda state: state.assignment_id)
    ]
    if rows:
        await connection.execute(_ASSIGNMENT, rows)


async def put_reference(connection: AsyncConnection, entries: Sequence[ReferenceUpdated], generation: int) -> None:
    """Keep the entries that are newer than what is known."""
    rows = [
        {
            "list": each.list,
            "code": each.code,
            "version": each.version,
            "entry": each.model_dump_json(),
            "generation": generation,
        }
        for each in entries
    ]
    if rows:
        await connection.execute(_ENTRY, rows)
