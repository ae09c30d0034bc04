"""Customers that are marked for deletion (SPEC Z24)."""

from __future__ import annotations

from collections.abc import Collection

from contracts.customers import CustomerState
from invoicing.store import readmodel
from service_kit.database import Transaction
from service_kit.problems import Conflict


def refuse_marked(customer: CustomerState) -> None:
    """SPEC Z24: a customer that is to be deleted can be seen and un-marked, nothing else. Raises Conflict."""
    if customer.deletion_due is not None:
        raise Conflict(f"customer {customer.customer_id} is to be deleted on {customer.deletion_due}: un-mark it first")


async def refuse_marked_among(tx: Transaction, customers: Collection[int]) -> None:
    """The same of these customers, who are locked. Raises Conflict for the first."""
    known = await readmodel.customers_by_id(tx.connection, customers)
    for customer_id in sorted(known):
        refuse_marked(known[customer_id])
