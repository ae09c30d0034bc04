"""Billed usage is taken off its bill when its number or its customer has changed, on a real Postgres."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.rating.integration.closing_world import NUMBER, World, call, told
from tests.rating.integration.hands import MOVED, OTHER, OURS, charged, counted, move_ours, rows, store, work_off
from tests.rating.support.carriers import START, assignment, cdr, customer, number, tell
from tests.support.auditor import usage as audited
from tests.support.auditor.checks import Check

from contracts.closing import UsageAdjusted, UsageCloseBilled, UsageCloseReleased, UsageCloseReopened
from contracts.customers import CustomerUpdated, StatusPeriod
from rating.service import guiding_again
from rating.service.closes import answer_next
from rating.service.guiding_again import guide_again_next
from rating.store.positions import Position

LAST_DAY = MOVED - timedelta(days=1)
FEBRUARY = date(2025, 2, 28)
CHECKS = (
    audited.ONE_OUTCOME,
    audited.CHARGED_ONCE,
    audited.COUNTS_ARE_THE_RECORDS,
    audited.CLOSE_IS_ITS_CALLS,
    audited.ADJUSTMENTS_ARE_TOLD,
    audited.TAKEN_OFF_IS_NO_USAGE_OF_ITS_CLOSE,
    audited.ALLOCATED_AFTER_DROP,
)


async def findings(without: Check | None = None) -> list[str]:
    """What the auditor says of the database."""
    return [told for check in CHECKS if check is not without for told in await _findings(check)]


async def _findings(check: Check) -> list[str]:
    return [check.words.format_map(row) for row in await rows(check.query)]


def with_status(version: int, *periods: tuple[str, date], **more: Any) -> CustomerUpdated:
    """Customer 1 with these statuses, the last of which is the present one."""
    history = tuple(StatusPeriod(status=status, effective_from=day) for status, day in (("active", START), *periods))
    state = customer(1).model_dump() | {"version": version, "status": history[-1].status, "status_history": history}
    return CustomerUpdated.model_validate(state | more)


async def drop(version: int = 2, last_day: date = LAST_DAY, **more: Any) -> None:
    """Customer 1 is dropped: its status from the day after, and the ends of its numbers."""
    await tell(
        with_status(version, ("dropped", last_day + timedelta(days=1)), drop_date=last_day, **more),
        assignment(1, 1, OURS, version=version, end=last_day),
        assignment(2, 1, OTHER, version=version, end=last_day),
    )


def lines(adjusted: UsageAdjusted) -> list[tuple[str, int, Decimal, Decimal]]:
    """Number, calls, exact and rounded net of each line."""
    return [(line.number, line.calls, line.net_exact, line.net) for line in adjusted.lines]


@pytest.fixture
async def world(kafka: str, partition: Position) -> World:
    """Whoever asks for closes and ends them."""
    await work_off()
    return World(kafka)


async def test_a_drop_takes_billed_calls_after_its_date_off_their_bill(world: World) -> None:
    """Z9, C15: one event a close with a line for each usage line; the calls stand in suspense, those before stay."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    await work_off()
    (adjusted,) = await told(UsageAdjusted)
    assert (adjusted.close_id, adjusted.invoice_id, adjusted.part, adjusted.parts) == (close.close_id,) * 2 + (1, 1)
    exact, net = Decimal("-0.12"), Decimal("-0.12")
    assert lines(adjusted) == [("+" + OURS, 1, exact, net), ("+" + OTHER, 1, exact, net)]
    assert (adjusted.totals.calls, adjusted.totals.seconds, adjusted.totals.net_exact) == (2, 120, Decimal("-0.24"))
    assert adjusted.reason == "customer 1 is dropped"
    assert sorted(await charged()) == [f"{OURS}/10", f"{OTHER}/10"]
    assert await counted() == {("rated", ""): (2, 240_000), ("suspended", "customer_dropped"): (2, 0)}
    assert await findings() == []


