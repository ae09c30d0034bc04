"""Taking in rating's answers: a customer goes on to drafting when all parts of its close are here."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.closing import UsageClosed
from invoicing.store import closes
from service_kit.database import transaction
from service_kit.erasures import admitted
from service_kit.kafka import Received

CONSUMER = "invoicing.closes"


async def take_in_closes(batch: Sequence[Received]) -> None:
    """Keep the parts of closes, but of erased customers, and mark the customers of whom every part has come."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        told = [each.event for each in batch if each.id in fresh and isinstance(each.event, UsageClosed)]
        known = await admitted(tx.connection, {each.customer_id for each in told})
        parts = [each for each in told if each.customer_id in known]
        await closes.put_parts(tx.connection, parts)
        await closes.mark_closed(tx.connection, {part.close_id for part in parts})
