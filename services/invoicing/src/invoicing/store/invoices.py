"""Invoices, their VAT lines and their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import VatLine
from invoicing.store.bulk import Row as Values
from invoicing.store.bulk import given, insert_many
from invoicing.store.tables import customer, invoice, invoice_vat_line

_FIGURES = [each for each in invoice.c if each is not invoice.c.particulars]
"""All but what is only printed, which is most of a row."""


async def new_ids(connection: AsyncConnection, count: int) -> list[int]:
    """That many new invoice ids, in order."""
    statement = text("SELECT nextval('invoice_invoice_id_seq') FROM generate_series(1, :count)")
    return sorted(await connection.scalars(statement, {"count": count}))


async def add(connection: AsyncConnection, rows: Sequence[Values]) -> None:
    """Store drafts."""
    await insert_many(connection, invoice, rows)


async def put_vat_lines(connection: AsyncConnection, lines: Mapping[int, Sequence[VatLine]]) -> None:
    """Store the VAT lines of invoices in place of those they had: invoice id to lines."""
    statement = delete(invoice_vat_line).where(invoice_vat_line.c.invoice_id == func.any(list(lines)))
    await connection.execute(statement)
    rows = [{"invoice_id": each, **line.model_dump()} for each, of_one in lines.items() for line in of_one]
    await insert_many(connection, invoice_vat_line, rows)


async def find(connection: AsyncConnection, invoice_id: int) -> Row[Any] | None:
    """An invoice, or None."""
    return (await connection.execute(select(invoice).where(invoice.c.invoice_id == invoice_id))).one_or_none()


async def owners(connection: AsyncConnection, invoices: Collection[int]) -> dict[int, int]:
    """Whose invoices these are: invoice id to customer id."""
    statement = select(invoice.c.invoice_id, invoice.c.customer_id).where(
        invoice.c.invoice_id == func.any(list(invoices))
    )
    return {row.invoice_id: row.customer_id for row in await connection.execute(statement)}


async def lock(connection: AsyncConnection, invoices: Collection[int]) -> list[Row[Any]]:
    """Invoices in the order of their ids, without their particulars, locked until the transaction ends."""
    statement = select(*_FIGURES).where(invoice.c.invoice_id == func.any(list(invoices)))
    return list(await connection.execute(statement.order_by(invoice.c.invoice_id).with_for_update()))


async def particulars(connection: AsyncConnection, invoices: Collection[int]) -> dict[int, dict[str, Any]]:
    """Who bills whom, as it is printed, by invoice."""
    c = invoice.c
    statement = select(c.invoice_id, c.particulars).where(c.invoice_id == func.any(list(invoices)))
    return dict((await connection.execute(statement)).tuples().all())


async def vat_lines(connection: AsyncConnection, invoices: Collection[int]) -> dict[int, list[VatLine]]:
    """The VAT lines of invoices, by invoice, ordered by rate code."""
    c = invoice_vat_line.c
    statement = select(invoice_vat_line).where(c.invoice_id == func.any(list(invoices)))
    found: dict[int, list[VatLine]] = defaultdict(list)
    for row in await connection.execute(statement.order_by(c.invoice_id, c.vat_rate)):
        found[row.invoice_id].append(VatLine(**row._asdict()))
    return found


async def page(
    connection: AsyncConnection, *, run_id: int | None, customer_id: int | None, after: int, limit: int
) -> list[Row[Any]]:
    """Invoices in the order of their ids, of a run, of a customer, or all."""
    statement = select(invoice).where(invoice.c.invoice_id > after)
    if run_id is not None:
        statement = statement.where(invoice.c.run_id == run_id)
    if customer_id is not None:
        statement = statement.where(invoice.c.customer_id == customer_id)
    return list(await connection.execute(statement.order_by(invoice.c.invoice_id).limit(limit)))


async def drafts_of_run(connection: AsyncConnection, run_id: int, limit: int) -> dict[int, int]:
    """The next drafts of a run that nothing keeps from being approved: invoice id to customer id."""
    return dict((await connection.execute(_approvable(run_id, limit))).tuples().all())


async def take_drafts(connection: AsyncConnection, run_id: int, limit: int) -> dict[int, int]:
    """The same with their customers locked, passing over those that another transaction has and erased ones."""
    theirs = _approvable(run_id, limit).join(customer, customer.c.customer_id == invoice.c.customer_id)
    free = theirs.with_for_update(of=customer, key_share=True, skip_locked=True)
    return dict((await connection.execute(free)).tuples().all())


def _approvable(run_id: int, limit: int) -> Select[tuple[int, int]]:
    c = invoice.c
    drafts = select(c.invoice_id, c.customer_id).where(c.run_id == run_id, c.status == "draft", c.problem == "")
    return drafts.where(c.remade_by.is_(None)).order_by(c.invoice_id).limit(limit)


async def drafts_of_customers(connection: AsyncConnection, customers: Collection[int]) -> list[Row[Any]]:
    """The drafts of these customers, locked."""
    c = invoice.c
    statement = select(invoice).where(c.customer_id == func.any(list(customers)), c.status == "draft")
    return list(await connection.execute(statement.order_by(c.invoice_id).with_for_update()))


async def made_again_by(connection: AsyncConnection, run_id: int, customers: Collection[int]) -> dict[int, int]:
    """The drafts of these customers that a run makes again: customer id to invoice id."""
    c = invoice.c
    statement = select(c.customer_id, c.invoice_id).where(c.customer_id == func.any(list(customers)))
    found = await connection.execute(statement.where(c.status == "draft", c.remade_by == run_id))
    return {row.customer_id: row.invoice_id for row in found}


async def final_bills_invoiced(connection: AsyncConnection, final_bills: Collection[int]) -> set[int]:
    """SPEC C14: those of these Final Bills on which an invoice was made that is approved."""
    c = invoice.c
    statement = select(c.final_bill_id).where(c.final_bill_id == func.any(list(final_bills)))
    return set(await connection.scalars(statement.where(c.status.in_(("approved", "sent", "part_paid", "paid")))))


async def stuck_drafts(connection: AsyncConnection, run_id: int) -> list[tuple[int, int]]:
    """The drafts of a run that something kept from being approved: (invoice id, customer id)."""
    c = invoice.c
    statement = select(c.invoice_id, c.customer_id).where(c.run_id == run_id, c.status == "draft", c.problem != "")
    return [(row.invoice_id, row.customer_id) for row in await connection.execute(statement.order_by(c.invoice_id))]


async def save(connection: AsyncConnection, names: Sequence[str], rows: Sequence[Values]) -> list[Row[Any]]:
    """Change these columns of invoices, and raise their versions.

    Args:
        names: the columns, without invoice_id.
        rows: each with `invoice_id` and those columns.

    Returns: the invoices as they are then, without their particulars, in the order of their ids.
    """
    if not rows:
        return []
    changed = given(invoice, ["invoice_id", *names], rows)
    statement = (
        update(invoice)
        .where(invoice.c.invoice_id == changed.c.invoice_id)
        .values(version=invoice.c.version + 1, **{name: changed.c[name] for name in names})
        .returning(*_FIGURES)
    )
    return sorted(await connection.execute(statement), key=lambda row: row.invoice_id)
