"""A customer's VAT rate changed: what is not approved yet follows it (SPEC C7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from contracts.billing import InvoiceUpdated
from contracts.customers import CustomerState
from invoicing.domain.invoices import due_on, totals_of
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.vat import NoVatRate
from invoicing.service.events import invoice_values
from invoicing.store import invoices, readmodel, runs, transactions
from service_kit.database import Transaction


async def revalue_drafts(tx: Transaction, customers: Sequence[CustomerState]) -> None:
    """Recompute the drafts of customers whose VAT rate is another now; their rows are locked already.

    What is on Unsent needs nothing: it takes the customer's rate when it goes on an invoice.
    """
    by_id = {state.customer_id: state for state in customers}
    drafts = await invoices.drafts_of_customers(tx.connection, by_id) if by_id else []
    if not drafts:
        return
    lists = await readmodel.reference_lists(tx.connection)
    for draft in drafts:
        await _revalue(tx, draft, by_id[draft.customer_id], lists)
    told = await invoices.lock(tx.connection, [draft.invoice_id for draft in drafts])
    vat_lines = await invoices.vat_lines(tx.connection, [draft.invoice_id for draft in drafts])
    await tx.publish_many([InvoiceUpdated(**invoice_values(row, vat_lines[row.invoice_id])) for row in told])


async def _revalue(tx: Transaction, draft: Row[Any], customer: CustomerState, lists: ReferenceLists) -> None:
    """Give a draft's lines the customer's rate; one that cannot be used keeps the draft from being approved."""
    lines = (await transactions.of_invoices(tx.connection, [draft.invoice_id]))[draft.invoice_id]
    try:
        totals = totals_of(lines, customer, lists, draft.tax_point)
    except NoVatRate as error:
        await invoices.save(tx.connection, ["problem"], [{"invoice_id": draft.invoice_id, "problem": str(error)}])
        return
    await transactions.set_vat_rate(tx.connection, draft.invoice_id, customer.vat_rate)
    await invoices.put_vat_lines(tx.connection, {draft.invoice_id: totals.vat_lines})
    run = await runs.find(tx.connection, draft.run_id)
    changed = {
        "kind": totals.kind,
        "due_date": due_on(customer, run, lists, totals) if run else draft.due_date,
        "net": totals.net,
        "vat": totals.vat,
        "gross": totals.gross,
        "problem": "",
    }
    await invoices.save(tx.connection, list(changed), [{"invoice_id": draft.invoice_id, **changed}])
