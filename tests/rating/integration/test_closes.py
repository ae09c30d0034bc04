"""Cuts and closes on a real Postgres: which usage is on which bill, to the penny and once."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.rating.integration.closing_world import (
    NUMBER,
    World,
    call,
    markers,
    put_position,
    received,
    requested,
    rows,
    told,
)

from contracts.closing import UsageClosed
from contracts.topics import CDR_RECEIVED, MAX_PART_LINES
from rating.service.cuts import take_cut, take_in_runs
from rating.service.sealing import seal_step
from rating.store import gate, held
from service_kit.database import bind, transaction
from service_kit.kafka import end_offsets, make_producer

JANUARY, FEBRUARY = date(2025, 1, 31), date(2025, 2, 28)


@pytest.fixture
async def world(kafka: str, service_database: Callable[[str], str]) -> AsyncIterator[World]:
    database = bind(service_database("rating"))
    yield World(kafka)
    await database.close()


def calls_in(closes: list[UsageClosed]) -> int:
    return sum(line.calls for each in closes for line in each.lines)


async def test_a_line_is_the_exact_sum_of_its_calls_rounded_once(world: World) -> None:
    """Z2: three calls of 0.004999 are 0.014997, a penny; rounded one by one they would be nothing."""
    await world.store([call(micro=4_999) for _ in range(3)])
    await world.store([call(micro=4_999, band="weekend"), call(micro=1_000_000, charged_number="short", number_id=11)])
    (close,) = await world.close(1)
    lines = [(line.number, line.band, line.calls, line.net_exact, line.net) for line in close.lines]
    assert lines == [
        ("+" + NUMBER, "peak", 3, Decimal("0.014997"), Decimal("0.01")),
        ("+" + NUMBER, "weekend", 1, Decimal("0.004999"), Decimal("0.00")),
        ("short", "peak", 1, Decimal("1.000000"), Decimal("1.00")),
    ]
    assert (close.lines[0].seconds, close.lines[0].cost) == (180, Decimal("0.003"))
    assert (close.totals.calls, close.totals.seconds, close.totals.net_exact) == (5, 300, Decimal("1.019996"))


async def test_a_customer_without_usage_is_answered_with_one_empty_part(world: World) -> None:
    """I4: an invoice is made when rating has answered, also that there is nothing."""
    (close,) = await world.close(1, [7])
    assert (close.customer_id, close.part, close.parts, close.lines, close.totals.calls) == (7, 1, 1, (), 0)


async def test_asked_twice_it_answers_the_same_even_after_later_usage_and_a_later_close(world: World) -> None:
    """I4: asked for twice without doubling anything."""
    await world.store([call(), call(micro=7)])
    (first,) = await world.close(1)
    await world.store([call()])
    await world.ask(1)
    await world.answer()
    await world.bill(first)
    await world.close(2)
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == [first, first, first]
    assert len(await rows("SELECT 1 FROM usage_close WHERE run_id = 1")) == 1


async def test_usage_that_arrives_after_the_cut_is_on_the_next_bill_only(world: World) -> None:
    """Z3, I4: received before the close, however old."""
    await world.store([call(micro=1)])
    await world.cut(1)
    await world.store([call(micro=2, day=date(2023, 5, 1))])
    await world.ask(1)
    await world.answer()
    (first,) = await world.closed(1)
    assert first.totals.net_exact == Decimal("0.000001")
    await world.bill(first)
    (second,) = await world.close(2)
    assert second.totals.net_exact == Decimal("0.000002")


async def test_calls_after_the_bill_to_date_are_not_in_it(world: World) -> None:
    """Z3: calls after the bill-to date are never in it."""
    await world.store([call(day=JANUARY), call(day=JANUARY + timedelta(days=1)), call(day=FEBRUARY)])
    first = await world.close(1)
    assert calls_in(first) == 1
    await world.bill(*first)
    assert calls_in(await world.close(2, bill_to=FEBRUARY)) == 2


async def test_released_usage_comes_again_in_the_next_close(world: World) -> None:
    """A released close is as if it never was (DESIGN: A close)."""
    await world.store([call(), call()])
    first = await world.close(1)
    await world.release(*first)
    await world.store([call()])
    assert calls_in(await world.close(2)) == 3


async def test_billed_usage_stays_billed_whatever_is_said_later(world: World) -> None:
    """A billed close is never released, its usage never billed again."""
    await world.store([call()])
    first = await world.close(1)
    await world.bill(*first)
    await world.release(*first)
    assert calls_in(await world.close(2)) == 0
    (row,) = await rows("SELECT state, invoice_id FROM usage_close WHERE run_id = 1")
    assert row == {"state": "billed", "invoice_id": first[0].close_id}


async def test_a_second_run_waits_until_the_first_close_is_billed(world: World) -> None:
    """DESIGN: a customer has at most one close that is neither billed nor released."""
    await world.store([call(1), call(2)])
    first = await world.close(1, [1])
    second = await world.close(2, [1, 2])
    assert [each.customer_id for each in second] == [2]
    await world.bill(*first)
    await world.answer()
    assert [(each.customer_id, each.totals.calls) for each in await world.closed(2)] == [(2, 1), (1, 0)]


async def test_unpriced_calls_are_counted_but_not_billed(world: World) -> None:
    """R5: unpriced usage is never billed at zero by accident; the close says how much there is."""
    async with transaction() as tx:
        await tx.connection.exec_driver_sql(
            """
            INSERT INTO held (usage_id, revision, outcome, reason, detail, customer_id, number_id, source, record_id,
                charged_number, other_party, direction, service_type, started, local_date, band, seconds, units,
                volume_bytes, currency, received_on, generation)
            SELECT 1000 + n, 1, 'unpriced', 'no_price', '', 1, 10, 'northstar', CAST(n AS text), '442079460001', '',
                'outbound', 'voice', day, CAST(day AS date), 'peak', 60, 0, 0, 'GBP', '2025-01-01', 1
            FROM unnest(CAST('{2025-01-30 12:00Z,2025-01-31 12:00Z,2025-02-01 12:00Z}' AS timestamptz[]))
                 WITH ORDINALITY AS call (day, n)
            """
        )
    (close,) = await world.close(1)
    assert (close.unpriced, close.totals.calls) == (2, 0)


async def test_many_lines_come_in_parts_with_the_same_totals(world: World) -> None:
    """I4: control totals are over all parts and stand in each; no part has more than 2,000 lines."""
    numbers = 2 * MAX_PART_LINES + 5
    await world.store([call(number_id=100 + each, micro=each) for each in range(numbers)] + [call(2)])
    closes = await world.close(1, [1, 2])
    big = [each for each in closes if each.customer_id == 1]
    assert [(each.part, each.parts, len(each.lines)) for each in big] == [(1, 3, 2000), (2, 3, 2000), (3, 3, 5)]
    assert {each.totals.net_exact for each in big} == {Decimal(sum(range(numbers))) / 10**6}
    assert sum(line.net_exact for each in big for line in each.lines) == big[0].totals.net_exact
    assert len({line.number_id for each in big for line in each.lines}) == numbers
    assert calls_in([each for each in closes if each.customer_id == 2]) == 1


async def test_many_customers_are_closed_in_groups(world: World) -> None:
    """Each customer of a large run is answered once."""
    customers = list(range(1, 1_203))
    await world.store([call(each) for each in customers])
    closes = await world.close(1, customers)
    assert sorted(each.customer_id for each in closes) == customers
    assert {each.totals.calls for each in closes} == {1}


async def test_a_cut_waits_for_every_marker_of_both_topics(world: World) -> None:
    """DESIGN, the cut: a reader that has the run's marker from all partitions has all changes."""
    last, *others = markers(5)
    await world.mark(others)
    await take_in_runs(received(requested(5, JANUARY)), world.kafka)
    await world.stand_at_ends(5)
    assert not await take_cut(5)
    await world.mark([last, last])
    assert await take_cut(5)
    assert not await take_cut(5)


