"""Discount plans at the close, on a real Postgres: from the events that give them to the lines of a bill."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.integration.closing_world import World, call, rows, told
from tests.rating.support.carriers import START, customer, number, tell

from contracts.closing import UsageAdjusted, UsageClosed
from contracts.customers import (
    CustomerUpdated,
    FeatureCreated,
    FeatureRemoved,
    FeatureUpdated,
    NumberUpdated,
    PlanPeriod,
)
from rating.domain.discounts import Draw
from rating.service import adjusting, discounting, explaining
from rating.service.plans import ANY, save_plan
from service_kit.database import bind, transaction

FEBRUARY = date(2025, 2, 28)
_VERSION = text(
    """
    WITH made AS (
        INSERT INTO tariff (code, version, name, currency, rounding_places, is_default, megabyte_bytes, changed_in)
        VALUES ('standard', 1, 'Standard', 'GBP', 4, true, 1000000, 1) RETURNING code)
    INSERT INTO tariff_version (tariff, version, rows, changed_in) SELECT code, 1, 1, 1 FROM made RETURNING version_id
    """
)
_RATE = text(
    """
    INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,
                      minimum_micro, free)
    VALUES (:version_id, '', 'National', '', 120000, 0, 1, 1, 0, 0) RETURNING rate_id
    """
)


class Plans(World):
    """Customer 1 with number 10, whose calls cost 12p a minute."""

    async def begin(self) -> None:
        async with transaction() as tx:
            version_id = (await tx.connection.execute(_VERSION)).scalar_one()
            self.rate_id = (await tx.connection.execute(_RATE, {"version_id": version_id})).scalar_one()
        await tell(customer(1))

    async def calls(self, *seconds: int, day: int = 10, month: int = 1, **more: Any) -> list[int]:
        """Calls of these durations, a minute after one another; 2000 micro-pounds a second."""
        made = [
            call(
                day=date(2025, month, day),
                micro=2_000 * each,
                seconds=each,
                started=datetime(2025, month, day, 12, minute, tzinfo=UTC),
                **more,
            )
            for minute, each in enumerate(seconds)
        ]
        return await self.priced(made)

    async def priced(self, calls: list[dict[str, Any]]) -> list[int]:
        """Store calls with their rate."""
        stored = await self.store(calls)
        async with transaction() as tx:
            statement = text("UPDATE usage SET rate_id = :rate_id WHERE usage_id = ANY(:ids)")
            await tx.connection.execute(statement, {"rate_id": self.rate_id, "ids": stored})
        return stored


@pytest.fixture
async def world(kafka: str, service_database: Callable[[str], str]) -> AsyncIterator[Plans]:
    database = bind(service_database("rating"))
    made = Plans(kafka)
    await made.begin()
    yield made
    await database.close()


async def plan(code: str = "P", *, minutes: str = "2", cap: str | None = None, **pool: Any) -> None:
    """A plan of one pool."""
    usual = {
        "name": "minutes",
        "unit": "minutes",
        "quantity": minutes,
        "call_classes": [],
        "bands": [],
        "shared": True,
        "beyond_price": None,
    }
    made = {"name": code.title(), "pools": [{**usual, **pool}], "monthly_cap": cap, "prorated": False}
    await save_plan(code, made, retired=False, expected=ANY, actor="ann")


def period(code: str = "P", start: date = START, **more: Any) -> PlanPeriod:
    return PlanPeriod(plan=code, start=start, **more)


async def give(*periods: PlanPeriod, version: int = 2) -> None:
    """The customer has these plans from now on."""
    state = customer(1).model_dump() | {"version": version, "discount_plans": periods}
    await tell(CustomerUpdated.model_validate(state))


def feature(kind: type[FeatureCreated | FeatureUpdated | FeatureRemoved], version: int, *plans: PlanPeriod) -> Any:
    return kind(feature_id=70, customer_id=1, version=version, description="Seats", start=START, discount_plans=plans)


def lines(close: UsageClosed) -> list[tuple[str, int, str, str]]:
    """Plan, calls, discount and exact net of each line."""
    assert close.totals.net_exact == sum(line.net_exact for line in close.lines)
    assert all(line.net_exact == line.list_price - line.discount for line in close.lines)
    return [(each.plan, each.calls, f"{each.discount:.4f}", f"{each.net_exact:.4f}") for each in close.lines]


async def test_lines_are_split_by_plan_and_control_totals_agree(world: Plans) -> None:
    """R7, Z2: 120 of 210 seconds are included; the last call has no part in the plan."""
    await plan()
    await give(period())
    await world.calls(100, 50, 60)
    (close,) = await world.close(1)
    assert lines(close) == [("", 1, "0.0000", "0.1200"), ("P", 2, "0.2400", "0.0600")]
    assert (close.totals.calls, close.totals.seconds) == (3, 210)


async def test_customers_without_plans_are_as_before(world: Plans) -> None:
    """R7: only who has a plan pays for it."""
    await plan()
    await world.calls(100)
    (close,) = await world.close(1)
    assert lines(close) == [("", 1, "0.0000", "0.2000")]
    assert await rows("SELECT * FROM close_discount") == []


@pytest.mark.parametrize("seed", range(4))
async def test_the_bill_does_not_depend_on_the_order_in_which_calls_come(world: Plans, seed: int) -> None:
    """R7: calls draw in the order of their start, source and record id."""
    await plan(minutes="3")
    await give(period())
    made = [
        call(micro=2_000 * seconds, seconds=seconds, started=datetime(2025, 1, 10, hour, tzinfo=UTC), usage_id=hour)
        for hour, seconds in enumerate((7, 100, 33, 90, 20, 61), 1)
    ]
    random.Random(seed).shuffle(made)
    for each in made:
        await world.priced([each])
    (close,) = await world.close(1)
    drew = await rows("SELECT usage_id, draws FROM close_discount ORDER BY usage_id")
    assert [(row["usage_id"], row["draws"][0]["amount"]) for row in drew] == [(1, 7), (2, 100), (3, 33), (4, 40)]
    assert lines(close)[1][2:] == ("0.3600", "0.1000")


async def test_asked_twice_a_close_answers_the_same_whatever_became_of_the_plan(world: Plans) -> None:
    """I4: what is closed is decided."""
    await plan()
    await give(period())
    await world.calls(100, 50)
    (first,) = await world.close(1)
    await plan(minutes="0")
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == [first, first]


async def test_a_late_call_draws_what_is_left_of_its_own_month(world: Plans) -> None:
    """Z19: 100 of January's 120 seconds are billed; in February there are 120 more, and 20 for the late call."""
    await plan()
    await give(period())
    await world.calls(100)
    await world.bill(*await world.close(1))
    await world.calls(30, day=5)
    await world.calls(110, month=2)
    (close,) = await world.close(2, bill_to=FEBRUARY)
    assert lines(close) == [("P", 2, "0.2600", "0.0200")]


