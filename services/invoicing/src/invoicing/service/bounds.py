"""Bills beyond the bounds of the installation: drafted, but approved only by hand."""

from __future__ import annotations

from collections.abc import Mapping

from invoicing.domain.bounds import Bounds, unusual
from invoicing.domain.invoices import Totals
from invoicing.store import bounds as store
from service_kit.database import Transaction, reading, transaction


async def unusual_drafts(tx: Transaction, totals: Mapping[int, Totals]) -> dict[int, str]:
    """Why the drafts of customers with these totals are unusual; those that are not are left out."""
    bounds = await store.bounds(tx.connection)
    before = await store.last_nets(tx.connection, totals) if bounds.max_factor is not None and totals else {}
    reasons = {each: unusual(of_one.net, before.get(each, ()), bounds) for each, of_one in totals.items()}
    return {customer: reason for customer, reason in reasons.items() if reason}


async def current_bounds() -> Bounds:
    """The bounds as they are."""
    async with reading() as connection:
        return await store.bounds(connection)


async def change_bounds(bounds: Bounds) -> Bounds:
    """Set the bounds; they hold for drafts made from now on."""
    async with transaction() as tx:
        await store.save(tx.connection, bounds)
        return bounds
