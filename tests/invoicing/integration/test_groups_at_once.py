"""Several groups of one run at the same time: each customer is in one of them, and who wants the run alone gets it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Literal

import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import World

from contracts.billing import AccountBalanceChanged, InvoiceApproved, InvoiceCreated
from invoicing.domain.numbering import Series
from invoicing.service.approvals import approve_next, approve_run
from invoicing.service.cancelling import cancel_run
from invoicing.service.drafting import draft_next
from invoicing.service.numbering import change_series
from invoicing.service.runs import complete_run
from invoicing.store import invoices, readmodel, runs
from service_kit.database import transaction


async def closed_run(world: World, count: int) -> tuple[int, list[int]]:
    """A run whose usage has come, and its customers in their order."""
    customers = [made.customer(low_invoice=made.CREATE) for _ in range(count)]
    await world.hear(*customers)
    run_id = await world.start()
    await world.answer(run_id, {each.customer_id: [made.usage_line("5.00")] for each in customers})
    return run_id, sorted(each.customer_id for each in customers)


async def test_each_customer_is_in_one_group_however_many_are_drafted_at_once(world: World) -> None:
    """I3: one invoice per run and customer; a run is not completed while a group is at work."""
    run_id, customers = await closed_run(world, 24)

    async def hand() -> None:
        for _ in customers:
            await draft_next(run_id, 3)
            await complete_run(run_id)

    await asyncio.gather(*(hand() for _ in range(4)))
    assert sorted(row["customer_id"] for row in await world.invoices(run_id)) == customers
    assert len(await world.told(InvoiceCreated)) == len(customers)
    assert {row["state"] for row in await world.customers(run_id)} == {"drafted"}


async def test_a_group_passes_over_the_customers_of_another(world: World) -> None:
    """I3: the second group is drafted while the first is; it does not wait for it."""
    run_id, customers = await closed_run(world, 6)
    async with transaction() as tx:
        assert await runs.share(tx.connection, run_id)
        assert await runs.take_closed(tx.connection, run_id, 2) == customers[:2]
        assert await draft_next(run_id, 3)
        assert [row["customer_id"] for row in await world.invoices(run_id)] == customers[2:5]
        assert not await complete_run(run_id)
    await world.draft(run_id)
    assert [row["customer_id"] for row in await world.customers(run_id) if row["state"] == "drafted"] == customers


@pytest.mark.parametrize("scope", ["company", "account"])
async def test_numbers_have_no_gap_when_groups_of_a_run_are_approved_at_once(
    world: World, scope: Literal["company", "account"]
) -> None:
    """I6, B4: in both series; every balance is told with nothing unbilled left."""
    run_id, customers = await closed_run(world, 24)
    await world.draft(run_id)
    await change_series(Series("INV", 6, 0, scope))
    await approve_run(run_id)

    async def hand() -> None:
        for _ in customers:
            await approve_next(run_id, 3)

    await asyncio.gather(*(hand() for _ in range(4)))
    numbers = sorted(row["number"] for row in await world.invoices(run_id))
    if scope == "company":
        assert numbers == [f"INV{n:06d}" for n in range(1, 25)]
    else:
        assert len(set(numbers)) == 24
        assert all(each.endswith("/1") for each in numbers)
    assert len(await world.told(InvoiceApproved)) == 24
    told = await world.told(AccountBalanceChanged)
    assert sorted(each.customer_id for each in told) == customers
    assert {each.unbilled_charges for each in told} == {Decimal("0.00")}


async def test_drafts_whose_customers_are_busy_are_approved_in_the_end(world: World) -> None:
    """I6: the approval of a run is not over while a draft of it is left, whoever has its customer."""
    run_id, customers = await closed_run(world, 4)
    await world.draft(run_id)
    await approve_run(run_id)
    async with transaction() as tx:
        await readmodel.lock_customers(tx.connection, customers[:1])
        assert await approve_next(run_id)
        async with transaction() as other:
            assert list((await invoices.drafts_of_run(other.connection, run_id, 9)).values()) == customers[:1]
    assert await approve_next(run_id)
    assert not await approve_next(run_id)
    assert {row["status"] for row in await world.invoices(run_id)} == {"approved"}


async def test_who_wants_a_run_alone_is_not_kept_waiting_by_groups(world: World) -> None:
    """I3: a run is cancelled once the groups at work are through; no further one begins before that."""
    run_id, customers = await closed_run(world, 6)
    async with transaction() as tx:
        assert await runs.share(tx.connection, run_id)
        cancelling = asyncio.create_task(cancel_run(run_id))
        async with asyncio.timeout(10):
            while await draft_next(run_id, 1):
                pass
        assert not cancelling.done()
    await cancelling
    assert not await draft_next(run_id)
    drafted = [row["customer_id"] for row in await world.invoices(run_id)]
    assert drafted == customers[: len(drafted)]
    assert len(drafted) < len(customers)
