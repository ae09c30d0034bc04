"""Corrections of billed usage: refunds on Unsent (SPEC Z9)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.closing import UsageAdjusted
from invoicing.domain.adjustments import by_key, corrections, unknown_lines
from invoicing.service.recreating import recreate_in
from invoicing.store import adjustments, transactions
from service_kit import clock
from service_kit.database import Transaction
from service_kit.faults import crash_point
from service_kit.logs import logger

_log = logger(__name__)


async def post(tx: Transaction, adjusted: Sequence[UsageAdjusted]) -> None:
    """Put what rating corrected on Unsent, each part of an adjustment once. The customers are locked.

    The corrections of a line are summed as they come, so parts and adjustments follow one another.
    """
    for each in adjusted:
        await _post(tx, each)
    if adjusted:
        crash_point("invoicing.adjusted")


async def _post(tx: Transaction, adjusted: UsageAdjusted) -> None:
    close = None if adjusted.close_id is None else await adjustments.billed_close(tx.connection, adjusted.close_id)
    if close is not None and close.status == "draft":  # unapproved meanwhile: it is closed again without those calls
        await recreate_in(tx, [close.invoice_id], f"usage taken back: {adjusted.reason}")
        return
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
