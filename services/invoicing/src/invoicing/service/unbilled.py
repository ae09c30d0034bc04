"""What stands on no approved invoice yet, with VAT (SPEC C13); the part of credit that every change of balance tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from invoicing.domain.credit import charges_with_vat
from invoicing.domain.reference import ReferenceLists
from invoicing.store import credit, readmodel
from service_kit import clock
from service_kit.database import Transaction


async def told_charges(tx: Transaction, customers: Collection[int]) -> Mapping[int, Decimal]:
    """Each customer's unbilled charges, about to be told; their levels of credit are looked at soon."""
    lists = await readmodel.reference_lists(tx.connection)
    found = await unbilled_charges(tx, customers, lists)
    await credit.save(
        tx.connection, ["charges"], [{"customer_id": each, "charges": found[each]} for each in sorted(found)]
    )
    await credit.note(tx.connection, customers)
    return found


async def unbilled_charges(tx: Transaction, customers: Collection[int], lists: ReferenceLists) -> Mapping[int, Decimal]:
    """Unsent and drafts but for usage, with VAT at the rates of today, of each of these customers."""
    nets = await credit.charges(tx.connection, customers)
    today = clock.today()
    return {each: charges_with_vat(nets.get(each, ()), lists, today) for each in customers}
