"""What a customer's page needs beside its details: a question for each kind, however much the customer has."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.accounts import LATEST, Account, KnownInvoice, KnownPayment
from customers.domain.overview import Counts
from customers.store.accounts import known_invoice, known_payment
from customers.store.annual import monthly_totals
from customers.store.reports import ACCOUNT, account_of

_COUNTS = text(
    """
    SELECT n.numbers, n.numbers_open, f.features, f.features_open, (
        SELECT count(*) FROM charge AS c
        LEFT JOIN number AS n ON n.number_id = c.number_id LEFT JOIN feature AS f ON f.feature_id = c.feature_id
        WHERE c.customer_id = :customer_id AND c.kind = 'recurring' AND c.start <= :today
            AND coalesce(c."end", 'infinity') >= :today AND coalesce(n."end", f."end", 'infinity') >= :today
    ) AS recurring_charges
    FROM (
        SELECT count(*) AS numbers, count(*) FILTER (WHERE coalesce("end", 'infinity') >= :today) AS numbers_open
        FROM number WHERE customer_id = :customer_id
    ) AS n, (
        SELECT count(*) AS features, count(*) FILTER (WHERE coalesce("end", 'infinity') >= :today) AS features_open
        FROM feature WHERE customer_id = :customer_id AND kind = 'feature'
    ) AS f
    """
)
_ACCOUNT = text(f"SELECT {ACCOUNT} FROM account AS a WHERE a.customer_id = :customer_id")


async def count_all(connection: AsyncConnection, customer_id: int, today: date) -> Counts:
    """What a customer has, and what of it is open."""
    row = (await connection.execute(_COUNTS, {"customer_id": customer_id, "today": today})).mappings().one()
    totals = await monthly_totals(connection, [customer_id], today)
    return Counts(**row, recurring_monthly=totals.get(customer_id, Decimal("0.00")))


async def get_account(connection: AsyncConnection, customer_id: int) -> Account:
    """A customer's account; one of which nothing is known where there is no row."""
    row = (await connection.execute(_ACCOUNT, {"customer_id": customer_id})).one_or_none()
    return account_of(row) if row is not None else Account(customer_id)


async def latest_invoices(connection: AsyncConnection, customer_id: int) -> list[KnownInvoice]:
    """A customer's latest invoices, the newest first; removed drafts are none."""
    c = known_invoice.c
    shown = [c[name] for name in KnownInvoice.__dataclass_fields__]
    statement = select(*shown).where(c.customer_id == customer_id, c.status != "removed")
    rows = await connection.execute(statement.order_by(c.invoice_date.desc(), c.invoice_id.desc()).limit(LATEST))
    return [KnownInvoice(**row) for row in rows.mappings()]


async def latest_payments(connection: AsyncConnection, customer_id: int) -> list[KnownPayment]:
    """A customer's latest payments, the newest first."""
    c = known_payment.c
    shown = [c[name] for name in KnownPayment.__dataclass_fields__]
    statement = select(*shown).where(c.customer_id == customer_id)
    rows = await connection.execute(statement.order_by(c.received_on.desc(), c.payment_id.desc()).limit(LATEST))
    return [KnownPayment(**row) for row in rows.mappings()]
