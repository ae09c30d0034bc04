"""Final Bill and Drop that come while a run is between its cut and its drafts: no draft is without them."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World, rows
from tests.invoicing.integration.test_leaving import ended, final_bill, remake, unbilled
from tests.invoicing.integration.test_process import until

from contracts.customers import CustomerCreated
from invoicing.service.runs import NewRun, create_run, request_run, start_run
from invoicing.service.unapproving import unapprove_invoice
from invoicing.store.runs import take_customers
from service_kit.database import transaction
from service_kit.problems import Conflict

JANUARY = date(2025, 1, 31)


async def requested(world: World) -> int:
    """A run for January whose cut is complete, and that is not started yet."""
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=date(2025, 2, 1)), "tests")
    await request_run(run.run_id)
    await world.hear(*made.markers(run.run_id))
    return run.run_id


async def closed_without_it(world: World, run_id: int, customer: CustomerCreated) -> None:
    """Rating closed before it knew: 9.00 of calls, of which 5.00 are later than the last day."""
    await world.answer(run_id, {customer.customer_id: [made.usage_line("9.00")]})
    await world.draft(run_id)
    await remake(world, {customer.customer_id: [made.usage_line("4.00")]})
    (invoice,) = await world.invoices(run_id)
    assert (invoice["net"], invoice["final"], invoice["remade_by"]) == (Decimal("32.00"), True, None)
    assert await remake(world) == []


async def test_a_final_bill_between_the_cut_and_the_fixing_of_customers_is_on_the_draft(world: World) -> None:
    """Z9, I3: it is behind the markers, so rating may have closed without it: the draft is made again."""
    customer, number = await unbilled(world)
    run_id = await requested(world)
    await world.hear(final_bill(customer, JANUARY), ended(number, JANUARY))
    assert await start_run(run_id, PARTITIONS)
    await closed_without_it(world, run_id, customer)


async def test_a_final_bill_while_the_customers_are_fixed_is_on_the_draft(world: World) -> None:
    """Z9, I3: the run has read its customers and not stored them yet; the Final Bill sees no run that has this one."""
    customer, number = await unbilled(world)
    run_id = await requested(world)
    async with transaction() as holding:
        await take_customers(holding.connection, 999_999, [customer.customer_id])
        starting = asyncio.create_task(start_run(run_id, PARTITIONS))
        await until(_a_lock_is_waited_for)
        await world.hear(final_bill(customer, JANUARY), ended(number, JANUARY))
        assert not starting.done()
        await holding.connection.rollback()
    assert await starting
    await closed_without_it(world, run_id, customer)


async def _a_lock_is_waited_for() -> bool:
    """Whether a statement in this database waits for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await rows(text(waiting)))


async def test_a_final_bill_before_the_request_costs_no_second_draft(world: World) -> None:
    """I3: what the cut has need not be made good."""
    customer, number = await unbilled(world)
    await world.hear(final_bill(customer, JANUARY), ended(number, JANUARY))
    run_id = await world.bill({customer.customer_id: [made.usage_line("4.00")]})
    assert await remake(world) == []
    assert [row["net"] for row in await world.invoices(run_id)] == [Decimal("32.00")]


async def test_an_invoice_is_not_unapproved_while_a_run_takes_its_customer(world: World) -> None:
    """I3, Z10: the run has stored the customer, and nobody sees it yet: a clear refusal once it has."""
    customer, _ = await unbilled(world)
    run_id = await world.bill()
    await world.approve(run_id)
    (invoice,) = await world.invoices(run_id)
    async with transaction() as starting:
        await take_customers(starting.connection, 999_999, [customer.customer_id])
        unapproving = asyncio.create_task(unapprove_invoice(invoice["invoice_id"]))
        await until(_a_lock_is_waited_for)
    with pytest.raises(Conflict, match="in another active run: one that started at this moment"):
        await unapproving
    assert (await world.invoices(run_id))[0]["status"] == "approved"