async def test_a_close_that_was_adjusted_answers_as_before(world: World) -> None:
    """I4: asked twice it answers the same."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    await work_off()
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == [close, close]


async def test_a_date_that_moves_adjusts_only_what_it_adds(world: World) -> None:
    """C14, Z9: repeated with an earlier date, and told again; no call is given back twice."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    await work_off()
    await drop(3, date(2025, 1, 9))
    await drop(3, date(2025, 1, 9))
    await work_off()
    first, second = await told(UsageAdjusted)
    assert (first.totals.calls, second.totals.calls) == (2, 2)
    assert first.adjustment_id != second.adjustment_id
    assert await charged() == {}
    assert await findings() == []


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_a_line_is_refunded_once_however_many_steps_it_takes(
    world: World, partition: Position, batch: int
) -> None:
    """Z9: the exact sum of the calls refunded, rounded once."""
    calls = [cdr("b", str(index), OURS, start="2025-01-21T09:30:00Z") for index in range(6)]
    await store(partition, calls)
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    while await guide_again_next(batch=batch):
        pass
    (adjusted,) = await told(UsageAdjusted)
    assert [each[1] for each in lines(adjusted)] == [7, 1]
    assert await findings() == []


async def test_a_step_that_fails_has_changed_nothing_and_is_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z9: given back once, whatever breaks."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()

    def break_down(_: str) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as broken:
        broken.setattr(guiding_again, "crash_point", break_down)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await guide_again_next()
    assert await told(UsageAdjusted) == []
    assert len(await charged()) == 4
    await work_off()
    assert len(await told(UsageAdjusted)) == 1
    assert await findings() == []


async def test_billed_calls_of_a_moved_number_become_the_newcomers_usage(world: World) -> None:
    """Z9, DESIGN "A billing run": given back to one, charged to the other."""
    (close,) = await world.close(1)
    await world.bill(close)
    await move_ours()
    await work_off()
    (adjusted,) = await told(UsageAdjusted)
    assert (adjusted.customer_id, lines(adjusted)) == (1, [("+" + OURS, 1, Decimal("-0.12"), Decimal("-0.12"))])
    assert (await charged())[f"{OURS}/20"] == 2
    (bill,) = await world.close(2, [2])
    assert (bill.customer_id, bill.totals.calls) == (2, 1)
    assert await findings() == []


async def test_unbilled_calls_leave_no_line_and_billed_ones_are_given_back(world: World, partition: Position) -> None:
    """Z9: one customer with both."""
    (close,) = await world.close(1)
    await world.bill(close)
    await store(partition, [cdr("late", "1", OURS, start="2025-01-22T09:30:00Z")])
    await drop()
    await work_off()
    (adjusted,) = await told(UsageAdjusted)
    assert adjusted.totals.calls == 2
    assert (await counted())["suspended", "customer_dropped"] == (3, 0)
    (after,) = await world.close(2, bill_to=FEBRUARY)
    assert after.totals.calls == 0
    assert await findings() == []


async def test_a_settled_customer_keeps_what_is_billed_and_nothing_else(world: World, partition: Position) -> None:
    """C14: usage stored between the last close and the drop goes to suspense, even of a day before it."""
    (close,) = await world.close(1)
    await world.bill(close)
    await store(partition, [cdr("late", "1", OURS, start="2025-01-09T09:30:00Z")])
    await tell(with_status(2, ("dropped", date(2025, 2, 1)), drop_date=date(2025, 1, 31), dropped_by_run=1))
    await work_off()
    assert len(await charged()) == 4
    assert (await counted())["suspended", "customer_dropped"] == (1, 0)
    assert await told(UsageAdjusted) == []


async def test_a_drop_takes_nothing_of_days_before_it_whatever_changes_later(world: World) -> None:
    """Z7: dropped now, but allocated before; a number's start is corrected afterwards."""
    await drop(last_day=date(2025, 1, 31))
    await tell(assignment(1, 1, OURS, version=3, start=date(2025, 1, 5), end=date(2025, 1, 31)))
    await work_off()
    assert len(await charged()) == 4


