"""The customers whose annual increase is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import RowMapping, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.annual import NO_INCREASE, Due, due_from, last_before
from customers.store.rows import by
from customers.store.tables import charge, feature, number
from money.rounding import to_pennies

_DUE = text(
    """
    WITH dated AS (
        SELECT *, greatest(0, extract(year FROM CAST(:first AS date))::int
                              - extract(year FROM annual_increase_date)::int) AS years
        FROM customer
        WHERE annual_increase_date <= :last AND annual_increase_profile IS DISTINCT FROM :no_increase
    ), due AS (
        SELECT *, CASE
            WHEN annual_increase_date + make_interval(years => years) >= :first
            THEN annual_increase_date + make_interval(years => years)
            ELSE annual_increase_date + make_interval(years => years + 1)
        END::date AS due_on
        FROM dated
    )
    SELECT customer_id, account_number, name, company_name, account_manager, annual_increase_profile AS profile,
           annual_increase_date AS reference_date
    FROM due
    WHERE customer_id > :after AND due_on <= :last AND NOT coalesce(due.action_status = ANY(:dropped), (
        SELECT status = ANY(:dropped) FROM status_period period
        WHERE period.customer_id = due.customer_id AND effective_from <= :today
        ORDER BY effective_from DESC, period_id DESC LIMIT 1
    ), false)
    ORDER BY customer_id
    LIMIT :limit
    """
)
"""Postgres adds years as SPEC C12 wants it: 29 February and a year is 28 February."""


async def list_due(
    connection: AsyncConnection,
    first: date,
    last: date,
    *,
    today: date,
    dropped: Sequence[str],
    after: int,
    limit: int,
) -> list[Due]:
    """SPEC C12: customers with a higher id that have an anniversary from `first` to `last`, a year at most.

    Those whose status of today is one of `dropped`, or whose profile is that of no increase, are left out.
    """
    asked = {"first": first, "last": last, "today": today, "dropped": list(dropped), "after": after, "limit": limit}
    rows = (await connection.execute(_DUE, {**asked, "no_increase": NO_INCREASE})).mappings().all()
    found = [_due(row, first) for row in rows]
    totals = await monthly_totals(connection, [each.customer_id for each in found], today)
    return [replace(each, recurring_monthly=totals.get(each.customer_id, Decimal("0.00"))) for each in found]


def _due(row: RowMapping, first: date) -> Due:
    due_on = due_from(row["reference_date"], first)
    return Due(**row, due_on=due_on, last_on=last_before(row["reference_date"], due_on))


async def monthly_totals(connection: AsyncConnection, customers: Sequence[int], day: date) -> dict[int, Decimal]:
    """What the recurring charges of these customers that run on a day come to in a month: net pounds, rounded once."""
    owner_end = func.coalesce(number.c.end, feature.c.end)
    net = func.sum(charge.c.amount * charge.c.quantity).label("net")
    found = await connection.execute(
        select(charge.c.customer_id, charge.c.frequency_months, net)
        .outerjoin(number, number.c.number_id == charge.c.number_id)
        .outerjoin(feature, feature.c.feature_id == charge.c.feature_id)
        .where(charge.c.customer_id == func.any(list(customers)), charge.c.kind == "recurring")
        .where(charge.c.start <= day, *(or_(end.is_(None), end >= day) for end in (charge.c.end, owner_end)))
        .group_by(charge.c.customer_id, charge.c.frequency_months)
    )
    return {
        customer_id: to_pennies(sum((Fraction(row["net"]) / row["frequency_months"] for row in rows), Fraction(0)))
        for customer_id, rows in by(found.mappings(), "customer_id").items()
    }
