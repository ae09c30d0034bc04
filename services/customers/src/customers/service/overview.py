"""A customer's page in one call."""

from __future__ import annotations

from customers.domain.customers import missing_for_invoice, status_of
from customers.domain.overview import Overview, next_bill, warnings_of
from customers.domain.reference import STATUSES
from customers.service.problems import no_customer
from customers.store import overview as store
from customers.store.customers import get_customer
from customers.store.reference import read_book
from service_kit import clock
from service_kit.database import reading


async def get_overview(customer_id: int) -> Overview:
    """All that a customer's page needs, in one transaction and as many questions whatever it has. Raises NotFound."""
    today = clock.today()
    async with reading() as connection:
        customer = await get_customer(connection, customer_id)
        if customer is None:
            raise no_customer(customer_id)
        book = await read_book(connection)
        counts = await store.count_all(connection, customer_id, today)
        account = await store.get_account(connection, customer_id)
        invoices = await store.latest_invoices(connection, customer_id)
        payments = await store.latest_payments(connection, customer_id)
    status = status_of(customer, today)
    return Overview(
        customer=customer,
        status=status,
        status_entry=book.find(STATUSES, status),
        counts=counts,
        account=account,
        invoices=tuple(invoices),
        payments=tuple(payments),
        next_bill=next_bill(customer, invoices, book, today),
        missing=missing_for_invoice(customer.details),
        warnings=warnings_of(customer, account, invoices, book, today),
    )
