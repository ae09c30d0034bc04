"""Held calls are judged again by themselves when what held them changes, on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.integration.closing_world import NUMBER, World, received, rows, told

from contracts.customers import (
    AssignmentCreated,
    AssignmentUpdated,
    CustomerCreated,
    CustomerReinstated,
    NumberCreated,
    StatusPeriod,
)
from contracts.reference import NumberType, ReferenceUpdated, StatusFlags
from contracts.usage import UsageRated, UsageSuspended, UsageUnpriced
from rating.service import retrying
from rating.service.pictures import Pictures
from rating.service.readmodel import take_in_customers, take_in_reference
from rating.store import gate
from service_kit.database import bind, transaction

_HOLD = text(
    """
    INSERT INTO held (usage_id, revision, outcome, reason, detail, source, record_id, charged_number, other_party,
        direction, service_type, started, local_date, band, seconds, units, volume_bytes, known_class, currency,
        received_on, generation)
    SELECT n, 1, 'suspended', CAST(:reason AS text), '', 'northstar', CAST(n AS text), CAST(:number AS text),
        '441134960000', 'outbound', 'voice', '2025-01-10 12:00Z', '2025-01-10', 'peak', 90, 0, 0, 'National', 'GBP',
        '2025-01-11', (SELECT generation FROM gate)
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
    """
)


@pytest.fixture
async def world(
    kafka: str, service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    database = bind(service_database("rating"))
    monkeypatch.setattr(retrying, "pictures", Pictures())  # the process's own may be of another test's database
    await take_in_reference(
        received(
            _entry("statuses", "active", status=StatusFlags(accumulates_charges=True, billed_in_runs=True)),
            _entry(
                "statuses",
                "dropped",
                status=StatusFlags(accumulates_charges=False, billed_in_runs=False, dropped=True),
            ),
            _entry("number_types", "geographic", number_type=NumberType()),
        )
    )
    yield World(kafka)
    await database.close()


def _entry(name: str, code: str, **what: Any) -> ReferenceUpdated:
    return ReferenceUpdated(list=name, code=code, name=code, version=1, **what)


async def hold(first: int, last: int, number: str = NUMBER, reason: str = "unknown_number") -> None:
    """Calls of a number are held in suspense."""
    async with transaction() as tx:
        await tx.connection.execute(_HOLD, {"first": first, "last": last, "number": number, "reason": reason})


async def a_tariff() -> None:
    """The system's default tariff comes, with 6p a minute for National calls."""
    async with transaction() as tx:
        generation = await gate.pass_alone(tx.connection)
        await tx.connection.execute(
            text("INSERT INTO tariff VALUES ('standard', 1, 'Standard', 'GBP', 4, NULL, true, 1000000, :generation)"),
            {"generation": generation},
        )
        await tx.connection.exec_driver_sql(
            """
            WITH made AS (
                INSERT INTO tariff_version (tariff, version, rows, changed_in)
                VALUES ('standard', 1, 1, (SELECT generation FROM gate)) RETURNING version_id)
            INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,
                              minimum_micro, maximum_micro, free)
            SELECT version_id, '', 'National', '', 60000, 0, 1, 1, 0, NULL, 0 FROM made
            """
        )
        await retrying.request(tx, generation, everything_unpriced=True)


def customer(status: str = "active", version: int = 1, kind: type[CustomerCreated] = CustomerCreated) -> Any:
    periods = (StatusPeriod(status=status, effective_from=date(2020, 1, 1)),)
    return kind(customer_id=1, version=version, account_number="C1", name="One", status=status, status_history=periods)


def number() -> NumberCreated:
    return NumberCreated(
        customer_id=1, number_id=10, version=1, number="+" + NUMBER, number_type="geographic", start=date(2024, 1, 1)
    )


def assignment(start: date = date(2024, 1, 1), version: int = 1, kind: Any = AssignmentCreated) -> Any:
    what = {"assignment_id": 100, "number_id": 10, "number": "+" + NUMBER, "call_plan": "standard"}
    return kind(customer_id=1, version=version, start=start, **what)


async def retry() -> None:
    while await retrying.retry_next(batch=100):
        pass


async def outcomes() -> dict[str, int]:
    """How many calls are held for each reason, or rated."""
    counted = await rows(
        "SELECT reason, count(*) AS n FROM held GROUP BY reason UNION ALL SELECT 'rated', count(*) FROM usage"
    )
    return {row["reason"]: row["n"] for row in counted if row["n"]}


async def test_a_suspended_call_is_rated_when_its_number_gets_a_holder(world: World) -> None:
    """R3: suspense is retried by itself when a number is added."""
    await a_tariff()
    await hold(1, 1)
    await take_in_customers(received(customer(), number(), assignment()))
    await retry()
    assert await outcomes() == {"rated": 1}
    (usage,) = await rows("SELECT usage_id, revision, customer_id, number_id, charge_micro, generation FROM usage")
    generation = (await rows("SELECT generation FROM gate"))[0]["generation"]
    expected = {"usage_id": 1, "revision": 2, "customer_id": 1, "number_id": 10, "charge_micro": 90_000}
    assert usage == {**expected, "generation": generation}
    (event,) = await told(UsageRated)
    assert (event.usage_id, event.revision, event.number, event.charge) == (1, 2, "+" + NUMBER, Decimal("0.09"))
    assert await rows("SELECT * FROM retry_request") == []