async def test_a_cut_waits_until_the_input_is_stored_past_the_ends_noted(world: World) -> None:
    """DESIGN, the cut: what was on the topic when the run was requested is in it."""
    producer = make_producer(kafka=world.kafka, client_id="test")
    await producer.start()
    await producer.send_and_wait(CDR_RECEIVED, b"{}", partition=1)
    await producer.stop()
    await take_in_runs(received(requested(6, JANUARY)), world.kafka)
    await world.mark(markers(6))
    await world.stand_at_ends(6)
    end = (await end_offsets(CDR_RECEIVED, kafka=world.kafka))[1]
    await put_position(CDR_RECEIVED, 1, end - 1)
    assert not await take_cut(6)
    await put_position(CDR_RECEIVED, 1, end)
    assert await take_cut(6)


async def test_a_position_of_a_topic_that_was_made_again_does_not_count(world: World) -> None:
    """DESIGN: the position belongs to a topic id."""
    producer = make_producer(kafka=world.kafka, client_id="test")
    await producer.start()
    await producer.send_and_wait(CDR_RECEIVED, b"{}", partition=1)
    await producer.stop()
    await take_in_runs(received(requested(7, JANUARY)), world.kafka)
    await world.mark(markers(7))
    await world.stand_at_ends(7)
    await put_position(CDR_RECEIVED, 1, 0, topic_id="another")
    assert not await take_cut(7)


