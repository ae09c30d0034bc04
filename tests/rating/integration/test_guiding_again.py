"""Usage is guided again when its number changes hands or its customer's status does, on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.support.carriers import (
    START,
    assignment,
    cdr,
    customer,
    in_february,
    number,
    tariff,
    tell,
    tell_reference,
)

from contracts.customers import AssignmentCreated, AssignmentRemoved, CustomerUpdated, StatusPeriod
from rating.service import guiding_again, retrying, storing
from rating.service.guiding_again import guide_again_next
from rating.service.keeping import Ledger
from rating.service.pictures import Pictures
from rating.service.retrying import retry_next
from rating.service.storing import Raw, open_partition, store_batch
from rating.store.positions import Position
from service_kit.database import bind, reading, transaction

OURS, OTHER = "442079460001", "442079460002"


@pytest.fixture
async def partition(
    service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Position]:
    """Customer 1 holds two numbers since New Year, customer 2 none; calls of 10 and 20 January are priced 12p each."""
    in_february(monkeypatch, tmp_path)
    dsn = service_database("rating")
    database = bind(dsn)
    pictures = Pictures()
    for module in (storing, retrying, guiding_again):
        monkeypatch.setattr(module, "pictures", pictures)
    monkeypatch.setattr(storing, "ledger", Ledger())
    tariff(dsn, [("44", 120_000)])
    await tell_reference()
    await tell(customer(1), customer(2))
    await tell(number(1, 1, OURS), assignment(1, 1, OURS), number(2, 1, OTHER), assignment(2, 1, OTHER))
    await pictures.refresh()
    await storing.ledger.refresh()
    made = await open_partition("cdr.received", "the topic's id", 0, 10**6)
    calls = [
        cdr("a", f"{charged}/{day}", charged, start=f"2025-01-{day}T09:30:00Z")
        for charged in (OURS, OTHER)
        for day in (10, 20)
    ]
    yield await store(made, calls)
    await database.close()


async def store(at: Position, values: Sequence[bytes]) -> Position:
    """Store records from the position on."""
    end = at.position + len(values)
    await store_batch(at, Raw([at.position + index for index in range(len(values))], values), end)
    return replace(at, position=end)


async def work_off() -> None:
    """What the role `retry` does, until there is nothing left that can be done."""
    while await guide_again_next(batch=2) or await retry_next():
        pass


async def rows(statement: str) -> list[dict[str, Any]]:
    """Rows of the database."""
    async with reading() as connection:
        return [dict(row) for row in (await connection.execute(text(statement))).mappings()]


async def charged() -> dict[str, int]:
    """Who is charged for each call."""
    found = await rows("SELECT record_id, customer_id FROM usage ORDER BY record_id")
    return {row["record_id"]: row["customer_id"] for row in found}


async def told() -> list[tuple[str, int, str]]:
    """Type, revision and reason or charge of the events that the outbox holds about calls."""
    found = await rows(
        "SELECT type, payload FROM outbox WHERE type LIKE 'usage.%' ORDER BY payload -> 'revision', type"
    )
    return [(row["type"], row["payload"]["revision"], row["payload"].get("reason", "")) for row in found]


async def counted() -> dict[tuple[str, str], tuple[int, int]]:
    """Records and charges by outcome and reason."""
    found = await rows(
        "SELECT outcome, reason, sum(records)::int AS records, sum(charge_micro)::int AS charge FROM outcome_count"
        " GROUP BY 1, 2 HAVING sum(records) <> 0"
    )
    return {(row["outcome"], row["reason"]): (row["records"], row["charge"]) for row in found}


MOVED = date(2025, 1, 15)


async def move_ours(*, customer_id: int = 2) -> None:
    """Customer 2 holds the number from 15 January on."""
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 14)))
    await tell(number(3, customer_id, OURS), assignment(3, customer_id, OURS, start=MOVED))


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
async def test_what_is_billed_stays_and_what_is_in_a_draft_waits(partition: Position, state: str) -> None:
    """Z9: usage on a bill is not reversed; whether it is on one is known when its close has ended."""
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
    assert (await charged())[f"{OURS}/20"] == (2 if state == "released" else 1)
    assert bool(await rows("SELECT * FROM reguide_request")) == (state == "closed")
