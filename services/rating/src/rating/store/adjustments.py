"""Usage that was taken off a bill: kept as it was billed, gathered into one adjustment a close (SPEC Z9)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.store.frames import COLUMNS

_FETCH = 2_000
_OPEN = text(
    """
    INSERT INTO usage_adjustment (customer_id, close_id, reason)
    SELECT customer_id, close_id, reason
    FROM usage_close JOIN unnest(CAST(:closes AS bigint[]), CAST(:reasons AS text[])) AS told (close_id, reason)
         USING (close_id)
    ORDER BY close_id ON CONFLICT (close_id) WHERE NOT told DO NOTHING
    """
)
_TAKE_OFF = text(
    f"""
    INSERT INTO usage_taken_off (adjustment_id, close_id, {", ".join(COLUMNS)})
    SELECT adjustment_id, close_id, {", ".join(f"usage.{name}" for name in COLUMNS)}
    FROM unnest(CAST(:usage_ids AS bigint[]), CAST(:closes AS bigint[])) AS gone (usage_id, close_id)
    JOIN usage_adjustment USING (close_id) JOIN usage ON usage.usage_id = gone.usage_id
    WHERE NOT told AND usage.generation = ANY(:generations)
    """
)
# A customer of whom more is to be guided again is told of when that is done: a line is refunded once, not in pieces.
_READY = text(
    """
    SELECT adjustment_id, usage_adjustment.customer_id, close_id, invoice_id, reason
    FROM usage_adjustment JOIN usage_close USING (close_id)
    WHERE NOT told AND usage_adjustment.customer_id = ANY(:customers)
      AND NOT EXISTS (SELECT FROM reguide_request
                      WHERE reguide_request.customer_id = usage_adjustment.customer_id)
    ORDER BY adjustment_id
    """
)
_LINES = """
    SELECT number_id, charged_number, call_class, band, coalesce(plan, '') AS plan, count(*) AS calls,
           sum(seconds) AS seconds, sum(units) AS units, sum(volume_bytes) AS volume_bytes,
           -sum(charge_micro) AS list_micro, -sum(charge_micro - coalesce(discount_micro, 0)) AS net_micro,
           -sum(cost_micro) AS cost_micro
    FROM usage_taken_off LEFT JOIN close_discount USING (close_id, usage_id) WHERE adjustment_id = :adjustment_id
    GROUP BY number_id, charged_number, call_class, band, coalesce(plan, '')
"""
_TOTAL = text(
    f"""
    SELECT count(*) AS lines, coalesce(sum(calls), 0) AS calls, coalesce(sum(seconds), 0) AS seconds,
           coalesce(sum(net_micro), 0) AS net_micro FROM ({_LINES}) AS line
    """
)
_IN_ORDER = text(f"{_LINES} ORDER BY number_id, charged_number, call_class, band, plan")
_TOLD = text("UPDATE usage_adjustment SET told = true WHERE adjustment_id = :adjustment_id")


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is taken off one close, and why."""

    adjustment_id: int
    customer_id: int
    close_id: int
    invoice_id: int | None
    reason: str


async def take_off(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], reasons: Mapping[int, str]) -> None:
    """Keep billed calls as they are, before they are removed from `usage`, for an adjustment of their close.

    Args:
        rows: of `usage`, each with its `close_id`.
        reasons: why, by close; of an adjustment that is not told yet the first reason stays.
    """
    await connection.execute(_OPEN, {"closes": list(reasons), "reasons": list(reasons.values())})
    values = {
        "usage_ids": [row["usage_id"] for row in rows],
        "closes": [row["close_id"] for row in rows],
        "generations": sorted({row["generation"] for row in rows}),
    }
    await connection.execute(_TAKE_OFF, values)


async def ready(connection: AsyncConnection, customers: Sequence[int]) -> list[Adjustment]:
    """The adjustments of these customers that are whole and not told yet."""
    rows = await connection.execute(_READY, {"customers": list(customers)})
    return [Adjustment(**row) for row in rows.mappings()]


async def totals(connection: AsyncConnection, adjustment_id: int) -> RowMapping:
    """How many `lines` an adjustment has, and its calls, seconds and micro-pounds; what is given back is negative."""
    return (await connection.execute(_TOTAL, {"adjustment_id": adjustment_id})).mappings().one()


async def lines(connection: AsyncConnection, adjustment_id: int) -> AsyncGenerator[RowMapping, None]:
    """The lines of an adjustment, as those of a close; never all of them in memory."""
    options: dict[str, Any] = {"yield_per": _FETCH}
    values = {"adjustment_id": adjustment_id}
    async with connection.stream(_IN_ORDER, values, execution_options=options) as result:
        async for fetched in result.mappings().partitions(_FETCH):
            for row in fetched:
                yield row


async def mark_told(connection: AsyncConnection, adjustment_id: int) -> None:
    """The adjustment is told; what is taken off its close later is another one."""
    await connection.execute(_TOLD, {"adjustment_id": adjustment_id})
