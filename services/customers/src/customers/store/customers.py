"""Customers and their status history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.base import Contract
from contracts.customers import (
    Address,
    BillLengths,
    LowInvoicePolicy,
    Markups,
    PaymentTerms,
    PlanPeriod,
    PortalAccess,
    StatusPeriod,
)
from customers.domain.course import Course
from customers.domain.customers import Customer, Details
from customers.domain.events import COURSE
from customers.store.accounts import save_terms
from customers.store.rows import by, insert_all, take_from, values_of
from customers.store.search import save_listed
from customers.store.tables import account_number_series, customer, status_period
from service_kit import clock

_PARTS: dict[str, type[Contract]] = {
    "billing_address": Address,
    "payment_terms": PaymentTerms,
    "bill_lengths": BillLengths,
    "low_invoice": LowInvoicePolicy,
    "rating": Markups,
    "portal_access": PortalAccess,
}
_LISTS = ("contact_numbers", "emails")
_DETAILS = tuple(field.name for field in fields(Details))


async def insert_customers(connection: AsyncConnection, customers: Sequence[Customer]) -> None:
    """Insert customers with their first status. Raises IntegrityError: an account number is taken."""
    await insert_all(connection, customer, [{**_values(each), "created_at": each.created_at} for each in customers])
    periods = [_period(each.customer_id, period) for each in customers for period in each.history]
    await insert_all(connection, status_period, periods)
    await save_listed(connection, customers)
    await save_terms(connection, [each.customer_id for each in customers], clock.today())


async def update_customer(connection: AsyncConnection, changed: Customer) -> None:
    """Store a customer's details and version. Raises IntegrityError: the account number is taken."""
    statement = update(customer).where(customer.c.customer_id == changed.customer_id)
    await connection.execute(statement.values(**_values(changed)))
    await save_listed(connection, [changed])
    await save_terms(connection, [changed.customer_id], clock.today())


async def replace_history(connection: AsyncConnection, changed: Customer) -> None:
    """Store a customer's status history in the place of the one that it had."""
    await connection.execute(delete(status_period).where(status_period.c.customer_id == changed.customer_id))
    periods = [_period(changed.customer_id, period) for period in changed.history]
    await insert_all(connection, status_period, periods)


async def lock_customer(connection: AsyncConnection, customer_id: int) -> Customer | None:
    """The customer, locked until the transaction ends; None where there is none."""
    found = await _customers(connection, _one(customer_id).with_for_update())
    return found[0] if found else None


async def lock_customers(connection: AsyncConnection, customers: Sequence[int]) -> None:
    """Lock these customers until the transaction ends, in the order of their ids: who locks several does it so."""
    rows = select(customer.c.customer_id).where(customer.c.customer_id.in_(customers))
    await connection.execute(rows.order_by(customer.c.customer_id).with_for_update())


async def get_customer(connection: AsyncConnection, customer_id: int) -> Customer | None:
    """The customer as it is now; None where there is none."""
    found = await _customers(connection, _one(customer_id))
    return found[0] if found else None


async def list_customers(
    connection: AsyncConnection, *, after: int, limit: int, account_number: str | None = None
) -> list[Customer]:
    """Customers with a higher id, in its order; of one account number where that is given, in any case."""
    statement = select(customer).where(customer.c.customer_id > after).order_by(customer.c.customer_id).limit(limit)
    if account_number is not None:
        statement = statement.where(_account(account_number))
    return await _customers(connection, statement)


async def customers_of(connection: AsyncConnection, ids: Sequence[int]) -> list[Customer]:
    """These customers, in no order; of ids that none has, nothing."""
    return await _customers(connection, select(customer).where(customer.c.customer_id == func.any(list(ids))))


async def find_holder(connection: AsyncConnection, account_number: str) -> Customer | None:
    """SPEC C2: the customer that has an account number, in any case."""
    found = await _customers(connection, select(customer).where(_account(account_number)))
    return found[0] if found else None


async def take_account_series(connection: AsyncConnection, count: int) -> list[int]:
    """SPEC C2: the next values of the series that account numbers are made from; never given again."""
    return await take_from(connection, account_number_series, count)


async def account_numbers_taken(connection: AsyncConnection, account_numbers: Sequence[str]) -> set[str]:
    """Those of these account numbers that a customer has, in lower case."""
    column = func.lower(customer.c.account_number)
    wanted = [number.lower() for number in account_numbers]
    return set((await connection.execute(select(column).where(column.in_(wanted)))).scalars())


def _one(customer_id: int) -> Select[Any]:
    return select(customer).where(customer.c.customer_id == customer_id)


def _account(account_number: str) -> Any:
    return func.lower(customer.c.account_number) == account_number.strip().lower()


async def _customers(connection: AsyncConnection, statement: Select[Any]) -> list[Customer]:
    rows = (await connection.execute(statement)).mappings().all()
    if not rows:
        return []
    ids = [row["customer_id"] for row in rows]
    order = (status_period.c.effective_from, status_period.c.period_id)
    history = await connection.execute(
        select(status_period).where(status_period.c.customer_id.in_(ids)).order_by(*order)
    )
    periods = by(history.mappings(), "customer_id")
    return [_customer(row, periods[row["customer_id"]]) for row in rows]


def _customer(row: RowMapping, periods: Sequence[RowMapping]) -> Customer:
    return Customer(
        customer_id=row["customer_id"],
        version=row["version"],
        account_number=row["account_number"],
        details=Details(**{name: _read(name, row[name]) for name in _DETAILS}),
        history=tuple(
            StatusPeriod(status=each["status"], effective_from=each["effective_from"], reason=each["reason"])
            for each in periods
        ),
        created_at=row["created_at"],
        course=_course(row),
    )


def _course(row: RowMapping) -> Course:
    before = row["history_before"]
    return Course(
        status=row["action_status"],
        history_before=None if before is None else tuple(map(StatusPeriod.model_validate, before)),
        **{name: row[name] for name in COURSE},
    )


def _read(name: str, value: Any) -> Any:
    if name in _PARTS and value is not None:
        return _PARTS[name].model_validate(value)
    if name == "discount_plans":
        return tuple(map(PlanPeriod.model_validate, value))
    return tuple(value) if name in _LISTS else value


def _values(each: Customer) -> dict[str, Any]:
    own = {"customer_id": each.customer_id, "version": each.version, "account_number": each.account_number}
    return own | values_of(each.details) | _course_values(each.course)


def _course_values(course: Course) -> dict[str, Any]:
    kept = values_of(course)
    return {"action_status": kept.pop("status"), **kept}


def _period(customer_id: int, period: StatusPeriod) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "effective_from": period.effective_from,
        "status": period.status,
        "reason": period.reason,
    }
