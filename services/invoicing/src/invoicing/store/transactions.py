"""Transactions: on Unsent, and on invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from operator import attrgetter

from sqlalchemy import Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.transactions import Transaction
from invoicing.store.bulk import copy_in, given
from invoicing.store.tables import transaction

_NAMES = [each.name for each in fields(Transaction)]
_COLUMNS = [transaction.c[name] for name in _NAMES]
_OF_PLACE = ("invoice_id", "vat_rate")
_KEPT = [name for name in _NAMES if name not in ("transaction_id", *_OF_PLACE)]
_kept = attrgetter(*_KEPT)

Placed = tuple[Transaction, int | None, str | None]
"""A new transaction, and in place of its own: the invoice it goes on (None: Unsent), and its VAT rate there."""


def _read(row: Row[tuple[object, ...]]) -> Transaction:
    return Transaction(**row._mapping)


async def unsent(connection: AsyncConnection, customers: Collection[int]) -> dict[int, list[Transaction]]:
    """What is on Unsent, by customer, oldest first."""
    statement = select(*_COLUMNS).where(
        transaction.c.customer_id == func.any(list(customers)), transaction.c.invoice_id.is_(None)
    )
    found: dict[int, list[Transaction]] = defaultdict(list)
    for row in await connection.execute(statement.order_by(transaction.c.transaction_id)):
        found[row.customer_id].append(_read(row))
    return found


async def standing(connection: AsyncConnection, charges: Collection[int]) -> dict[int, list[Transaction]]:
    """The transactions of these charges that are not refunded in full, by charge, oldest first."""
    c = transaction.c
    statement = select(*_COLUMNS).where(
        c.charge_id == func.any(list(charges)), c.kind.in_(("one_off", "recurring")), c.stands_to >= c.first_day
    )
    found: dict[int, list[Transaction]] = defaultdict(list)
    for row in await connection.execute(statement.order_by(c.transaction_id)):
        found[row.charge_id].append(_read(row))
    return found


async def of_invoices(connection: AsyncConnection, invoices: Collection[int]) -> dict[int, list[Transaction]]:
    """The lines of these invoices, by invoice."""
    statement = select(*_COLUMNS).where(transaction.c.invoice_id == func.any(list(invoices)))
    found: dict[int, list[Transaction]] = defaultdict(list)
    for row in await connection.execute(statement.order_by(transaction.c.transaction_id)):
        found[row.invoice_id].append(_read(row))
    return found


async def add(connection: AsyncConnection, transactions: Iterable[Transaction]) -> None:
    """Store new transactions, in their order."""
    await add_placed(connection, [(each, each.invoice_id, each.vat_rate) for each in transactions])


async def add_placed(connection: AsyncConnection, placed: Sequence[Placed]) -> None:
    """Store new transactions where they belong, in their order."""
    if placed:
        rows = ((*_kept(each), invoice_id, rate) for each, invoice_id, rate in placed)
        await copy_in(connection, transaction, [*_KEPT, *_OF_PLACE], rows)


async def move_to_invoices(connection: AsyncConnection, moves: Mapping[int, tuple[int, str | None]]) -> None:
    """Take transactions off Unsent: transaction id to (invoice id, VAT rate)."""
    if not moves:
        return
    rows = [
        {"transaction_id": each, "invoice_id": invoice_id, "vat_rate": rate}
        for each, (invoice_id, rate) in moves.items()
    ]
    moved = given(transaction, ["transaction_id", "invoice_id", "vat_rate"], rows)
    result = await connection.execute(
        update(transaction)
        .where(transaction.c.transaction_id == moved.c.transaction_id, transaction.c.invoice_id.is_(None))
        .values(invoice_id=moved.c.invoice_id, vat_rate=moved.c.vat_rate)
    )
    if result.rowcount != len(rows):
        raise AssertionError(f"{result.rowcount} of {len(rows)} transactions were still on Unsent")


async def set_stands_to(connection: AsyncConnection, stands: Sequence[tuple[int, date]]) -> None:
    """Keep up to which day earlier transactions still stand, after refunds."""
    if not stands:
        return
    rows = [{"transaction_id": each, "stands_to": day} for each, day in stands]
    kept = given(transaction, ["transaction_id", "stands_to"], rows)
    await connection.execute(
        update(transaction)
        .where(transaction.c.transaction_id == kept.c.transaction_id)
        .values(stands_to=kept.c.stands_to)
    )


async def set_vat_rate(connection: AsyncConnection, invoice_id: int, vat_rate: str | None) -> None:
    """SPEC C7: give the customer's rate to the lines of a draft that have none of their own."""
    statement = update(transaction).where(transaction.c.invoice_id == invoice_id, ~transaction.c.own_vat_rate)
    await connection.execute(statement.values(vat_rate=vat_rate))


async def let_refunds_follow(connection: AsyncConnection, invoices: Collection[int]) -> None:
    """SPEC C7, Z13: these invoices are drafts again, so refunds on Unsent of their lines follow the customer's rate."""
    refund, line = transaction, transaction.alias("line")
    of_line = and_(
        line.c.invoice_id == func.any(list(invoices)),
        ~line.c.own_vat_rate,
        refund.c.charge_id == line.c.charge_id,
        refund.c.first_day.between(line.c.first_day, line.c.last_day),
    )
    kept = and_(refund.c.kind == "refund", refund.c.invoice_id.is_(None), refund.c.own_vat_rate)
    await connection.execute(update(refund).where(of_line, kept).values(own_vat_rate=False, vat_rate=None))


async def page(
    connection: AsyncConnection, *, customer_id: int | None, on_unsent: bool, after: int, limit: int
) -> list[Transaction]:
    """Transactions in the order of their ids, of one customer or of all."""
    statement = select(*_COLUMNS).where(transaction.c.transaction_id > after)
    if customer_id is not None:
        statement = statement.where(transaction.c.customer_id == customer_id)
    if on_unsent:
        statement = statement.where(transaction.c.invoice_id.is_(None))
    statement = statement.order_by(transaction.c.transaction_id).limit(limit)
    return [_read(row) for row in await connection.execute(statement)]
