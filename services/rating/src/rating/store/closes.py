"""Closes and their lines: rectangles of generation and day over `usage`, of which no row is ever updated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.closing import UsageCloseBilled, UsageCloseRequested
from rating.domain.segments import first_generation
from rating.store.close_calls import OF_LINES, calls_of_closes
from rating.store.guiding_again import CAN_BE_WORKED_OFF

CLOSES_LOCK = 0x636C_6F73_6573  # "closes"
_FETCH = 2_000

_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(:lock)")
_NONE_MADE = text("SELECT pg_advisory_xact_lock(:lock)")
_REQUEST = text(
    """
    INSERT INTO close_request (run_id, customer_id, bill_to)
    SELECT :run_id, customer_id, :bill_to FROM unnest(CAST(:customers AS bigint[])) AS customer_id
    ON CONFLICT (run_id, customer_id) DO UPDATE SET answered = false
    """
)
_BILL = text(
    """
    UPDATE usage_close SET state = 'billed', invoice_id = told.invoice_id
    FROM unnest(CAST(:closes AS bigint[]), CAST(:invoices AS bigint[])) AS told (close_id, invoice_id)
    WHERE usage_close.close_id = told.close_id AND state = 'closed' RETURNING usage_close.close_id
    """
)
_RELEASE = text(
    "UPDATE usage_close SET state = 'released' WHERE close_id = ANY(:closes) AND state = 'closed' RETURNING close_id"
)
_REOPEN = text(
    """
    UPDATE usage_close SET state = 'closed', reopened = true
    WHERE close_id = ANY(:closes) AND state = 'billed' RETURNING close_id
    """
)
# Only a close that was open once more can have a later one behind it: its calls would fall into that rectangle.
_WITH_LATER = text(
    """
    SELECT close_id FROM usage_close AS mine
    WHERE close_id = ANY(:closes) AND EXISTS (
        SELECT FROM usage_close AS later
        WHERE later.customer_id = mine.customer_id AND later.close_id > mine.close_id AND later.state <> 'released')
    """
)
_MOVE = text(
    """
    UPDATE usage SET generation = :generation FROM usage_close AS mine
    WHERE mine.close_id = ANY(:closes) AND usage.customer_id = mine.customer_id
      AND usage.local_date <= mine.bill_to AND usage.generation <= mine.generation
      AND NOT EXISTS (
        SELECT FROM usage_close AS earlier
        WHERE earlier.customer_id = mine.customer_id AND earlier.close_id < mine.close_id
          AND earlier.state <> 'released'
          AND usage.local_date <= earlier.bill_to AND usage.generation <= earlier.generation)
    """
)
_CUSTOMERS = text("SELECT DISTINCT customer_id FROM usage_close WHERE close_id = ANY(:closes) ORDER BY customer_id")
_WAKE = text("UPDATE close_request SET waits_for = NULL WHERE waits_for = ANY(:closes)")
# What is to be guided again is so before the close: a draft was recreated for this very change, perhaps.
_NEXT = text(
    f"""
    SELECT run_id, customer_id FROM close_request
    WHERE NOT answered AND waits_for IS NULL AND run_id IN (SELECT run_id FROM cut WHERE generation IS NOT NULL)
      AND NOT EXISTS (SELECT FROM reguide_request
                      WHERE reguide_request.customer_id = close_request.customer_id AND {CAN_BE_WORKED_OFF})
    ORDER BY run_id, customer_id LIMIT :limit
    """
)
_CLOSED_BEFORE = text(
    "SELECT customer_id, close_id FROM usage_close WHERE run_id = :run_id AND customer_id = ANY(:customers)"
)
_OPEN_ELSEWHERE = text(
    """
    SELECT customer_id, close_id FROM usage_close
    WHERE customer_id = ANY(:customers) AND run_id <> :run_id AND state = 'closed'
    ORDER BY close_id FOR UPDATE
    """
)
_WAIT = text(
    """
    UPDATE close_request SET waits_for = open.close_id
    FROM unnest(CAST(:customers AS bigint[]), CAST(:closes AS bigint[])) AS open (customer_id, close_id)
    WHERE run_id = :run_id AND close_request.customer_id = open.customer_id
    """
)
_ADD = text(
    """
    INSERT INTO usage_close (run_id, customer_id, bill_to, generation, state, calls, seconds, net_micro, unpriced)
    SELECT run_id, customer_id, close_request.bill_to, cut.generation, 'closed', 0, 0, 0,
           (SELECT count(*) FROM held
            WHERE held.customer_id = close_request.customer_id AND held.outcome = 'unpriced'
              AND held.local_date <= close_request.bill_to)
    FROM close_request JOIN cut USING (run_id)
    WHERE run_id = :run_id AND customer_id = ANY(:customers)
    ORDER BY customer_id
    RETURNING close_id
    """
)
_LINES_TABLE = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS close_line (
        close_id bigint, number_id bigint, charged_number text, call_class text, band text, plan text, calls bigint,
        seconds numeric, units numeric, volume_bytes numeric, list_micro numeric, net_micro numeric, cost_micro numeric
    ) ON COMMIT DELETE ROWS
    """
)
_UNINDEXED = text("SELECT coalesce(min(segment), 0) FROM segment WHERE NOT indexed")
_MINE, _CALLS = calls_of_closes(OF_LINES)
_GROUP = text(
    f"""
    INSERT INTO close_line {_MINE}
    SELECT close_id, number_id, charged_number, call_class, band, '', count(*), sum(seconds), sum(units),
           sum(volume_bytes), sum(charge_micro), sum(charge_micro), sum(cost_micro)
    FROM {_CALLS} AS call
    GROUP BY close_id, number_id, charged_number, call_class, band
    """
)
# The few closes with discounts are put together apart: all others are spared the join.
_MINE_WITH_ID, _CALLS_WITH_ID = calls_of_closes(("usage_id", *OF_LINES))
_GROUP_DISCOUNTED = text(
    f"""
    INSERT INTO close_line {_MINE_WITH_ID}
    SELECT close_id, number_id, charged_number, call_class, band, coalesce(plan, '') AS plan, count(*), sum(seconds),
           sum(units), sum(volume_bytes), sum(charge_micro), sum(charge_micro - coalesce(discount_micro, 0)),
           sum(cost_micro)
    FROM {_CALLS_WITH_ID} AS call LEFT JOIN close_discount USING (close_id, usage_id)
    GROUP BY close_id, number_id, charged_number, call_class, band, coalesce(plan, '')
    """
)
_TOTAL = text(
    """
    UPDATE usage_close SET calls = total.calls, seconds = total.seconds, net_micro = total.net_micro,
                           usage_calls = total.calls, usage_micro = total.list_micro
    FROM (SELECT close_id, sum(calls) AS calls, sum(seconds) AS seconds, sum(net_micro) AS net_micro,
                 sum(list_micro) AS list_micro
          FROM close_line GROUP BY close_id) AS total
    WHERE usage_close.close_id = total.close_id AND usage_close.close_id = ANY(:closes)
    """
)
_CLOSES = text(
    """
    SELECT run_id, customer_id, close_id, bill_to, generation, unpriced, calls, seconds, net_micro,
           coalesce(lines, 0) AS lines
    FROM usage_close
    LEFT JOIN (SELECT close_id, count(*) AS lines FROM close_line GROUP BY close_id) AS counted USING (close_id)
    WHERE close_id = ANY(:closes) ORDER BY close_id
    """
)
_LINES = text("SELECT * FROM close_line ORDER BY close_id, number_id, charged_number, call_class, band, plan")
_ANSWERED = text("UPDATE close_request SET answered = true WHERE run_id = :run_id AND customer_id = ANY(:customers)")