async def test_a_released_close_has_drawn_nothing(world: Plans) -> None:
    """I4, Z19: the next one has the whole pool."""
    await plan()
    await give(period())
    await world.calls(100)
    await world.release(*await world.close(1))
    await world.calls(20, day=11)
    (close,) = await world.close(2)
    assert lines(close) == [("P", 2, "0.2400", "0.0000")]
    assert len(await rows("SELECT * FROM close_draw")) == 1


async def test_features_fill_pools_and_removed_ones_do_not(world: Plans) -> None:
    """R7: 3 seats of 2 minutes; an older state that comes late changes nothing."""
    await plan()
    await tell(feature(FeatureUpdated, 2, period(quantity=3)))
    await tell(feature(FeatureCreated, 1, period(quantity=9)))
    await world.calls(200, 200)
    (first,) = await world.close(1)
    assert lines(first) == [("P", 2, "0.7200", "0.0800")]
    await world.release(first)
    await tell(feature(FeatureRemoved, 3, period(quantity=3)))
    (second,) = await world.close(2)
    assert lines(second) == [("", 2, "0.0000", "0.8000")]


async def test_a_numbers_plan_is_for_its_own_calls(world: Plans) -> None:
    """R7: another number of the customer has no part in it; the plan ends with the number."""
    await plan()
    await tell(number(10, 1, "442079460001"))
    state = number(10, 1, "442079460001", version=2, discount_plans=(period(),), end=date(2025, 1, 15)).model_dump()
    await tell(NumberUpdated.model_validate(state))
    await world.calls(60, number_id=10)
    await world.calls(60, number_id=10, day=16)
    await world.calls(60, number_id=11)
    (close,) = await world.close(1)
    assert lines(close) == [("", 1, "0.0000", "0.1200"), ("P", 1, "0.1200", "0.0000"), ("", 1, "0.0000", "0.1200")]