async def test_calls_of_other_numbers_and_calls_too_old_to_check_are_left_alone(world: World) -> None:
    """R1: a call that is too old to be checked for a second copy is held, whatever changes."""
    await a_tariff()
    await hold(1, 1, "442079460002")
    await hold(2, 2, reason="too_old")
    await take_in_customers(received(customer(), number(), assignment()))
    await retrying.retry_all()
    await retry()
    assert await outcomes() == {"unknown_number": 1, "too_old": 1}


async def test_a_call_moves_from_reason_to_reason_with_a_revision_each(world: World) -> None:
    """R3, Z22: each change of the reason is told; judged again without one, nothing is."""
    await hold(1, 1)
    await take_in_customers(received(customer(), number(), assignment(start=date(2025, 6, 1))))
    await retry()
    assert await outcomes() == {"no_active_call_plan": 1}
    await take_in_customers(received(assignment(start=date(2024, 1, 1), version=2, kind=AssignmentUpdated)))
    await retry()
    assert await outcomes() == {"no_price": 1}
    await retrying.retry_all()
    await retry()
    assert [(each.revision, each.reason) for each in await told(UsageSuspended)] == [(2, "no_active_call_plan")]
    assert [(each.revision, each.reason, each.customer_id) for each in await told(UsageUnpriced)] == [
        (3, "no_price", 1)
    ]
    await a_tariff()
    await retry()
    assert await outcomes() == {"rated": 1}
    assert [each.revision for each in await told(UsageRated)] == [4]


async def test_usage_of_a_dropped_customer_is_rated_when_it_is_reinstated(world: World) -> None:
    """R3, C16: suspense is retried when a customer is reinstated."""
    await a_tariff()
    await take_in_customers(received(customer("dropped"), number(), assignment()))
    await hold(1, 3, reason="customer_dropped")
    await retry()
    assert await outcomes() == {"customer_dropped": 3}
    await take_in_customers(received(customer("active", 2, CustomerReinstated)))
    await retry()
    assert await outcomes() == {"rated": 3}


async def test_a_status_that_changes_frees_only_what_a_status_holds(world: World) -> None:
    """R3, C8: an administrator lets calls accumulate under a status; other numbers' calls are not tried for it."""
    await a_tariff()
    stopped = StatusFlags(accumulates_charges=False, billed_in_runs=False)
    await take_in_reference(received(_entry("statuses", "stopped", status=stopped)))
    await take_in_customers(received(customer("stopped"), number(), assignment()))
    await hold(1, 2, reason="status_does_not_accumulate")
    await hold(3, 3, "442079460002")
    await retry()
    assert await outcomes() == {"status_does_not_accumulate": 2, "unknown_number": 1}
    going = StatusFlags(accumulates_charges=True, billed_in_runs=True)
    changed = _entry("statuses", "stopped", status=going).model_copy(update={"version": 2})
    await take_in_reference(received(changed, _entry("number_types", "mobile", number_type=NumberType())))
    assert await rows("SELECT kind, value FROM retry_request") == [{"kind": "number", "value": NUMBER}]
    await retry()
    assert await outcomes() == {"rated": 2, "unknown_number": 1}


async def test_b6_what_failed_is_tried_again_at_each_change_and_charged_once(world: World) -> None:
    """B6, R8: a call without a price is tried at every change until it has one, and never again after that."""
    await hold(1, 2)
    await take_in_customers(received(customer(), number(), assignment()))
    await retry()
    for _ in range(2):
        await retrying.retry_all()
        await retry()
        assert await outcomes() == {"no_price": 2}
    await a_tariff()
    await retry()
    for _ in range(2):
        await retrying.retry_all()
        await retry()
    assert await outcomes() == {"rated": 2}
    assert sorted((each.usage_id, each.charge) for each in await told(UsageRated)) == [
        (1, Decimal("0.09")),
        (2, Decimal("0.09")),
    ]


async def test_many_held_calls_are_worked_off_in_batches(world: World) -> None:
    """R3: none is lost, none is taken twice."""
    await a_tariff()
    await retry()
    await hold(1, 250)
    await take_in_customers(received(customer(), number(), assignment()))
    assert await retrying.retry_next(batch=100)
    assert await outcomes() == {"rated": 100, "unknown_number": 150}
    await retry()
    assert await outcomes() == {"rated": 250}
    assert sorted(each.usage_id for each in await told(UsageRated)) == list(range(1, 251))


async def test_a_change_before_a_run_frees_its_calls_for_that_run_and_not_for_one_cut_before(world: World) -> None:
    """I4: a call that is rated after a cut has a later generation, and is in the next close."""
    await a_tariff()
    await hold(1, 1)
    await retry()
    await world.cut(1)
    await take_in_customers(received(customer(), number(), assignment()))
    await retry()
    await world.ask(1)
    await world.answer()
    (first,) = await world.closed(1)
    assert first.totals.calls == 0
    await world.release(first)
    (second,) = await world.close(2)
    assert (second.totals.calls, second.totals.net_exact) == (1, Decimal("0.09"))
