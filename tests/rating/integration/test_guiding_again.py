"""Usage is guided again when its number changes hands or its customer's status does, on a real Postgres."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from tests.rating.integration.hands import MOVED, OTHER, OURS, charged, counted, move_ours, rows, told, work_off
from tests.rating.support.carriers import (
    START,
    assignment,
    customer,
    number,
    tell,
)

from contracts.customers import AssignmentCreated, AssignmentRemoved, CustomerUpdated, StatusPeriod
from rating.store.positions import Position
from service_kit.database import transaction


async def test_calls_of_a_moved_number_become_its_new_holders_from_that_day_on(partition: Position) -> None:
    """R3: numbers that change holder; what was before stays, and so does every other number."""
    await move_ours()
    await work_off()
    assert await charged() == {f"{OURS}/10": 1, f"{OURS}/20": 2, f"{OTHER}/10": 1, f"{OTHER}/20": 1}
    assert await counted() == {("rated", ""): (4, 480_000)}
    assert [(kind, revision) for kind, revision, _ in await told()] == [("usage.reversed", 2), ("usage.rated", 3)]
    assert await rows("SELECT * FROM reguide_request") == []


@pytest.mark.parametrize("newcomer_first", [True, False])
async def test_a_number_that_was_never_there_is_told_in_any_order(partition: Position, newcomer_first: bool) -> None:
    """C9: moved on its first day, the old customer's period is removed; the two customers' events come in any order."""
    gone = AssignmentRemoved(**{**assignment(1, 1, OURS).model_dump(), "version": 2})
    events = [[gone], [number(3, 2, OURS), assignment(3, 2, OURS)]]
    for told_now in reversed(events) if newcomer_first else events:
        await tell(*told_now)
        await work_off()
    await tell(assignment(1, 1, OURS))
    await work_off()
    assert await charged() == {f"{OURS}/10": 2, f"{OURS}/20": 2, f"{OTHER}/10": 1, f"{OTHER}/20": 1}
    assert await counted() == {("rated", ""): (4, 480_000)}


async def test_calls_after_another_call_plan_began_stay_where_they_are(partition: Position) -> None:
    """C9: one assignment for each call plan, without a gap between them."""
    await tell(
        assignment(1, 1, OURS, version=2, end=date(2025, 1, 14)),
        AssignmentCreated(**{**assignment(1, 1, OURS, start=MOVED).model_dump(), "assignment_id": 99}),
    )
    await work_off()
    assert len(await charged()) == 4
    assert await told() == []


async def test_calls_after_the_end_of_a_number_are_reversed_and_held_and_come_back_with_it(partition: Position) -> None:
    """R3, Z9: not billed yet, so they leave no line."""
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 14)))
    await work_off()
    assert f"{OURS}/20" not in await charged()
    assert await counted() == {("rated", ""): (3, 360_000), ("suspended", "no_active_call_plan"): (1, 0)}
    await tell(assignment(1, 1, OURS, version=3))
    await work_off()
    assert (await charged())[f"{OURS}/20"] == 1
    kinds = [(kind, revision) for kind, revision, _ in await told()]
    assert kinds == [("usage.reversed", 2), ("usage.suspended", 3), ("usage.rated", 4)]


async def test_calls_after_a_drop_are_reversed_and_those_before_it_stay(partition: Position) -> None:
    """Z7, Z9, C15: from the day after the drop date on."""
    history = (
        StatusPeriod(status="active", effective_from=START),
        StatusPeriod(status="dropped", effective_from=MOVED),
    )
    gone = customer(1).model_dump() | {"version": 2, "status": "dropped", "status_history": history}
    await tell(CustomerUpdated.model_validate(gone))
    await work_off()
    assert sorted(await charged()) == [f"{OURS}/10", f"{OTHER}/10"]
    assert (await counted())["suspended", "customer_dropped"] == (2, 0)
    assert all("dropped" in reason for kind, _, reason in await told() if kind == "usage.reversed")


async def test_a_change_that_concerns_no_calls_day_changes_nothing(partition: Position) -> None:
    """R3: an end after the last call, another name, the same state again."""
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 20)))
    renamed = customer(1).model_dump() | {"version": 2, "name": "Another name"}
    await tell(CustomerUpdated.model_validate(renamed))
    assert await rows("SELECT customer_id FROM reguide_request") == [{"customer_id": 1}]
    await work_off()
    assert len(await charged()) == 4
    assert await told() == []


async def test_a_call_that_stays_where_it_was_keeps_its_price(partition: Position) -> None:
    """R8: only re-rating changes prices."""
    async with transaction() as tx:
        await tx.connection.execute(text("UPDATE usage SET charge_micro = 7 WHERE record_id = '442079460001/10'"))
    await tell(assignment(1, 1, OURS, version=2, start=date(2025, 1, 5), end=date(2025, 1, 14)))
    await work_off()
    kept = await rows("SELECT charge_micro, revision FROM usage WHERE record_id = '442079460001/10'")
    assert kept == [{"charge_micro": 7, "revision": 1}]


@pytest.mark.parametrize("state", ["billed", "closed", "released"])
async def test_what_is_in_a_draft_waits_for_the_end_of_its_close(partition: Position, state: str) -> None:
    """Z9: whether usage is reversed or taken off a bill is known when its close has ended."""
    async with transaction() as tx:
        await tx.connection.execute(
            text(
                "INSERT INTO usage_close (run_id, customer_id, bill_to, generation, state, calls, seconds, net_micro,"
                " unpriced) SELECT 1, 1, '2025-01-31', generation, :state, 4, 0, 0, 0 FROM gate"
            ),
            {"state": state},
        )
    await move_ours()
    await work_off()
    assert (await charged())[f"{OURS}/20"] == (1 if state == "closed" else 2)
    assert len(await rows("SELECT * FROM usage_taken_off")) == (state == "billed")
    assert bool(await rows("SELECT * FROM reguide_request")) == (state == "closed")
