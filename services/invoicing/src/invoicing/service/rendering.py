"""Rendering the documents of approved invoices: once, and kept for good (SPEC I8)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from invoicing.service.printing import Printed, document_of
from invoicing.store import documents, invoices, readmodel, transactions
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.logs import logger

if TYPE_CHECKING:
    from invoicing.documents.model import InvoiceDocument

_log = logger(__name__)
GROUP = 16
Render = Callable[["InvoiceDocument"], Awaitable[bytes]]


async def render_next(render: Render, group: int = GROUP) -> bool:
    """Render the next documents that are wanted. One that fails is tried some times, then left for a person to see.

    Args:
        render: makes the PDF of a document.

    Returns: whether there were any.

    Raises:
        Transient: the rendering was interrupted; nothing of the group is kept.
    """
    async with transaction() as tx:
        wanted = await documents.lock_wanted(tx.connection, group)
        if wanted:
            printed = await _printed(tx, {each.invoice_id for each in wanted})
            bills = [replace(printed[each.invoice_id], customer=each.customer) for each in wanted]
            results = await asyncio.gather(*(_rendered(render, each) for each in bills))
            for each, result in zip(wanted, results, strict=True):
                await _keep(tx, each, result)
            crash_point("invoicing.rendered")
        return bool(wanted)


async def _printed(tx: Transaction, ids: Collection[int]) -> dict[int, Printed]:
    """All that is printed on these invoices."""
    rows = [row for row in [await invoices.find(tx.connection, each) for each in ids] if row is not None]
    lines = await transactions.of_invoices(tx.connection, ids)
    vat_lines = await invoices.vat_lines(tx.connection, ids)
    labels = await readmodel.labels_of(tx.connection, [row.customer_id for row in rows])
    return {row.invoice_id: Printed(row, lines[row.invoice_id], vat_lines[row.invoice_id], labels) for row in rows}


async def _rendered(render: Render, printed: Printed) -> bytes | Exception:
    try:
        return await render(document_of(printed))
    except Transient:
        raise
    except Exception as error:
        _log.error("a document cannot be rendered", invoice_id=printed.invoice.invoice_id, exc_info=error)
        return error


async def _keep(tx: Transaction, wanted: Row[Any], result: bytes | Exception) -> None:
    if isinstance(result, Exception):
        await documents.note_failure(tx.connection, wanted.document_id, f"{type(result).__name__}: {result}"[:1000])
        return
    digest = hashlib.sha256(result).hexdigest()
    await documents.keep(tx.connection, wanted.document_id, digest, result, clock.now())
