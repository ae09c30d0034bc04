"""What customers have on no bill, told as it changes, on a real Postgres."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.integration.closing_world import World, call, rows, told
from tests.rating.integration.hands import charged, store, work_off
from tests.rating.support.carriers import START, cdr, customer, tell

from contracts.closing import UsageCloseReopened, UsageUnbilled
from contracts.customers import CustomerUpdated, StatusPeriod
from rating.service.unbilled import fold_next, tell_next
from rating.store import gate
from rating.store import unbilled as store_of_totals
from rating.store.positions import Position
from service_kit.database import bind, transaction

FEBRUARY = date(2025, 2, 28)


@pytest.fixture
async def world(kafka: str, service_database: Callable[[str], str]) -> AsyncIterator[World]:
    database = bind(service_database("rating"))
    yield World(kafka)
    await database.close()


async def brought_up_to_date() -> None:
    """What the role `unbilled` does once a minute."""
    assert await fold_next(0)
    while await tell_next(2):
        pass


async def totals() -> dict[int, tuple[int, Decimal]]:
    """Calls and net as they were told last, by customer."""
    await brought_up_to_date()
    newest: dict[int, Any] = {}
    for each in await told(UsageUnbilled):
        before = newest.get(each.customer_id)
        assert before is None or before.version < each.version
        newest[each.customer_id] = each
    return {customer_id: (each.calls, each.net_exact) for customer_id, each in sorted(newest.items())}


async def counted_anew() -> dict[int, tuple[int, Decimal]]:
    """The same as the rule says it: calls whose first close that is not released is not billed."""
    found = await rows(
        """
        SELECT customer_id, count(*) AS calls, sum(charge_micro) AS micro FROM usage
        WHERE coalesce((SELECT state FROM usage_close c WHERE c.customer_id = usage.customer_id
                        AND state <> 'released' AND local_date <= bill_to AND usage.generation <= c.generation
                        ORDER BY close_id LIMIT 1), 'closed') <> 'billed'
        GROUP BY customer_id ORDER BY customer_id
        """
    )
    return {row["customer_id"]: (row["calls"], Decimal(row["micro"]).scaleb(-6)) for row in found}


async def test_only_customers_who_changed_are_told(world: World) -> None:
    """C13: the running total, exact."""
    await world.store([call(1, micro=7), call(1, micro=5), call(2, micro=1_000_000)])
    assert await totals() == {1: (2, Decimal("0.000012")), 2: (1, Decimal("1"))}
    await world.store([call(2, micro=1)])
    assert await totals() == {1: (2, Decimal("0.000012")), 2: (2, Decimal("1.000001"))}
    assert len(await told(UsageUnbilled)) == 3
    assert await totals() == {1: (2, Decimal("0.000012")), 2: (2, Decimal("1.000001"))}
    assert len(await told(UsageUnbilled)) == 3


async def test_not_more_often_than_once_a_minute(world: World) -> None:
    """DESIGN "A billing run": at most once a minute a customer."""
    await world.store([call()])
    assert await fold_next(60)
    await world.store([call()])
    assert not await fold_next(60)
    async with transaction() as tx:
        await tx.connection.execute(text("UPDATE unbilled_folded SET folded_at = folded_at - interval '1 minute'"))
    assert await fold_next(60)


async def test_a_draft_is_unbilled_and_a_bill_is_not(world: World) -> None:
    """C13, I6: closed, billed, open again, released."""
    await world.store([call(micro=5), call(day=date(2025, 2, 3), micro=3)])
    assert (await totals())[1] == (2, Decimal("0.000008"))
    (close,) = await world.close(1)
    assert (await totals())[1] == (2, Decimal("0.000008"))
    await world.bill(close)
    assert (await totals())[1] == (1, Decimal("0.000003"))
    who = {"customer_id": 1, "run_id": 1, "close_id": close.close_id, "invoice_id": 1}
    await world.hear(UsageCloseReopened(**who))
    assert (await totals())[1] == (2, Decimal("0.000008"))
    await world.bill(close)
    assert (await totals())[1] == (1, Decimal("0.000003"))
    await world.hear(UsageCloseReopened(**who))
    await world.release(close)
    assert (await totals())[1] == (2, Decimal("0.000008"))


async def test_billed_before_it_was_ever_counted(world: World) -> None:
    """C13: stored, closed and billed within the minute."""
    await world.store([call(micro=5), call(day=date(2025, 2, 3), micro=3)])
    await world.bill(*await world.close(1))
    assert await totals() == {1: (1, Decimal("0.000003"))}


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_course_the_totals_are_the_calls(world: World, seed: int) -> None:
    """C13: stored, closed, billed, reopened, released in any order, brought up to date now and then."""
    dice, open_closes, billed = random.Random(seed), [], []
    run = 0
    for _ in range(30):
        turn = dice.randrange(6)
        if turn <= 1:
            days = [date(2025, dice.choice((1, 2)), dice.randint(1, 28)) for _ in range(dice.randint(1, 5))]
            await world.store([call(dice.randint(1, 2), day, dice.randint(0, 999_999)) for day in days])
        elif turn == 2:
            run += 1
            open_closes += await world.close(run, [1, 2], dice.choice((date(2025, 1, 31), FEBRUARY)))
        elif turn == 3 and open_closes:
            close = open_closes.pop(dice.randrange(len(open_closes)))
            if dice.random() < 0.7:
                await world.bill(close)
                billed.append(close)
            else:
                await world.release(close)
        elif turn == 4 and billed:
            close = billed.pop(dice.randrange(len(billed)))
            await world.hear(
                UsageCloseReopened(
                    customer_id=close.customer_id, run_id=close.run_id, close_id=close.close_id, invoice_id=1
                )
            )
            open_closes.append(close)
        elif turn == 5:
            await brought_up_to_date()
    found = {customer_id: total for customer_id, total in (await totals()).items() if total[0]}
    assert found == await counted_anew()


async def test_what_is_reversed_is_off_the_total(kafka: str, partition: Position) -> None:
    """Z9, C13: a drop; calls that come in again with the customer are on it again."""
    await work_off()
    assert await totals() == {1: (4, Decimal("0.48"))}
    gone = customer(1).model_dump() | {"version": 2, "status": "dropped"}
    history = (
        StatusPeriod(status="active", effective_from=START),
        StatusPeriod(status="dropped", effective_from=date(2025, 1, 15)),
    )
    await tell(CustomerUpdated.model_validate(gone | {"status_history": history}))
    await work_off()
    assert await totals() == {1: (2, Decimal("0.24"))}
    await tell(CustomerUpdated.model_validate(customer(1).model_dump() | {"version": 3}))
    await work_off()
    await store(partition, [cdr("b", "1", "442079460001")])
    assert await totals() == {1: (5, Decimal("0.6"))}
    assert len(await charged()) == 5


async def test_totals_are_right_while_calls_are_stored_closed_and_billed_beside(world: World) -> None:
    """C13: whatever the moment that a snapshot sees."""

    async def at_work() -> None:
        for run in range(1, 9):
            await world.store([call(customer_id, micro=run) for customer_id in (1, 2) for _ in range(20)])
            await world.bill(*(await world.close(run, [1, 2]))[: run % 3])

    async def counting() -> None:
        for _ in range(25):
            await fold_next(0)
            await asyncio.sleep(0)

    await asyncio.gather(at_work(), counting())
    found = {customer_id: total for customer_id, total in (await totals()).items() if total[0]}
    assert found == await counted_anew()


async def test_of_several_processes_one_counts(world: World) -> None:
    """DESIGN "Events": a role that one plays at a time."""
    async with transaction() as tx:
        assert await gate.only_one(tx.connection, store_of_totals.UNBILLED_LOCK)
        assert not await fold_next(0)
        assert not await tell_next()