async def test_what_is_used_and_left_is_provisional_until_it_is_closed(world: Plans) -> None:
    """R7: the running figure, and the cap beside the pool."""
    await plan(cap="1.00")
    await give(period())
    await world.calls(90)
    before = await discounting.pools_of(1, START)
    assert [(each.pool, each.used, each.provisional, each.left) for each in before] == [
        ("minutes", 90, 90, 30),
        ("", 180_000, 180_000, 820_000),
    ]
    await world.close(1)
    after = await discounting.pools_of(1, START)
    assert [(each.used, each.provisional, each.left) for each in after] == [(90, 0, 30), (180_000, 0, 820_000)]


async def test_the_draw_of_a_call_is_explained(world: Plans) -> None:
    """R9, R7: provisional before the close, then with the close that decided it."""
    await plan()
    await give(period())
    _, second = await world.calls(100, 50)
    before = (await explaining.explain(second)).discounted
    assert before is not None
    assert (before.close_id, before.plan, before.discount_micro, before.charge_micro) == (None, "P", 40_000, 60_000)
    (close,) = await world.close(1)
    after = await explaining.explain(second)
    assert after.discounted is not None
    assert (after.discounted.close_id, after.discounted.draws) == (
        close.close_id,
        (Draw("P", "minutes", "minutes", 20),),
    )
    assert "draws 20 s on the pool minutes of P" in after.steps[-1].sentence


async def test_many_calls_are_read_in_their_order_some_at_a_time(world: Plans) -> None:
    """R7: more calls than are fetched at once; each draws one second."""
    await plan(minutes="50")
    await give(period())
    await world.priced([call(micro=2_000, seconds=1) for _ in range(4_500)])
    (close,) = await world.close(1)
    assert lines(close) == [("", 1_500, "0.0000", "3.0000"), ("P", 3_000, "6.0000", "0.0000")]
    assert (await rows("SELECT drawn FROM close_draw"))[0]["drawn"] == Decimal(3_000)


async def test_calls_taken_off_a_bill_are_given_back_at_what_they_were_charged(world: Plans) -> None:
    """Z9, R7: the plan's line is given back by itself, and what was drawn stays drawn."""
    await plan()
    await give(period())
    _, second, third = await world.calls(100, 50, 60)
    (close,) = await world.close(1)
    await world.bill(close)
    taken = await rows("SELECT * FROM usage WHERE usage_id = ANY(:ids) ORDER BY usage_id", ids=[second, third])
    async with transaction() as tx:
        await adjusting.take_off(tx, [({**row, "close_id": close.close_id}, "ended") for row in taken])
        await tx.connection.execute(text("DELETE FROM usage WHERE usage_id = ANY(:ids)"), {"ids": [second, third]})
        await adjusting.tell(tx, [1])
    (adjusted,) = await told(UsageAdjusted)
    given_back = [(each.plan, each.list_price, each.discount, each.net_exact) for each in adjusted.lines]
    assert [tuple(map(str, each)) for each in given_back] == [
        ("", "-0.120000", "0.000000", "-0.120000"),
        ("P", "-0.100000", "-0.040000", "-0.060000"),
    ]
    await world.calls(60, day=12)
    (late,) = await world.close(2)
    assert lines(late) == [("", 1, "0.0000", "0.1200")]
