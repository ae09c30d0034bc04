"""Rendered documents, and requests to send invoices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.bulk import Row as Values
from invoicing.store.bulk import insert_new
from invoicing.store.tables import customer, document, invoice, send_request

LONG = "long"
_OF_APPROVAL = and_(invoice.c.invoice_id == document.c.invoice_id, invoice.c.approval == document.c.approval)
_CURRENT = and_(_OF_APPROVAL, document.c.copy == 0)
MAX_FAILURES = 3
"""How often a document is tried before a person has to look at it."""


async def want(connection: AsyncConnection, invoices: Collection[int]) -> None:
    """Have the Long documents of these invoices, which are being approved, rendered; each approval has its own."""
    i = invoice.c
    wanted = select(i.invoice_id, i.approval + 1, literal(LONG)).where(i.invoice_id == func.any(list(invoices)))
    names = ["invoice_id", "approval", "length"]
    statement = insert(document).from_select(names, wanted.order_by(i.invoice_id))
    await connection.execute(statement.on_conflict_do_nothing())


async def withdraw(connection: AsyncConnection, invoices: Collection[int]) -> None:
    """These invoices are to be drafts again: what was not rendered yet, and not sent yet, will not be."""
    d, s = document.c, send_request.c
    theirs = d.invoice_id == func.any(list(invoices))
    await connection.execute(delete(document).where(theirs, d.sha256.is_(None)))
    await connection.execute(delete(send_request).where(s.invoice_id == func.any(list(invoices)), s.sent_at.is_(None)))


async def is_asked_for(connection: AsyncConnection, invoice_id: int) -> bool:
    """Whether an invoice was asked to be sent, or was sent."""
    return bool(await connection.scalar(select(exists().where(send_request.c.invoice_id == invoice_id))))


async def lock_wanted(connection: AsyncConnection, limit: int) -> list[Row[Any]]:
    """The next documents to render (document_id, invoice_id, copy, customer), locked; others' are passed over."""
    c = document.c
    statement = select(c.document_id, c.invoice_id, c.copy, c.customer).where(
        c.sha256.is_(None), c.failures < MAX_FAILURES
    )
    statement = statement.order_by(c.document_id).limit(limit).with_for_update(skip_locked=True)
    return list(await connection.execute(statement))


async def keep(connection: AsyncConnection, document_id: int, sha256: str, content: bytes, at: datetime) -> None:
    """Keep a document's bytes, for good: one that has bytes is never changed."""
    statement = update(document).where(document.c.document_id == document_id, document.c.sha256.is_(None))
    await connection.execute(statement.values(sha256=sha256, bytes=content, rendered_at=at, problem=""))


async def note_failure(connection: AsyncConnection, document_id: int, problem: str) -> None:
    """Count a failure to render."""
    c = document.c
    statement = update(document).where(c.document_id == document_id)
    await connection.execute(statement.values(failures=c.failures + 1, problem=problem))


async def want_copy(connection: AsyncConnection, invoice: Row[Any], customer: Mapping[str, Any]) -> int:
    """Have a copy of a Long document rendered, for a customer of that name and address. Returns its number."""
    c = document.c
    of_one = (c.invoice_id == invoice.invoice_id, c.approval == invoice.approval, c.length == LONG)
    copy: int = 1 + (await connection.scalar(select(func.max(c.copy)).where(*of_one)) or 0)
    values = {"invoice_id": invoice.invoice_id, "approval": invoice.approval, "copy": copy, "length": LONG}
    await connection.execute(insert(document).values(**values, customer=dict(customer)))
    return copy


async def of_invoice(connection: AsyncConnection, invoice_id: int, copy: int = 0) -> Row[Any] | None:
    """The Long document (sha256, bytes, problem) of an invoice's last approval, or one of its copies.

    Returns: None where none was asked for.
    """
    c = document.c
    statement = select(c.sha256, c.bytes, c.problem, c.failures).where(c.invoice_id == invoice_id, c.length == LONG)
    statement = statement.join(invoice, _OF_APPROVAL).where(c.copy == copy)
    return (await connection.execute(statement)).one_or_none()


async def by_sha256(connection: AsyncConnection, sha256: str) -> Row[Any] | None:
    """A document (bytes, invoice_id) by the digest of its bytes, or None."""
    c = document.c
    statement = select(c.bytes, c.invoice_id).where(c.sha256 == sha256).limit(1)
    return (await connection.execute(statement)).one_or_none()


async def failed_of_run(connection: AsyncConnection, run_id: int) -> int:
    """How many documents of a run could not be rendered."""
    statement = select(func.count()).select_from(document.join(invoice, _CURRENT))
    wanted = (invoice.c.run_id == run_id, document.c.sha256.is_(None), document.c.failures >= MAX_FAILURES)
    return await connection.scalar(statement.where(*wanted)) or 0


async def request_run(connection: AsyncConnection, run_id: int, requested_by: str, at: datetime) -> None:
    """Ask for every approved invoice of a run to be sent; those asked for already, by hand too, are left alone."""
    i = invoice.c
    asked = exists().where(send_request.c.invoice_id == i.invoice_id)
    unsent = (i.run_id == run_id, i.sent_at.is_(None), i.status.in_(("approved", "part_paid", "paid")))
    known = exists().where(customer.c.customer_id == i.customer_id)
    approved = await connection.scalars(select(i.invoice_id).where(*unsent, ~asked, known))
    rows = [
        {"invoice_id": each, "run_id": run_id, "requested_by": requested_by, "created_at": at}
        for each in sorted(approved)
    ]
    await insert_new(connection, send_request, rows)


async def request_one(connection: AsyncConnection, values: Values) -> int:
    """Ask for one invoice to be sent. Returns the request's id."""
    statement = send_request.insert().values(**values).returning(send_request.c.request_id)
    request_id: int = (await connection.execute(statement)).scalar_one()
    return request_id


async def lock_sendable(connection: AsyncConnection, limit: int) -> list[Row[Any]]:
    """The next requests whose document exists, locked (with customer_id and sha256); others' are passed over, and
    those of customers that are not known any more."""
    s, d = send_request.c, document.c
    joined = send_request.join(document, (d.invoice_id == s.invoice_id) & (d.length == LONG))
    joined = joined.join(invoice, _CURRENT & (invoice.c.status != "draft"))
    joined = joined.join(customer, customer.c.customer_id == invoice.c.customer_id)
    statement = (
        select(send_request, invoice.c.customer_id, d.sha256)
        .select_from(joined)
        .where(s.sent_at.is_(None), d.sha256.is_not(None))
        .order_by(s.request_id)
        .limit(limit)
        .with_for_update(of=send_request, skip_locked=True)
    )
    return list(await connection.execute(statement))


async def mark_sent(connection: AsyncConnection, requests: Sequence[int], at: datetime) -> None:
    """These requests are done."""
    statement = update(send_request).where(send_request.c.request_id == func.any(list(requests)))
    await connection.execute(statement.values(sent_at=at))


async def mark_not_emailed(connection: AsyncConnection, requests: Collection[int]) -> None:
    """SPEC Z10: nobody was there to email these to."""
    statement = update(send_request).where(send_request.c.request_id == func.any(list(requests)))
    await connection.execute(statement.values(not_emailed=True))
