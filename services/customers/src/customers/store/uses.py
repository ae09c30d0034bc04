"""How much an entry of a reference list is used now (SPEC C4)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.default_sets import CODES
from customers.domain.reference import (
    ACCOUNT_MANAGERS,
    ANNUAL_INCREASE_PROFILES,
    BILL_STYLES,
    BILLING_CYCLES,
    CALL_PLANS,
    NUMBER_TYPES,
    PAYMENT_METHODS,
    STANDARD_FEATURES,
    STATUS_REASONS,
    STATUSES,
    VAT_RATES,
)
from customers.store.default_sets import default_set
from customers.store.tables import assignment, charge, customer, feature, number, status_period

_CUSTOMERS = {
    PAYMENT_METHODS: customer.c.payment_method,
    VAT_RATES: customer.c.vat_rate,
    ACCOUNT_MANAGERS: customer.c.account_manager,
    BILLING_CYCLES: customer.c.billing_cycle,
    BILL_STYLES: customer.c.bill_style,
    ANNUAL_INCREASE_PROFILES: customer.c.annual_increase_profile,
}
_WITH_STATUS = text(
    """
    SELECT count(*) FROM (SELECT DISTINCT customer_id FROM status_period WHERE status = :code) AS had
    JOIN customer AS c USING (customer_id)
    WHERE coalesce(c.action_status, (
        SELECT status FROM status_period AS p WHERE p.customer_id = had.customer_id AND effective_from <= :today
        ORDER BY effective_from DESC, period_id DESC LIMIT 1
    )) = :code
    """
)


async def count_uses(connection: AsyncConnection, list_name: str, code: str, today: date) -> dict[str, int]:
    """How many customers, numbers, features, charges and default value sets have an entry now; ended ones aside."""
    return {
        "customers": await _customers(connection, list_name, code, today),
        "numbers": await _numbers(connection, list_name, code, today),
        "features": await _features(connection, list_name, code, today),
        "charges": await _charges(connection, list_name, code, today),
        "default_sets": await _sets(connection, list_name, code),
    }


async def status_was_given(connection: AsyncConnection, code: str) -> bool:
    """Whether a customer has a status, had it, or is to have it from a day on."""
    given = exists().where(status_period.c.status == code)
    by_action = exists().where(customer.c.action_status == code)
    return bool(await connection.scalar(select(or_(given, by_action))))


async def _customers(connection: AsyncConnection, list_name: str, code: str, today: date) -> int:
    if list_name == STATUSES:
        return int((await connection.execute(_WITH_STATUS, {"code": code, "today": today})).scalar_one())
    if list_name == STATUS_REASONS:
        different = func.count(status_period.c.customer_id.distinct())
        return await _scalar(connection, select(different).where(status_period.c.reason == code))
    column = _CUSTOMERS.get(list_name)
    return 0 if column is None else await _count(connection, customer, column == code)


async def _numbers(connection: AsyncConnection, list_name: str, code: str, today: date) -> int:
    if list_name == NUMBER_TYPES:
        return await _count(connection, number, number.c.number_type == code, _open(number, today))
    if list_name == CALL_PLANS:
        return await _count(connection, assignment, assignment.c.call_plan == code, _open(assignment, today))
    return 0


async def _features(connection: AsyncConnection, list_name: str, code: str, today: date) -> int:
    if list_name != STANDARD_FEATURES:
        return 0
    made = (feature.c.code == code, feature.c.kind == "feature")
    return await _count(connection, feature, *made, _open(feature, today))


async def _charges(connection: AsyncConnection, list_name: str, code: str, today: date) -> int:
    if list_name != VAT_RATES:
        return 0
    return await _count(connection, charge, charge.c.vat_rate == code, _open(charge, today))


async def _sets(connection: AsyncConnection, list_name: str, code: str) -> int:
    names = [name for name, of in CODES.items() if of == list_name]
    if not names:
        return 0
    return await _count(connection, default_set, or_(*(default_set.c["values"][name].astext == code for name in names)))


def _open(table: Any, today: date) -> ColumnElement[bool]:
    return or_(table.c.end.is_(None), table.c.end >= today)


async def _count(connection: AsyncConnection, table: Any, *conditions: ColumnElement[bool]) -> int:
    return await _scalar(connection, select(func.count()).select_from(table).where(*conditions))


async def _scalar(connection: AsyncConnection, statement: Any) -> int:
    return int((await connection.execute(statement)).scalar_one())
