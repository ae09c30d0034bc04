"""Storing many changes at once, on a real database (SPEC C9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from httpx import AsyncClient
from tests.customers.integration.courses import RENTAL, Desk

from customers.domain.changes import Change
from customers.domain.numbers import Assignment, Entity, Number
from customers.store.changes import save_changes
from customers.store.lifecycle import entities_of
from service_kit.database import reading, transaction


async def all_of(customer: int) -> tuple[Entity, ...]:
    async with reading() as connection:
        return await entities_of(connection, customer)


@pytest.mark.parametrize("last", [date(2025, 2, 28), date(2025, 4, 30)])
@pytest.mark.parametrize("order", [1, -1])
async def test_days_that_one_period_gives_up_another_can_take(api: AsyncClient, order: int, last: date) -> None:
    """C9: in whichever order the changes come, no day is with both in between."""
    desk = Desk(api)
    customer = await desk.customer()
    number = await desk.number(customer, end="2025-06-30")
    again = {"call_plan": "business", "start": "2025-04-01"}
    await desk._sent("POST", f"/numbers/{number}/call-plans", again)
    first, second = sorted(
        (each for each in await all_of(customer) if isinstance(each, Assignment)), key=lambda each: each.start
    )
    changes = (
        Change(first, replace(first, end=last, version=2)),
        Change(second, replace(second, start=last + timedelta(days=1), version=2)),
    )
    async with transaction() as tx:
        await save_changes(tx.connection, changes[::order])
    after = {each.assignment_id: each for each in await all_of(customer) if isinstance(each, Assignment)}
    assert after[first.assignment_id].end == last
    assert after[second.assignment_id].start == last + timedelta(days=1)


async def test_every_field_is_stored_as_it_is(api: AsyncClient) -> None:
    """What is read back equals what was stored: days, open ends, amounts, what is JSON."""
    desk = Desk(api)
    customer = await desk.customer()
    for last in "345":
        charges = [RENTAL, {**RENTAL, "amount": "0.12345", "quantity": "2.5"}]
        await desk.number(customer, f"020 7946 012{last}", charges=charges, label=f"Line {last} – „ünïcode“ \\ '")
    before = await all_of(customer)
    numbers = [each for each in before if isinstance(each, Number)]
    wanted = [
        replace(
            each,
            version=7,
            end=date(2025, 12, 31) if each is numbers[0] else None,
            label=each.label + " \t{}\" 'x'",
            charges=tuple(charge.model_copy(update={"end": date(2025, 9, 30)}) for charge in each.charges),
        )
        for each in numbers
    ]
    async with transaction() as tx:
        await save_changes(tx.connection, tuple(map(Change, numbers, wanted)))
    assert [each for each in await all_of(customer) if isinstance(each, Number)] == wanted
