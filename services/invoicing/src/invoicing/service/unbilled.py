"""What stands on no approved invoice yet, with VAT (SPEC C13); told with the balance, whenever that is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.billing import AccountBalanceChanged
from invoicing.domain.credit import charges_with_vat
from invoicing.domain.reference import ReferenceLists
from invoicing.store import credit
from service_kit import clock
from service_kit.database import Transaction


async def unbilled_charges(
    tx: Transaction, customers: Collection[int], lists: ReferenceLists, approved: Collection[int] = ()
) -> Mapping[int, Decimal]:
    """Unsent and drafts but for usage, with VAT at the rates of today, of each of these customers.

    Args:
        approved: drafts that are being approved, so that they do not count any more.
    """
    nets = await credit.charges(tx.connection, customers, approved)
    today = clock.today()
    return {each: charges_with_vat(nets.get(each, ()), lists, today) for each in customers}


async def tell_balances(tx: Transaction, balances: Sequence[Row[Any]], charges: Mapping[int, Decimal]) -> None:
    """Publish balances (customer_id, version, balance) with these customers' unbilled charges; keep what was told."""
    told = [{"customer_id": row.customer_id, "charges": charges[row.customer_id]} for row in balances]
    await credit.save(tx.connection, ["charges"], told)
    await tx.publish_many(
        AccountBalanceChanged(**row._asdict(), unbilled_charges=charges[row.customer_id]) for row in balances
    )
