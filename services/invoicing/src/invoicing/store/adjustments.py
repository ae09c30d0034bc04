"""What rating corrected of billed usage (SPEC Z9)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.closing import UsageAdjusted
from invoicing.domain.adjustments import BilledLine
from invoicing.domain.transactions import Transaction
from invoicing.store.adjustment_tables import usage_adjustment
from invoicing.store.tables import invoice, transaction

_COLUMNS = [transaction.c[each.name] for each in fields(Transaction)]


@dataclass(frozen=True, slots=True)
class BilledClose:
    """The invoice that a close is on, and its usage lines with what is left of them."""

    invoice_id: int
    status: str
    lines: tuple[BilledLine, ...]


async def note(connection: AsyncConnection, adjusted: UsageAdjusted, invoice_id: int | None, at: datetime) -> bool:
    """Keep that a part of an adjustment was posted, and against which invoice. Returns False where it was before."""
    values = adjusted.model_dump(include={"adjustment_id", "part", "customer_id", "close_id", "reason"})
    statement = insert(usage_adjustment).values(**values, invoice_id=invoice_id, created_at=at)
    result = await connection.execute(statement.on_conflict_do_nothing().returning(usage_adjustment.c.part))
    return result.one_or_none() is not None


async def billed_close(connection: AsyncConnection, close_id: int) -> BilledClose | None:
    """The usage that a close put on an invoice; None where it is on none (any more)."""
    c, correction = transaction.c, transaction.alias("correction")
    given_back = select(func.coalesce(func.sum(correction.c.net), Decimal(0))).where(
        correction.c.adjusts == c.transaction_id
    )
    statement = (
        select(*_COLUMNS, invoice.c.status, (c.net + given_back.scalar_subquery()).label("left"))
        .join(invoice, invoice.c.invoice_id == c.invoice_id)
        .where(c.close_id == close_id, c.kind == "usage")
    )
    rows = list(await connection.execute(statement.order_by(c.transaction_id)))
    if not rows:
        return None
    names = [column.name for column in _COLUMNS]
    lines = [BilledLine(Transaction(**{name: getattr(row, name) for name in names}), row.left) for row in rows]
    return BilledClose(rows[0].invoice_id, rows[0].status, tuple(lines))


async def adjusted_invoices(connection: AsyncConnection, invoices: Collection[int]) -> set[int]:
    """Those of these invoices against which adjustments were posted: they cannot be unapproved any more."""
    c = usage_adjustment.c
    return set(await connection.scalars(select(c.invoice_id).where(c.invoice_id == func.any(list(invoices)))))