@dataclass(frozen=True, slots=True)
class Close:
    """A close and the number of its lines; `net_micro` is in micro-pounds."""

    run_id: int
    customer_id: int
    close_id: int
    bill_to: date
    generation: int
    unpriced: int
    calls: int
    seconds: int
    net_micro: int
    lines: int


async def only_one(connection: AsyncConnection) -> bool:
    """Whether this transaction is the one that closes; closes of a customer are then in the order of their ids."""
    return bool((await connection.execute(_ONE_AT_A_TIME, {"lock": CLOSES_LOCK})).scalar_one())


async def put_requests(connection: AsyncConnection, requests: Sequence[UsageCloseRequested]) -> None:
    """Note whom to close; one that was answered is to be answered again."""
    for each in requests:
        customers = sorted(set(each.customers))
        values = {"run_id": each.run_id, "bill_to": each.bill_to, "customers": customers}
        await connection.execute(_REQUEST, values)


async def let_none_be_made(connection: AsyncConnection) -> None:
    """Wait until no close is being made, and let none be until this transaction ends."""
    await connection.execute(_NONE_MADE, {"lock": CLOSES_LOCK})


async def bill(connection: AsyncConnection, billed: Sequence[UsageCloseBilled]) -> list[int]:
    """Bill open closes; requests that waited for them go on. Returns those that were open."""
    invoices = {each.close_id: each.invoice_id for each in billed}
    values = {"closes": list(invoices), "invoices": list(invoices.values())}
    now = list((await connection.execute(_BILL, values)).scalars())
    await connection.execute(_WAKE, {"closes": list(invoices)})
    return now


