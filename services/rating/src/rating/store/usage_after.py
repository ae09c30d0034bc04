"""A customer's usage after a day, as an end on that day would find it (SPEC C18, Z9)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

# A call belongs to the first close, of those not released, whose rectangle it lies in.
_CALLS = """
    SELECT usage.*, covering.close_id, covering.invoice_id, covering.state FROM usage
    LEFT JOIN LATERAL (
        SELECT close_id, invoice_id, state FROM usage_close AS done
        WHERE done.customer_id = usage.customer_id AND done.state <> 'released'
          AND usage.generation <= done.generation AND usage.local_date <= done.bill_to
        ORDER BY close_id LIMIT 1) AS covering ON true
    WHERE usage.customer_id = :customer_id AND usage.local_date > :day
"""
_SUMS = "count(*) AS calls, coalesce(sum(seconds), 0) AS seconds, coalesce(sum({charge}), 0) AS net_micro"
_LISTED = _SUMS.format(charge="charge_micro")
_CHARGED = _SUMS.format(charge="charge_micro - coalesce(discount_micro, 0)")
_UNBILLED = text(f"SELECT {_LISTED} FROM ({_CALLS}) AS call WHERE state IS DISTINCT FROM 'billed'")
_BILLED = text(
    f"""
    SELECT close_id, invoice_id, number_id, charged_number, call_class, band, coalesce(plan, '') AS plan, {_CHARGED}
    FROM ({_CALLS}) AS call LEFT JOIN close_discount USING (close_id, usage_id) WHERE state = 'billed'
    GROUP BY close_id, invoice_id, number_id, charged_number, call_class, band, coalesce(plan, '')
    ORDER BY close_id, number_id, charged_number, call_class, band, plan
    """
)


async def unbilled_after(connection: AsyncConnection, customer_id: int, day: date) -> RowMapping:
    """`calls`, `seconds` and `net_micro` of calls after a local day that are on no bill; a draft is none."""
    return (await connection.execute(_UNBILLED, {"customer_id": customer_id, "day": day})).mappings().one()


async def billed_after(connection: AsyncConnection, customer_id: int, day: date) -> list[RowMapping]:
    """The same of calls that are billed, by close and line."""
    return list((await connection.execute(_BILLED, {"customer_id": customer_id, "day": day})).mappings())
