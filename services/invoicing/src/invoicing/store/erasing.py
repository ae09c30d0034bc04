"""What goes of an erased customer, and what is emptied (SPEC C17). Each returns how many rows it did, up to `limit`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, cast, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.account_tables import payment
from invoicing.store.tables import (
    billing_run,
    customer,
    document,
    invoice,
    invoice_vat_line,
    run_customer,
    send_request,
    transaction,
    usage_close,
    usage_close_part,
)

KEPT_OF_A_LINE = frozenset(
    {
        *("transaction_id", "customer_id", "invoice_id", "kind", "net", "vat_rate", "own_vat_rate"),
        *("first_day", "last_day", "stands_to", "charge_id", "settlement", "adjustment_id", "adjusts"),
    }
)
"""What stays of a line of a numbered invoice: its amount, VAT rate and days, and ids. Any other column is emptied."""
_NOBODY = {
    "account_number": "",
    "name": "",
    "company_name": "",
    "billing_address": {"lines": [], "postcode": "", "country": "GB"},
    "vat_number": "",
    "payment_method": "",
}
"""The particulars of an erased customer; the supplier's stay."""


async def remove(connection: AsyncConnection, table: Table, customer_id: int, limit: int) -> int:
    """Delete rows of a table that has a customer id."""
    return await _delete(connection, table, table.c.customer_id == customer_id, limit)


async def remove_customers(connection: AsyncConnection, customers: Collection[int]) -> None:
    """Delete the read model's row: from now on the customer is not known."""
    await connection.execute(delete(customer).where(customer.c.customer_id == func.any(list(customers))))


async def leave_runs(connection: AsyncConnection, customers: Collection[int]) -> list[tuple[int, int, int]]:
    """Take customers out of runs at work. Returns run, customer and close of those whose usage was here."""
    c = run_customer.c
    gone = {"state": "skipped", "reason": "erased", "active": False, "invoice_id": None}
    statement = update(run_customer).where(c.customer_id == func.any(list(customers)), c.active).values(**gone)
    rows = await connection.execute(statement.returning(c.run_id, c.customer_id, c.close_id))
    return [(row.run_id, row.customer_id, row.close_id) for row in rows if row.close_id is not None]


async def remove_drafts(connection: AsyncConnection, customers: Collection[int]) -> list[Row[Any]]:
    """Mark drafts without a number as removed. Returns them."""
    c = invoice.c
    drafts = and_(c.customer_id == func.any(list(customers)), c.status == "draft", c.number.is_(None))
    statement = update(invoice).where(drafts).values(status="removed", version=c.version + 1)
    return list(await connection.execute(statement.returning(invoice)))


async def cancel_sending(connection: AsyncConnection, customers: Collection[int]) -> None:
    """Withdraw what was asked to be sent and was not told yet."""
    theirs = select(invoice.c.invoice_id).where(invoice.c.customer_id == func.any(list(customers)))
    waiting = and_(send_request.c.invoice_id.in_(theirs), send_request.c.sent_at.is_(None))
    await connection.execute(delete(send_request).where(waiting))


async def remove_documents(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Delete rendered documents."""
    return await _delete(connection, document, document.c.invoice_id.in_(_invoices(customer_id)), limit)


async def remove_lines(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Delete transactions on Unsent and on invoices without a number."""
    c = transaction.c
    unsent = and_(c.customer_id == customer_id, c.invoice_id.is_(None))
    done = await _delete(connection, transaction, unsent, limit)
    unnumbered = c.invoice_id.in_(_invoices(customer_id, invoice.c.number.is_(None)))
    return done + (await _delete(connection, transaction, unnumbered, limit - done) if done < limit else 0)


async def empty_lines(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Leave of the lines of numbered invoices what tax law makes us keep."""
    others = [each for each in transaction.columns if each.name not in KEPT_OF_A_LINE]
    emptied: dict[str, Any] = {each.name: None if each.nullable else "" for each in others}
    full = or_(*(each.is_not(None) if each.nullable else each != "" for each in others))
    wanted = and_(transaction.c.invoice_id.in_(_invoices(customer_id)), full)
    return await _update(connection, transaction, wanted, limit, emptied)


async def remove_invoices(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Delete invoices without a number, with their VAT lines."""
    ids = list(await connection.scalars(_invoices(customer_id, invoice.c.number.is_(None)).limit(limit)))
    await connection.execute(delete(invoice_vat_line).where(invoice_vat_line.c.invoice_id == func.any(ids)))
    return (await connection.execute(delete(invoice).where(invoice.c.invoice_id == func.any(ids)))).rowcount


async def empty_invoices(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Take out of numbered invoices who was billed, and free texts."""
    c = invoice.c
    nobody = cast(literal(_NOBODY, JSONB), JSONB)
    blank = nobody.concat(func.jsonb_build_object("supplier", c.particulars["supplier"]))
    texts = ("message", "problem", "unusual")
    named = or_(c.particulars != blank, c.close_id.is_not(None), *(c[name] != "" for name in texts))
    values = {"particulars": blank, "close_id": None, **dict.fromkeys(texts, ""), "version": c.version + 1}
    return await _update(connection, invoice, and_(c.customer_id == customer_id, named), limit, values)


async def empty_send_requests(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Take out of requests to whom invoices were sent."""
    named = and_(send_request.c.invoice_id.in_(_invoices(customer_id)), func.cardinality(send_request.c.recipients) > 0)
    return await _update(connection, send_request, named, limit, {"recipients": []})


async def empty_payments(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Take texts out of payments; their amounts and days are what the balance is made of."""
    named = and_(payment.c.customer_id == customer_id, or_(payment.c.reference != "", payment.c.reason != ""))
    return await _update(connection, payment, named, limit, {"reference": "", "reason": ""})


async def empty_runs(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Take texts out of what runs say of the customer, and out of runs of this customer alone."""
    c, r = run_customer.c, billing_run.c
    named = and_(c.customer_id == customer_id, c.reason != "", c.reason != "erased")
    done = await _update(connection, run_customer, named, limit, {"reason": "erased"})
    own = and_(r.customers == [customer_id], r.message != "")
    return done + (await _update(connection, billing_run, own, limit - done, {"message": ""}) if done < limit else 0)


async def remove_closes(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Delete what rating answered."""
    closes = select(usage_close.c.close_id).where(usage_close.c.customer_id == customer_id)
    done = await _delete(connection, usage_close_part, usage_close_part.c.close_id.in_(closes), limit)
    return done + (await remove(connection, usage_close, customer_id, limit - done) if done < limit else 0)


def _invoices(customer_id: int, *conditions: ColumnElement[bool]) -> Any:
    return select(invoice.c.invoice_id).where(invoice.c.customer_id == customer_id, *conditions)


async def _delete(connection: AsyncConnection, table: Table, wanted: ColumnElement[bool], limit: int) -> int:
    return (await connection.execute(delete(table).where(_some(table, wanted, limit)))).rowcount


async def _update(
    connection: AsyncConnection, table: Table, wanted: ColumnElement[bool], limit: int, values: dict[str, Any]
) -> int:
    return (await connection.execute(update(table).where(_some(table, wanted, limit)).values(**values))).rowcount


def _some(table: Table, wanted: ColumnElement[bool], limit: int) -> ColumnElement[bool]:
    key = tuple_(*table.primary_key.columns)
    return key.in_(select(*table.primary_key.columns).where(wanted).limit(limit))
