"""Many drafts made again together: one run, one cut."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World
from tests.invoicing.integration.test_leaving import ended, final_bill, remake, unbilled
from tests.support.auditor import assert_sound

from contracts.billing import BillingRunRequested
from invoicing.service.approvals import approve_invoice
from invoicing.service.drafting import draft_next
from invoicing.service.recreating import recreate_invoices
from invoicing.service.runs import complete_run, start_run
from invoicing.service.unapproving import unapprove_invoice
from service_kit.problems import Conflict, NotFound

JANUARY, FEBRUARY = date(2025, 1, 31), date(2025, 2, 28)


async def drafts_of(world: World, count: int, **what: Any) -> list[dict[str, Any]]:
    """A run's drafts, of so many customers with 28.00 a month and 5.00 of calls."""
    customers = [(await unbilled(world))[0].customer_id for _ in range(count)]
    lines = {each: [made.usage_line("5.00")] for each in customers}
    return await world.invoices(await world.bill(lines, customers=tuple(customers), **what))


async def test_a_thousand_changes_that_come_together_are_one_run_and_one_cut(world: World) -> None:
    """Z9: here five customers that leave, in one batch of states; each gets its own draft again."""
    pairs = [await unbilled(world) for _ in range(5)]
    run_id = await world.bill()
    before = await world.invoices(run_id)
    leaving = [state for customer, number in pairs for state in (final_bill(customer, JANUARY), ended(number, JANUARY))]
    await world.hear(*leaving)
    (again,) = await remake(world, {pairs[0][0].customer_id: [made.usage_line("4.00")]})
    after = await world.invoices(run_id)
    assert [row["invoice_id"] for row in after] == [row["invoice_id"] for row in before]
    assert [row["net"] for row in after] == [Decimal("32.00"), *[Decimal("28.00")] * 4]
    assert all(row["final"] and row["remade_by"] is None for row in after)
    asked = (await world.told(BillingRunRequested))[-1]
    assert (asked.run_id, asked.customers) == (again, tuple(sorted(customer.customer_id for customer, _ in pairs)))


async def test_drafts_of_different_dates_are_made_again_by_different_runs(world: World) -> None:
    """I6: each keeps the dates, message and due date of the run that made it."""
    first = await drafts_of(world, 2)
    second = await drafts_of(world, 1, bill_to=FEBRUARY, invoice_date=date(2025, 3, 1), due_date=date(2025, 3, 9))
    runs = await recreate_invoices([row["invoice_id"] for row in first + second], "ann")
    assert sorted((run.bill_to, run.due_date, len(run.customers or ())) for run in runs) == [
        (JANUARY, None, 2),
        (FEBRUARY, date(2025, 3, 9), 1),
    ]
    assert len(await remake(world)) == 2
    (again,) = await world.invoices(second[0]["run_id"])
    assert (again["bill_to"], again["due_date"]) == (FEBRUARY, date(2025, 3, 9))


async def test_of_many_one_goes_one_stays_with_its_number_and_one_is_parked(world: World, service_dsn: str) -> None:
    """I3, I6: what becomes of one is no matter of the others, though one group drafts them all."""
    drafts = await drafts_of(world, 4)
    numbered, emptied, broken, filled = (row["invoice_id"] for row in drafts)
    await approve_invoice(numbered)
    await unapprove_invoice(numbered)
    owners = {row["invoice_id"]: row["customer_id"] for row in drafts}
    (run,) = await recreate_invoices(list(owners), "ann")
    for invoice_id in (numbered, emptied):
        await world.hear(made.customer(owners[invoice_id], version=2, status="dropped", drop_date=JANUARY))
    await world.hear(made.customer(owners[broken], version=2, vat_rate="nowhere"))
    await world.hear(*made.markers(run.run_id))
    assert await start_run(run.run_id, PARTITIONS)
    await world.answer(run.run_id, {})
    while await draft_next(run.run_id):
        pass
    await complete_run(run.run_id)
    found = {row["invoice_id"]: row for row in await world.invoices(drafts[0]["run_id"])}
    assert {each: row["status"] for each, row in found.items()} == {
        numbered: "draft",
        emptied: "removed",
        broken: "draft",
        filled: "draft",
    }
    assert {each: row["net"] for each, row in found.items() if row["net"]} == {filled: Decimal("56.00")}
    assert (await world.customers(run.run_id))[2]["state"] == "parked"
    assert_sound({"invoicing": service_dsn}, at_rest=False)


async def test_all_are_made_again_or_none(api: httpx.AsyncClient, world: World) -> None:
    """I6: an unknown one, or one that is approved, refuses them all and says which."""
    drafts = [row["invoice_id"] for row in await drafts_of(world, 2)]
    with pytest.raises(NotFound, match="no invoice 999999"):
        await recreate_invoices([*drafts, 999_999], "ann")
    await approve_invoice(drafts[1])
    with pytest.raises(Conflict, match=f"invoice {drafts[1]} is approved"):
        await recreate_invoices(drafts, "ann")
    await unapprove_invoice(drafts[1])
    asked = await api.post("/invoices/recreate", json={"invoice_ids": [*drafts, drafts[0]]})
    (run,) = asked.json()["items"]
    assert (asked.status_code, run["kind"], len(run["customers"])) == (202, "recreation", 2)
    assert (await api.post("/invoices/recreate", json={"invoice_ids": drafts})).status_code == 409
    assert (await api.post("/invoices/recreate", json={"invoice_ids": []})).status_code == 422
