"""A sent invoice issued again as a copy, for the customer as it is called now (SPEC I6); the original is kept."""

from __future__ import annotations

from invoicing.service.marked import refuse_marked
from invoicing.store import documents, invoices, readmodel
from service_kit.database import Transaction, transaction
from service_kit.problems import Conflict, NotFound


async def issue_copy(invoice_id: int) -> int:
    """Have a copy rendered: marked as one, with the customer's present name and address, number and figures unchanged.

    Returns: which copy of the invoice it is, from 1.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it was not sent yet, or its customer was erased or is to be.
    """
    async with transaction() as tx:
        found = await invoices.find(tx.connection, invoice_id)
        if found is None:
            raise NotFound(f"there is no invoice {invoice_id}")
        if found.sent_at is None:
            raise Conflict(f"invoice {invoice_id} was not sent yet: there is nothing to copy")
        return await documents.want_copy(tx.connection, found, await _present(tx, found.customer_id))


async def _present(tx: Transaction, customer_id: int) -> dict[str, object]:
    """What a customer is called and where it is now; it is locked, so copies are counted one by one."""
    await readmodel.lock_customers(tx.connection, [customer_id])
    customer = (await readmodel.customers_by_id(tx.connection, [customer_id])).get(customer_id)
    if customer is None:
        raise Conflict(f"no copy can be issued: customer {customer_id} was erased")
    refuse_marked(customer)
    address = customer.billing_address.model_dump(mode="json")
    return {"name": customer.name, "company_name": customer.company_name, "billing_address": address}
