"""Taking in corrections of billed usage: refunds on Unsent (SPEC Z9)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.closing import UsageAdjusted
from invoicing.domain.adjustments import by_key, corrections, unknown_lines
from invoicing.store import adjustments, readmodel, transactions
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.kafka import Received
from service_kit.logs import logger

_log = logger(__name__)
CONSUMER = "invoicing.adjustments"


async def take_in_adjustments(batch: Sequence[Received]) -> None:
    """Put what rating corrected on Unsent, each part of an adjustment once."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        events = [each.event for each in batch if each.id in fresh and isinstance(each.event, UsageAdjusted)]
        known = await readmodel.lock_customers(tx.connection, {each.customer_id for each in events})
        for each in events:
            if each.customer_id in known:  # else it is erased
                await _post(tx, each)
        crash_point("invoicing.adjusted")


async def _post(tx: Transaction, adjusted: UsageAdjusted) -> None:
    """One part. The corrections of a line are summed as they come, so parts and adjustments follow one another."""
    close = None if adjusted.close_id is None else await adjustments.billed_close(tx.connection, adjusted.close_id)
    billed = by_key(close.lines) if close else {}
    if not await adjustments.note(tx.connection, adjusted, close.invoice_id if close else None, clock.now()):
        return
    for line in unknown_lines(adjusted, billed):
        _log.warning(
            "not corrected: the close has no such line on an invoice",
            customer_id=adjusted.customer_id,
            close_id=adjusted.close_id,
            line=f"{line.number} {line.call_class} {line.band}",
        )
    await transactions.add(tx.connection, corrections(adjusted, billed))