async def release(connection: AsyncConnection, closes: Sequence[int]) -> list[int]:
    """Release open closes; requests that waited for them go on. Returns those that were open."""
    now = list((await connection.execute(_RELEASE, {"closes": list(closes)})).scalars())
    await connection.execute(_WAKE, {"closes": list(closes)})
    return now


async def reopen(connection: AsyncConnection, closes: Sequence[int]) -> list[int]:
    """Open billed closes once more. Returns those that were billed."""
    return list((await connection.execute(_REOPEN, {"closes": list(closes)})).scalars())


async def with_later(connection: AsyncConnection, closes: Sequence[int]) -> list[int]:
    """Those of these closes behind which their customer has another one that is not released."""
    return list((await connection.execute(_WITH_LATER, {"closes": list(closes)})).scalars())


async def move_calls(connection: AsyncConnection, closes: Sequence[int], generation: int) -> None:
    """The calls of released closes are as if stored now, in no rectangle of a close that is there already."""
    await connection.execute(_MOVE, {"closes": list(closes), "generation": generation})


async def customers_of(connection: AsyncConnection, closes: Sequence[int]) -> list[int]:
    """The customers of these closes."""
    return list((await connection.execute(_CUSTOMERS, {"closes": list(closes)})).scalars())


async def next_requests(connection: AsyncConnection, limit: int) -> tuple[int, list[int]]:
    """Run and customers to be answered next, all of one run; no customers where there are none."""
    rows = (await connection.execute(_NEXT, {"limit": limit})).all()
    run_id = rows[0].run_id if rows else 0
    return run_id, [row.customer_id for row in rows if row.run_id == run_id]


async def closed_before(connection: AsyncConnection, run_id: int, customers: Sequence[int]) -> dict[int, int]:
    """The close that each of these customers has in the run already."""
    rows = await connection.execute(_CLOSED_BEFORE, {"run_id": run_id, "customers": customers})
    return {row.customer_id: row.close_id for row in rows}


async def open_elsewhere(connection: AsyncConnection, run_id: int, customers: Sequence[int]) -> dict[int, int]:
    """The closes of other runs that are neither billed nor released, which they cannot become before the commit."""
    rows = await connection.execute(_OPEN_ELSEWHERE, {"run_id": run_id, "customers": customers})
    return {row.customer_id: row.close_id for row in rows}


async def let_wait(connection: AsyncConnection, run_id: int, waiting: Mapping[int, int]) -> None:
    """Note which close each customer's request waits for."""
    values = {"run_id": run_id, "customers": list(waiting), "closes": list(waiting.values())}
    await connection.execute(_WAIT, values)


async def add_closes(connection: AsyncConnection, run_id: int, customers: Sequence[int]) -> list[int]:
    """Make closes, without their totals yet. Returns their ids."""
    rows = await connection.execute(_ADD, {"run_id": run_id, "customers": customers})
    return list(rows.scalars())


async def unindexed(connection: AsyncConnection) -> int:
    """The first generation of usage that is in no sealed leaf."""
    return first_generation((await connection.execute(_UNINDEXED)).scalar_one())


async def gather_lines(
    connection: AsyncConnection, closes: Sequence[int], new: Collection[int], discounted: Collection[int]
) -> list[Close]:
    """Group the usage of these closes into lines that `lines` reads, and keep the totals of the new ones.

    Args:
        discounted: those of which discount plans price calls.
    """
    await connection.execute(_LINES_TABLE)
    generation = await unindexed(connection)
    plain = [each for each in closes if each not in discounted]
    for statement, members in ((_GROUP, plain), (_GROUP_DISCOUNTED, list(discounted))):
        if members:
            await connection.execute(statement, {"closes": members, "unindexed": generation})
    await connection.execute(_TOTAL, {"closes": list(new)})
    rows = await connection.execute(_CLOSES, {"closes": closes})
    return [Close(**{**row, "net_micro": int(row["net_micro"])}) for row in rows.mappings()]


async def lines(connection: AsyncConnection) -> AsyncGenerator[RowMapping, None]:
    """The lines that were gathered in this transaction, by close; never all of them in memory."""
    options: dict[str, Any] = {"yield_per": _FETCH}
    async with connection.stream(_LINES, execution_options=options) as result:
        async for fetched in result.mappings().partitions(_FETCH):
            for row in fetched:
                yield row


async def mark_answered(connection: AsyncConnection, run_id: int, customers: Sequence[int]) -> None:
    """These customers of the run have their answer."""
    await connection.execute(_ANSWERED, {"run_id": run_id, "customers": customers})
