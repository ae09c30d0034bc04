"""Taking in rating's answers: a customer goes on to drafting when all parts of its close are here."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.closing import UsageAdjusted, UsageClosed, UsageCloseReleased
from invoicing.service.adjustments import post
from invoicing.store import closes, course, readmodel
from service_kit.database import transaction
from service_kit.erasures import admitted
from service_kit.kafka import Received

CONSUMER = "invoicing.closes"


async def take_in_closes(batch: Sequence[Received]) -> None:
    """Keep the parts of closes, but of erased customers, and mark the customers of whom every part has come.

    A close that comes when its run was cancelled, or the draft removed, is released: its calls go to the next.
    Adjustments are read here too, for what was taken back before a close is to be on the bill of that close.
    """
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        told = [
            each.event for each in batch if each.id in fresh and isinstance(each.event, UsageClosed | UsageAdjusted)
        ]
        known = await admitted(tx.connection, {each.customer_id for each in told})
        await readmodel.lock_customers(tx.connection, known)
        await post(tx, [each for each in told if isinstance(each, UsageAdjusted) and each.customer_id in known])
        parts = [each for each in told if isinstance(each, UsageClosed) and each.customer_id in known]
        await closes.put_parts(tx.connection, parts)
        whole = {part.close_id for part in parts}
        await closes.mark_closed(tx.connection, whole)
        late = await course.late_closes(tx.connection, whole)
        await tx.publish_many([UsageCloseReleased(**row._asdict()) for row in late])
