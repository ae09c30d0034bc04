"""Drafts made without a run, for tests of what comes after them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.invoicing import made

from contracts.billing import VatLine
from contracts.customers import CustomerCreated
from invoicing.domain.transactions import Transaction
from invoicing.service.approvals import approve_invoice
from invoicing.service.drafting import particulars
from invoicing.store import invoices, transactions
from service_kit.database import transaction

DAY = date(2025, 2, 1)


async def draft(customer: CustomerCreated, gross: str | Decimal, on: date = DAY) -> int:
    """A draft of one line without VAT. Returns its id."""
    amount = Decimal(gross)
    async with transaction() as tx:
        (invoice_id,) = await invoices.new_ids(tx.connection, 1)
        await invoices.add(tx.connection, [_row(invoice_id, customer, amount, on)])
        line = VatLine(
            vat_rate="zero", name="zero", treatment="zero", percent=Decimal(0), net=amount, vat=Decimal("0.00")
        )
        await invoices.put_vat_lines(tx.connection, {invoice_id: [line]})
        one_off = Transaction(
            customer_id=customer.customer_id,
            kind="one_off",
            description="Connection",
            net=amount,
            vat_rate="zero",
            own_vat_rate=True,
            invoice_id=invoice_id,
        )
        await transactions.add(tx.connection, [one_off])
    return invoice_id


async def billed(customer: CustomerCreated, gross: str | Decimal, on: date = DAY) -> int:
    """The same, approved."""
    invoice_id = await draft(customer, gross, on)
    await approve_invoice(invoice_id)
    return invoice_id


def _row(invoice_id: int, customer: CustomerCreated, gross: Decimal, on: date) -> dict[str, object]:
    return {
        "invoice_id": invoice_id,
        "version": 1,
        "customer_id": customer.customer_id,
        "kind": "credit_note" if gross < 0 else "invoice",
        "status": "draft",
        "bill_to": on,
        "invoice_date": on,
        "tax_point": on,
        "currency": "GBP",
        "net": gross,
        "vat": Decimal("0.00"),
        "gross": gross,
        "paid": Decimal("0.00"),
        "message": "",
        "problem": "",
        "particulars": particulars(customer, made.LISTS),
        "created_at": datetime.now(UTC),
    }