async def test_a_type_that_ignores_traffic_is_for_later_calls(world: World, partition: Position) -> None:
    """C15, Z9: what is reversed and what was held already is in suspense, a later call is ignored."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    await tell(*(number(each, 1, digits, 2, number_type="ignore_traffic") for each, digits in ((1, OURS), (2, OTHER))))
    await work_off()
    await store(partition, [cdr("late", "1", OURS, start="2025-01-22T09:30:00Z")])
    await tell(number(1, 1, OURS, 3, number_type="ignore_traffic"))
    await work_off()
    found = await counted()
    assert (found["suspended", "customer_dropped"][0], found["ignored", "number_type"][0]) == (2, 1)
    assert len(await told(UsageAdjusted)) == 1


async def test_a_reinstatement_brings_held_calls_back_but_not_those_of_the_gap(
    world: World, partition: Position
) -> None:
    """C16, Z8: dropped on the 14th, again there on the 20th; what was given back is charged on the next bill."""
    (close,) = await world.close(1)
    await world.bill(close)
    await drop()
    await store(partition, [cdr("gap", "1", OURS, start="2025-01-17T09:30:00Z")])
    await work_off()
    back = date(2025, 1, 20)
    again = assignment(1, 1, OURS, start=back).model_dump() | {"assignment_id": 77}
    await tell(
        with_status(3, ("dropped", MOVED), ("active", back), reinstate_date=back),
        type(assignment(1, 1, OURS)).model_validate(again),
    )
    await work_off()
    assert sorted(await charged()) == [f"{OURS}/10", f"{OURS}/20", f"{OTHER}/10"]
    assert sum(records for (outcome, _), (records, _) in (await counted()).items() if outcome == "suspended") == 2
    (bill,) = await world.close(2, bill_to=FEBRUARY)
    assert [(line.number, line.calls) for line in bill.lines] == [("+" + OURS, 1)]
    assert await findings() == []


async def test_a_recreated_draft_is_closed_again_without_what_was_reversed(world: World) -> None:
    """Z9: the change waits for the draft's close, the next close for the change, and nobody waits for ever."""
    (draft,) = await world.close(1)
    await drop()
    await work_off()
    assert len(await charged()) == 4, "a draft has them"
    await world.cut(2)  # the run that makes the draft again is cut before the release is known here
    await world.release(draft)
    await world.ask(2)
    assert not await answer_next(), "closed before the calls are guided again"
    await work_off()
    await world.answer()
    (again,) = await world.closed(2)
    assert again.totals.calls == 2
    assert await told(UsageAdjusted) == []
    assert await findings() == []


async def reopen(world: World, close: Any) -> None:
    """The invoice is unapproved."""
    await world.hear(
        UsageCloseReopened(
            customer_id=close.customer_id, run_id=close.run_id, close_id=close.close_id, invoice_id=close.close_id
        )
    )


@pytest.mark.parametrize("billed_again", [True, False])
async def test_a_reopened_close_is_billed_again_or_released(world: World, billed_again: bool) -> None:
    """I6: unapproved, its usage is on a draft again; each call is billed once in the end."""
    (first,) = await world.close(1)
    await world.bill(first)
    await reopen(world, first)
    assert await rows("SELECT state FROM usage_close") == [{"state": "closed"}]
    await (world.bill if billed_again else world.release)(first)
    (next_one,) = await world.close(2, bill_to=FEBRUARY)
    assert next_one.totals.calls == (0 if billed_again else 4)
    assert await findings() == []


@pytest.mark.parametrize("state", ["billed", "closed"])
async def test_what_is_released_behind_a_later_close_is_not_lost(world: World, partition: Position, state: str) -> None:
    """I4, I6: January's invoice is unapproved and made again when February's close is there already."""
    (january,) = await world.close(1)
    await world.bill(january)
    await store(partition, [cdr("feb", "1", OURS, start="2025-02-01T09:30:00Z")])
    (february,) = await world.close(2, bill_to=FEBRUARY)
    if state == "billed":
        await world.bill(february)
    await reopen(world, january)
    await world.release(january)
    assert await findings() == []
    if state == "closed":
        await world.bill(february)
    (again,) = await world.close(3)
    assert (february.totals.calls, again.totals.calls) == (1, 4)
    assert await findings() == []


