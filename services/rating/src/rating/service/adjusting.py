"""Taking billed usage off its bill: the calls are kept beside, one event a close says what to refund (SPEC Z9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from contracts.closing import ControlTotals, UsageAdjusted, UsageLine
from contracts.topics import MAX_PART_LINES
from rating.domain.closing import parts_of, pounds, usage_line
from rating.store import adjustments as store
from service_kit.database import Transaction


async def take_off(tx: Transaction, gone: Sequence[tuple[Mapping[str, Any], str]]) -> None:
    """Keep billed calls that are about to leave `usage`, as the invoice has them.

    Args:
        gone: rows of `usage`, each with its `close_id`, and why the call goes.
    """
    if gone:
        reasons = {row["close_id"]: why for row, why in reversed(gone)}
        await store.take_off(tx.connection, [row for row, _ in gone], reasons)


async def tell(tx: Transaction, customers: Sequence[int]) -> None:
    """Tell the adjustments of customers of whom nothing is left to be guided again: each once, with all its lines."""
    for adjustment in await store.ready(tx.connection, customers):
        await _tell(tx, adjustment)
        await store.mark_told(tx.connection, adjustment.adjustment_id)


async def _tell(tx: Transaction, adjustment: store.Adjustment) -> None:
    """Publish an adjustment part by part; no more than one is in memory."""
    found = await store.totals(tx.connection, adjustment.adjustment_id)
    totals = ControlTotals(calls=found["calls"], seconds=found["seconds"], net_exact=pounds(found["net_micro"]))
    parts = parts_of(found["lines"])
    async with aclosing(store.lines(tx.connection, adjustment.adjustment_id)) as rows:
        for part in range(1, parts + 1):
            of_part = min(MAX_PART_LINES, found["lines"] - (part - 1) * MAX_PART_LINES)
            lines = tuple([usage_line(await anext(rows)) for _ in range(of_part)])
            await tx.publish(_adjusted(adjustment, part, parts, lines, totals))


def _adjusted(
    adjustment: store.Adjustment, part: int, parts: int, lines: tuple[UsageLine, ...], totals: ControlTotals
) -> UsageAdjusted:
    return UsageAdjusted(
        customer_id=adjustment.customer_id,
        adjustment_id=adjustment.adjustment_id,
        close_id=adjustment.close_id,
        invoice_id=adjustment.invoice_id,
        part=part,
        parts=parts,
        lines=lines,
        totals=totals,
        reason=adjustment.reason,
    )