async def test_a_cut_waits_for_calls_to_be_judged_again_but_not_for_later_changes(world: World) -> None:
    """R3: suspense is retried by itself; what a change before the run frees is in the run."""
    async with transaction() as tx:
        changed = await gate.pass_alone(tx.connection)
        await held.add_requests(tx.connection, changed, "number", [NUMBER])
    await take_in_runs(received(requested(8, JANUARY)), world.kafka)
    await world.mark(markers(8))
    await world.stand_at_ends(8)
    assert not await take_cut(8)
    async with transaction() as tx:
        later = await gate.pass_alone(tx.connection)
        await held.add_requests(tx.connection, later, "number", [NUMBER])
        await held.remove_requests(tx.connection, [held.Request(changed, "number", NUMBER)])
    assert await take_cut(8)


async def test_closes_wait_for_the_cut(world: World) -> None:
    """I4: a request that comes before the cut is answered after it."""
    await world.store([call()])
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == []
    await world.cut(1)
    await world.answer()
    assert calls_in(await world.closed(1)) == 1


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(3, 12))])
async def test_any_course_of_closes_bills_every_call_exactly_once(world: World, seed: int) -> None:
    """Z3, I4: at every moment a call is in at most one close that is not released; in the end all are billed once.

    Each call costs another power of two, so that a total tells exactly which calls are in it. Some are sealed with
    their index meanwhile, the latest are not.
    """
    chance = random.Random(seed)
    weights = iter(range(60))
    billed = stored = 0
    for run_id in range(1, 16):
        for _ in range(chance.randrange(5)):
            micro = 2 ** next(weights)
            stored |= micro
            await world.store([call(chance.choice((1, 2)), _around(JANUARY, chance), micro)])
        while chance.random() < 0.6 and await seal_step(1):
            pass
        bill_to = _around(JANUARY, chance)
        await world.cut(run_id, bill_to)
        await world.ask(run_id, [1, 2], bill_to)
        await world.answer()
        billed |= await _end_some(world, billed, chance, ("bill", "release", "leave"))
    while await _live():
        billed |= await _end_some(world, billed, chance, ("bill",))
    closes = await world.close(99, [1, 2], _around(JANUARY, chance) + timedelta(days=365))
    assert {each.customer_id for each in closes} == {1, 2}
    assert billed | await _end_some(world, billed, chance, ("bill",)) == stored


def _around(day: date, chance: random.Random) -> date:
    return day + timedelta(days=chance.randrange(-40, 40))


async def _live() -> list[UsageClosed]:
    """The answers whose closes are neither billed nor released."""
    open_now = {row["close_id"] for row in await rows("SELECT close_id FROM usage_close WHERE state = 'closed'")}
    return [each for each in await told(UsageClosed) if each.close_id in open_now]


async def _end_some(world: World, billed: int, chance: random.Random, ways: tuple[str, ...]) -> int:
    """Check what is in the live closes, then bill, release or leave each; answer whoever waited for them.

    Returns: the calls billed, as the sum of their powers of two.
    """
    seen, newly = billed, 0
    for close in await _live():
        calls = int(close.totals.net_exact * 10**6)
        assert calls & seen == 0
        assert calls.bit_count() == close.totals.calls
        seen |= calls
        what = chance.choice(ways)
        if what == "bill":
            await world.bill(close)
            newly |= calls
        elif what == "release":
            await world.release(close)
    await world.answer()
    return newly