async def test_what_was_allocated_before_a_drop_and_is_released_after_it_was_not_allocated_after_it(
    world: World,
) -> None:
    """Z7, I6: the calls of an unapproved invoice count as stored when it is made again, and stay the customer's."""
    (january,) = await world.close(1)
    await world.bill(january)
    (february,) = await world.close(2, bill_to=FEBRUARY)
    await world.bill(february)
    await drop(last_day=FEBRUARY)
    await work_off()
    await reopen(world, january)
    await world.release(january)
    assert len(await charged()) == 4
    assert await findings() == []


async def test_a_change_while_a_bill_is_unapproved_waits_and_then_finds_its_calls(world: World) -> None:
    """Z9: also where the released calls count as stored anew."""
    (january,) = await world.close(1)
    await world.bill(january)
    (february,) = await world.close(2, bill_to=FEBRUARY)
    await world.bill(february)
    await reopen(world, january)
    await drop()
    await work_off()
    assert len(await charged()) == 4
    await world.release(january)
    await work_off()
    assert len(await charged()) == 2
    assert await told(UsageAdjusted) == []
    assert await findings() == []


async def test_bill_reopen_and_release_of_one_batch_are_taken_in_order(world: World) -> None:
    """I4: events that come together."""
    (close,) = await world.close(1)
    who = {"customer_id": 1, "run_id": 1, "close_id": close.close_id}
    await world.hear(
        UsageCloseBilled(**who, invoice_id=5), UsageCloseReopened(**who, invoice_id=5), UsageCloseReleased(**who)
    )
    assert await rows("SELECT state, invoice_id FROM usage_close") == [{"state": "released", "invoice_id": 5}]


async def test_many_lines_come_in_parts(world: World) -> None:
    """DESIGN "Events": at most 2,000 lines a message."""
    await world.store(
        {
            **{"customer_id": 1, "number_id": index, "call_class": "National", "band": "peak", "charge_micro": 5_001},
            **{"cost_micro": None, "charged_number": f"4420794{index:05}", "seconds": 60, "local_date": "2025-01-20"},
            **{"started": "2025-01-20T12:00:00Z", "usage_id": index},
        }
        for index in range(1, 2_502)
    )
    for close in (await world.close(1))[:1]:
        await world.bill(close)
    await drop()
    while await guide_again_next():
        pass
    parts = await told(UsageAdjusted)
    assert [(each.part, each.parts, len(each.lines)) for each in parts] == [(1, 2, 2_000), (2, 2, 503)]
    assert {each.totals.calls for each in parts} == {2_503}
    assert sum(line.calls for each in parts for line in each.lines) == 2_503


async def test_what_an_end_would_take_is_told_before_it_comes(rating_api: httpx.AsyncClient, kafka: str) -> None:
    """C18: unbilled in all, billed by line; a draft is no bill."""
    world = World(kafka)
    await world.store([call(day=date(2025, 1, day), micro=60_001) for day in (14, 15, 15, 31)])
    (close,) = await world.close(1)
    after = {"date": "2025-01-14"}
    draft = (await rating_api.get("/customers/1/usage-after", params=after)).json()
    assert draft == {"unbilled": {"calls": 3, "seconds": 180, "net_exact": "0.180003"}, "billed": []}
    await world.bill(close)
    await world.store([call(day=date(2025, 1, 16), micro=7)])
    answer = (await rating_api.get("/customers/1/usage-after", params=after)).json()
    assert answer["unbilled"] == {"calls": 1, "seconds": 60, "net_exact": "0.000007"}
    (line,) = answer["billed"]
    assert (line["close_id"], line["number"], line["calls"], line["net_exact"]) == (
        close.close_id,
        "+" + NUMBER,
        3,
        "0.180003",
    )
    assert (await rating_api.get("/customers/1/usage-after")).status_code == 422
