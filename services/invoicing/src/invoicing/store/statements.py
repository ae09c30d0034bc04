"""All that made a customer's balance, by date (SPEC I9)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Row, Subquery, cast, func, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.account_tables import payment, refund
from invoicing.store.tables import MONEY, invoice


async def entries(connection: AsyncConnection, customer_id: int, first: date, last: date) -> list[Row[Any]]:
    """First the sum of all before the first day, as an entry without a day; then the entries of the days, in order.

    One query, so that both are of the same moment. An entry has day, kind, id, reference and amount; what the
    customer owes more is above zero.
    """
    e = _entries(customer_id)
    before = select(
        null().label("day"),
        literal("opening").label("kind"),
        literal(0).label("id"),
        literal("").label("reference"),
        cast(func.coalesce(func.sum(e.c.amount), 0), MONEY).label("amount"),
        literal(0).label("place"),
    ).where(e.c.day < first)
    within = select(e.c.day, e.c.kind, e.c.id, e.c.reference, e.c.amount, e.c.place).where(e.c.day.between(first, last))
    both = union_all(before, within).subquery()
    ordered = select(both).order_by(both.c.day.nulls_first(), both.c.place, both.c.id)
    return list(await connection.execute(ordered))


def _entries(customer_id: int) -> Subquery:
    i, p, r = invoice.c, payment.c, refund.c
    invoices = select(
        i.invoice_date.label("day"),
        i.kind.label("kind"),
        i.invoice_id.label("id"),
        i.number.label("reference"),
        i.gross.label("amount"),
        literal(1).label("place"),
    ).where(i.customer_id == customer_id, i.status.in_(("approved", "sent", "part_paid", "paid")))
    received = select(p.received_on, literal("payment"), p.payment_id, p.reference, -p.amount, literal(2)).where(
        p.customer_id == customer_id
    )
    reversed_ = select(p.reversed_on, literal("reversal"), p.payment_id, p.reason, p.amount, literal(3)).where(
        p.customer_id == customer_id, p.reversed
    )
    refunds = (
        select(r.refunded_on, literal("refund"), r.payment_id, p.reference, r.amount, literal(4))
        .join(payment, p.payment_id == r.payment_id)
        .where(r.customer_id == customer_id)
    )
    return union_all(invoices, received, reversed_, refunds).subquery()
