"""A customer's VAT rate changed: what is not approved yet follows it (SPEC C7)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.billing import InvoiceUpdated
from contracts.customers import CustomerState
from invoicing.domain.invoices import totals_of
from invoicing.domain.vat import NoVatRate
from invoicing.service.events import invoice_values
from invoicing.store import invoices, readmodel, transactions
from service_kit.database import Transaction


async def revalue_drafts(tx: Transaction, customers: Sequence[CustomerState]) -> None:
    """Recompute the drafts of customers whose VAT rate is another now; their rows are locked already.

    What is on Unsent needs nothing: it takes the customer's rate when it goes on an invoice. A rate that cannot be
    used leaves the draft as it is, with the reason, and keeps it from being approved.
    """
    by_id = {state.customer_id: state for state in customers}
    drafts = await invoices.drafts_of_customers(tx.connection, by_id) if by_id else []
    lists = await readmodel.reference_lists(tx.connection) if drafts else None
    for draft in drafts:
        customer = by_id[draft.customer_id]
        lines = (await transactions.of_invoices(tx.connection, [draft.invoice_id]))[draft.invoice_id]
        changed = {"invoice_id": draft.invoice_id, "net": draft.net, "vat": draft.vat, "gross": draft.gross}
        vat_lines = None
        try:
            assert lists is not None
            totals = totals_of(lines, customer, lists, draft.tax_point)
            changed |= {"net": totals.net, "vat": totals.vat, "gross": totals.gross, "problem": ""}
            vat_lines = totals.vat_lines
        except NoVatRate as error:
            changed["problem"] = str(error)
        if vat_lines is not None:
            await transactions.set_vat_rate(tx.connection, draft.invoice_id, customer.vat_rate)
            await invoices.put_vat_lines(tx.connection, {draft.invoice_id: vat_lines})
        rows = await invoices.save(tx.connection, ["net", "vat", "gross", "problem"], [changed])
        told = (await invoices.vat_lines(tx.connection, [draft.invoice_id]))[draft.invoice_id]
        await tx.publish_many([InvoiceUpdated(**invoice_values(row, told)) for row in rows])
