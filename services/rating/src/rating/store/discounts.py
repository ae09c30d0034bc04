"""What closes decide of calls that discount plans price, and what the pools were drawn on: rows beside `usage`."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.charging import SECONDS_PER_MINUTE
from rating.domain.discounts import Call, Discount, Draw, Key, RestRate, billed_of
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES
from rating.store.close_calls import calls_of_closes

FETCH = 2_000
_MICRO_PLACES = 6
_USED = {"voice": "seconds", "sms": "units", "data": "volume_bytes"}
_COLUMNS = (
    *("usage_id", "number_id", "call_class", "band", "service_type", "seconds", "units", "volume_bytes"),
    *("billed_seconds", "charge_micro", "tariff", "rate_id", "started", "source", "record_id"),
)
# What a call is, and what its rest would be charged by; the order is that in which calls draw (SPEC Z19).
_WITH_RATE = """
    SELECT call.*, price_micro, connection_micro, minimum_micro, maximum_micro, initial, step, free,
           rounding_places, megabyte_bytes
    FROM {calls} AS call LEFT JOIN rate USING (rate_id) LEFT JOIN tariff ON tariff.code = call.tariff
    ORDER BY started, source COLLATE "C", record_id COLLATE "C", usage_id
"""
_MINE, _CALLS = calls_of_closes(_COLUMNS)
_OF_CLOSE = text(f"{_MINE} {_WITH_RATE.format(calls=_CALLS)}")
_UNBILLED = f"""(
    SELECT local_date, {", ".join(f"usage.{name}" for name in _COLUMNS)} FROM usage
    WHERE usage.customer_id = :customer_id AND usage.local_date BETWEEN :first AND :last
      AND NOT EXISTS (
        SELECT FROM usage_close AS done
        WHERE done.customer_id = usage.customer_id AND done.state <> 'released'
          AND usage.generation <= done.generation AND usage.local_date <= done.bill_to)
)"""
_NOT_CLOSED = text(_WITH_RATE.format(calls=_UNBILLED))
_WITH_PLANS = text(
    """
    SELECT close_id, customer_id FROM usage_close WHERE close_id = ANY(:closes) AND (
        EXISTS (SELECT FROM customer
                WHERE customer.customer_id = usage_close.customer_id AND discount_plans <> '[]')
        OR EXISTS (SELECT FROM number
                   WHERE number.customer_id = usage_close.customer_id AND discount_plans <> '[]')
        OR EXISTS (SELECT FROM feature WHERE feature.customer_id = usage_close.customer_id))
    ORDER BY close_id
    """
)
_DISCOUNTED = text(
    """
    SELECT close_id FROM unnest(CAST(:closes AS bigint[])) AS asked (close_id)
    WHERE EXISTS (SELECT FROM close_discount WHERE close_discount.close_id = asked.close_id)
    """
)
_BEFORE = text(
    """
    SELECT plan, pool, number_id, month, sum(drawn) AS drawn FROM close_draw JOIN usage_close USING (close_id)
    WHERE customer_id = :customer_id AND state <> 'released' GROUP BY plan, pool, number_id, month
    """
)
_ADD = text(
    """
    INSERT INTO close_discount (close_id, usage_id, plan, discount_micro, draws)
    SELECT :close_id, * FROM unnest(
        CAST(:usage_ids AS bigint[]), CAST(:plans AS text[]), CAST(:discounts AS bigint[]), CAST(:draws AS jsonb[]))
    """
)
_ADD_DRAWN = text(
    """
    INSERT INTO close_draw (close_id, plan, pool, number_id, month, drawn)
    SELECT :close_id, * FROM unnest(
        CAST(:plans AS text[]), CAST(:pools AS text[]), CAST(:numbers AS bigint[]), CAST(:months AS date[]),
        CAST(:drawn AS numeric[]))
    """
)
_RELEASE = tuple(
    text(f"DELETE FROM {table} WHERE close_id = ANY(:closes)") for table in ("close_discount", "close_draw")
)
_OF_CALL = text(
    """
    SELECT close_id, plan, discount_micro, draws FROM close_discount JOIN usage_close USING (close_id)
    WHERE usage_id = :usage_id AND customer_id = :customer_id AND state <> 'released' ORDER BY close_id DESC LIMIT 1
    """
)
_IS_CLOSED = text(
    """
    SELECT EXISTS (
        SELECT FROM usage_close WHERE customer_id = :customer_id AND state <> 'released'
          AND :generation <= generation AND CAST(:local_date AS date) <= bill_to)
    """
)


async def with_plans(connection: AsyncConnection, closes: Sequence[int]) -> dict[int, int]:
    """Those of these closes whose customer has or had a plan: close to customer."""
    rows = await connection.execute(_WITH_PLANS, {"closes": list(closes)})
    return {row.close_id: row.customer_id for row in rows}


async def discounted(connection: AsyncConnection, closes: Sequence[int]) -> set[int]:
    """Those of these closes of which plans price calls."""
    return set((await connection.execute(_DISCOUNTED, {"closes": list(closes)})).scalars())


async def drawn(connection: AsyncConnection, customer_id: int) -> dict[Key, int]:
    """What the customer's closes that stand have drawn."""
    rows = await connection.execute(_BEFORE, {"customer_id": customer_id})
    return {Key(row.plan, row.pool, row.number_id, row.month): int(row.drawn) for row in rows}


