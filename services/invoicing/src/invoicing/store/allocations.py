"""Which money pays which invoice, what credit is left, and what is left to pay (SPEC I9, Z14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, literal, or_, select, text, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.allocations import Allocation, Credit, Debt, Source
from invoicing.store.account_tables import TO_SPREAD, allocation, payment
from invoicing.store.bulk import given
from invoicing.store.tables import OPEN, invoice

_NAMES = ["source", "source_id", "invoice_id", "amount"]


async def credits(connection: AsyncConnection, customers: Collection[int]) -> dict[int, list[Credit]]:
    """What these customers have that goes to invoices by itself, the oldest first; who has nothing is left out."""
    i, p = invoice.c, payment.c
    notes = select(
        i.customer_id,
        literal("credit_note").label("source"),
        i.invoice_id.label("id"),
        (i.paid - i.gross).label("left"),
        i.invoice_date.label("day"),
    ).where(i.customer_id == func.any(list(customers)), i.gross < 0, text(OPEN))
    left = p.amount - p.allocated - p.refunded
    payments = select(p.customer_id, literal("payment"), p.payment_id, left, p.received_on).where(
        p.customer_id == func.any(list(customers)), text(TO_SPREAD)
    )
    found: dict[int, list[Credit]] = defaultdict(list)
    for row in await connection.execute(union_all(notes, payments).order_by(text("day, source, id"))):
        found[row.customer_id].append(Credit(Source(row.source, row.id), row.left))
    return dict(found)


async def debts(connection: AsyncConnection, customers: Collection[int]) -> dict[int, list[Debt]]:
    """What is left to pay of these customers' invoices, the oldest first; who owes nothing is left out."""
    found: dict[int, list[Debt]] = defaultdict(list)
    for row in await connection.execute(_open_items(customers).where(invoice.c.gross > 0)):
        found[row.customer_id].append(Debt(row.invoice_id, row.gross - row.paid))
    return dict(found)


async def open_items(connection: AsyncConnection, customer_id: int) -> list[Row[Any]]:
    """A customer's invoices and credit notes of which something is left, the oldest first."""
    return list(await connection.execute(_open_items([customer_id])))


def _open_items(customers: Collection[int]) -> Select[Any]:
    i = invoice.c
    statement = select(invoice).where(i.customer_id == func.any(list(customers)), text(OPEN))
    return statement.order_by(i.invoice_date, i.invoice_id)


async def add(connection: AsyncConnection, made: Sequence[Allocation]) -> None:
    """Keep allocations; a source and an invoice have one, which grows."""
    statement = insert(allocation).from_select(_NAMES, select(given(allocation, _NAMES, map(_row, made))))
    statement = statement.on_conflict_do_update(
        index_elements=_NAMES[:3], set_={"amount": allocation.c.amount + statement.excluded.amount}
    )
    await connection.execute(statement)


async def remove(connection: AsyncConnection, taken: Sequence[Allocation]) -> None:
    """Take allocations back, in whole or in part."""
    less = given(allocation, _NAMES, map(_row, taken))
    same = and_(*(allocation.c[name] == less.c[name] for name in _NAMES[:3]))
    await connection.execute(delete(allocation).where(same, allocation.c.amount == less.c.amount))
    rest = update(allocation).where(same, allocation.c.amount > less.c.amount)
    await connection.execute(rest.values(amount=allocation.c.amount - less.c.amount))


def _row(each: Allocation) -> dict[str, Any]:
    return {
        "source": each.source.kind,
        "source_id": each.source.id,
        "invoice_id": each.invoice_id,
        "amount": each.amount,
    }


async def of_source(connection: AsyncConnection, source: Source) -> list[Allocation]:
    """What a payment or credit note pays, the newest invoice first: the order in which it is given up."""
    a = allocation.c
    return await _allocations(connection, and_(a.source == source.kind, a.source_id == source.id))


async def of_invoices(connection: AsyncConnection, invoices: Collection[int]) -> list[Allocation]:
    """What pays these invoices, and what those of them that are credit notes pay."""
    a, ids = allocation.c, func.any(list(invoices))
    return await _allocations(connection, or_(a.invoice_id == ids, and_(a.source == "credit_note", a.source_id == ids)))


async def _allocations(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Allocation]:
    i = invoice.c
    statement = select(allocation).join(invoice, i.invoice_id == allocation.c.invoice_id).where(which)
    rows = await connection.execute(statement.order_by(i.invoice_date.desc(), i.invoice_id.desc()))
    return [Allocation(Source(row.source, row.source_id), row.invoice_id, row.amount) for row in rows]