async def calls_of(connection: AsyncConnection, close_id: int, unindexed: int) -> AsyncGenerator[list[Call], None]:
    """The calls of a close in the order in which they draw, some at a time; never all of them in memory."""
    async for part in _stream(connection, _OF_CLOSE, {"closes": [close_id], "unindexed": unindexed}):
        yield part


async def calls_of_no_close(
    connection: AsyncConnection, customer_id: int, first: date, last: date
) -> AsyncGenerator[list[Call], None]:
    """The same of a customer's calls between two local days that no close covers."""
    async for part in _stream(connection, _NOT_CLOSED, {"customer_id": customer_id, "first": first, "last": last}):
        yield part


async def _stream(
    connection: AsyncConnection, statement: TextClause, values: Mapping[str, Any]
) -> AsyncGenerator[list[Call], None]:
    options: dict[str, Any] = {"yield_per": FETCH}
    async with connection.stream(statement, values, execution_options=options) as result:
        async for fetched in result.mappings().partitions(FETCH):
            yield [call_of(row) for row in fetched]


def call_of(row: RowMapping) -> Call:
    """A call of a row with its rate and its tariff's header, as far as it has them."""
    service = row["service_type"]
    used = row[_USED[service]]
    places, megabyte = row["rounding_places"], row["megabyte_bytes"]
    rate, increments = None, None
    if row["price_micro"] is not None:
        rate = RestRate(row["price_micro"], row["connection_micro"], row["minimum_micro"], row["maximum_micro"])
        increments = (row["initial"], row["step"], row["free"])
    return Call(
        usage_id=row["usage_id"],
        number_id=row["number_id"],
        call_class=row["call_class"],
        band=row["band"],
        service_type=service,
        day=row["local_date"],
        billed=billed_of(service, used, row["billed_seconds"], increments),
        charge=row["charge_micro"],
        rate=rate,
        divisor={"voice": SECONDS_PER_MINUTE, "sms": 1}.get(service, megabyte or MEGABYTE_BYTES),
        place=10 ** (_MICRO_PLACES - (DEFAULT_ROUNDING_PLACES if places is None else places)),
    )


async def add(connection: AsyncConnection, close_id: int, told: Sequence[tuple[int, Discount]]) -> None:
    """Keep what a close decides of calls: usage id and discount."""
    if told:
        values = {
            "close_id": close_id,
            "usage_ids": [usage_id for usage_id, _ in told],
            "plans": [each.plan for _, each in told],
            "discounts": [each.discount for _, each in told],
            "draws": [json.dumps([asdict(draw) for draw in each.draws]) for _, each in told],
        }
        await connection.execute(_ADD, values)


async def add_drawn(connection: AsyncConnection, close_id: int, amounts: Mapping[Key, int]) -> None:
    """Keep what a close drew on each pool."""
    if amounts:
        values = {
            "close_id": close_id,
            "plans": [key.plan for key in amounts],
            "pools": [key.pool for key in amounts],
            "numbers": [key.number_id for key in amounts],
            "months": [key.month for key in amounts],
            "drawn": list(amounts.values()),
        }
        await connection.execute(_ADD_DRAWN, values)


async def release(connection: AsyncConnection, closes: Sequence[int]) -> None:
    """These closes drew nothing."""
    for statement in _RELEASE:
        await connection.execute(statement, {"closes": list(closes)})


async def of_call(connection: AsyncConnection, usage_id: int, customer_id: int) -> tuple[int, Discount] | None:
    """The close that stands and what it made of a call; None where no plan priced it."""
    values = {"usage_id": usage_id, "customer_id": customer_id}
    row = (await connection.execute(_OF_CALL, values)).first()
    if row is None:
        return None
    return row.close_id, Discount(row.plan, row.discount_micro, tuple(Draw(**each) for each in row.draws))


async def is_closed(connection: AsyncConnection, row: RowMapping) -> bool:
    """Whether a close that stands covers a row of `usage`."""
    values = {name: row[name] for name in ("customer_id", "generation", "local_date")}
    return bool((await connection.execute(_IS_CLOSED, values)).scalar_one())
