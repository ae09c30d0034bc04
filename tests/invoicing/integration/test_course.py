"""Runs changed, cancelled and tried again; invoices by hand; bounds; the series of accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World
from tests.support.auditor import assert_sound

from contracts.billing import BillingRunCancelled, BillingRunRequested, InvoiceApproved, InvoiceRemoved
from contracts.closing import UsageCloseReleased
from contracts.customers import CustomerCreated, CustomerUpdated
from invoicing.domain.bounds import Bounds
from invoicing.domain.numbering import Series
from invoicing.domain.runs import Run
from invoicing.service import reports
from invoicing.service.approvals import approve_invoice, approve_run
from invoicing.service.bounds import change_bounds
from invoicing.service.by_hand import NewInvoice, NewLine, make_by_hand
from invoicing.service.cancelling import cancel_next, cancel_run
from invoicing.service.numbering import change_series, current_series
from invoicing.service.recreating import recreate_invoices
from invoicing.service.resuming import resume_run
from invoicing.service.runs import NewRun, change_run, create_run, delete_run, request_run, start_run
from invoicing.service.unapproving import unapprove_invoice
from service_kit import clock
from service_kit.problems import Conflict, Invalid, NotFound

JANUARY = date(2025, 1, 31)
FEBRUARY = date(2025, 2, 28)


@pytest.fixture(autouse=True)
def sound(service_dsn: str) -> Iterator[None]:
    """Whatever a test does, the books balance after it."""
    yield
    assert_sound({"invoicing": service_dsn}, at_rest=False)


async def cancelled(run_id: int, group: int = 2) -> int:
    """A run cancelled to the end. Returns how many invoices stay."""
    kept = (await cancel_run(run_id)).kept
    while await cancel_next(run_id, group):
        pass
    return kept


async def billed_customers(world: World, count: int) -> list[CustomerCreated]:
    """Customers with a line rental of 10.00 a month."""
    customers = [made.customer() for _ in range(count)]
    await world.hear(*customers)
    for each in customers:
        await world.hear(made.number(each.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    return customers


async def go_on(world: World, run_id: int, **lines: Any) -> None:
    """A requested run to its end, without usage."""
    await world.hear(*made.markers(run_id))
    assert await start_run(run_id, PARTITIONS)
    await world.answer(run_id, lines.get("lines", {}))
    await world.draft(run_id)


async def by_hand(world: World, new: NewInvoice, **lines: Any) -> dict[str, Any]:
    """An invoice by hand to its draft. Returns what became of the customer."""
    run = await make_by_hand(new, "ann")
    await go_on(world, run.run_id, **lines)
    (row,) = await world.customers(run.run_id)
    return row


# Cancelling --------------------------------------------------------------------------------------------------------


async def test_a_completed_run_that_is_cancelled_leaves_everything_to_the_next(world: World) -> None:
    """I3: drafts removed, closes released, customers free; the next run bills the same to the penny."""
    customers = await billed_customers(world, 5)
    lines = {each.customer_id: [made.usage_line("5.00")] for each in customers}
    first = await world.bill(lines)
    assert await cancelled(first) == 0
    assert {row["status"] for row in await world.invoices(first)} == {"removed"}
    assert len(await world.told(InvoiceRemoved)) == len(await world.told(UsageCloseReleased)) == 5
    (told,) = await world.told(BillingRunCancelled)
    assert (told.run_id, told.state, told.totals.gross, told.totals.skipped) == (first, "cancelled", Decimal("0.00"), 5)
    second = await world.bill(lines)
    assert [row["net"] for row in await world.invoices(second)] == [Decimal("25.00")] * 5
    for each in customers:
        assert len(await world.transactions(each.customer_id)) == 2


async def test_a_running_run_that_is_cancelled_releases_what_comes_late(world: World) -> None:
    """I3: one drafted, one answered, one waiting: all three are free, and the late answer is released."""
    first, second, third = await billed_customers(world, 3)
    run_id = await world.start()
    await world.hear(made.closed(run_id, first.customer_id, made.usage_line("5.00")))
    await world.draft(run_id)
    await world.hear(made.closed(run_id, second.customer_id, made.usage_line("5.00")))
    await cancelled(run_id)
    late = made.closed(run_id, third.customer_id, made.usage_line("5.00"))
    await world.hear(late)
    released = await world.told(UsageCloseReleased)
    assert [each.customer_id for each in released] == [second.customer_id, first.customer_id, third.customer_id]
    assert released[-1].close_id == late.close_id
    assert [row["state"] for row in await world.customers(run_id)] == ["skipped"] * 3
    again = await world.bill()
    assert [row["net"] for row in await world.invoices(again)] == [Decimal("20.00")] * 3


async def test_a_requested_run_is_cancelled_and_never_starts(world: World) -> None:
    """I3: also before its cut is complete."""
    await billed_customers(world, 1)
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    await request_run(run.run_id)
    await cancelled(run.run_id)
    await world.hear(*made.markers(run.run_id))
    assert not await start_run(run.run_id, PARTITIONS)
    assert len(await world.told(BillingRunCancelled)) == 1
    with pytest.raises(Conflict):
        await request_run(run.run_id)


async def test_cancelling_leaves_invoices_that_have_a_number_and_says_so(world: World) -> None:
    """Z14: an approved one, and one that was unapproved; asked twice, it is the same."""
    await billed_customers(world, 3)
    run_id = await world.bill()
    approved, unapproved, draft = await world.invoices(run_id)
    for each in (approved, unapproved):
        await approve_invoice(each["invoice_id"])
    await unapprove_invoice(unapproved["invoice_id"])
    assert await cancelled(run_id) == 2
    assert [row["status"] for row in await world.invoices(run_id)] == ["approved", "draft", "removed"]
    assert await cancelled(run_id) == 2
    assert len(await world.told(BillingRunCancelled)) == len(await world.told(InvoiceRemoved)) == 1
    assert (await world.told(InvoiceRemoved))[0].invoice_id == draft["invoice_id"]
    await approve_invoice(unapproved["invoice_id"])


async def test_a_cancelled_run_takes_a_draft_with_it_that_is_being_made_again(world: World) -> None:
    """I3, I6: it is a draft of that run, whichever run fills it."""
    await billed_customers(world, 1)
    run_id = await world.bill()
    (draft,) = await world.invoices(run_id)
    await recreate_invoices([draft["invoice_id"]], "ann")
    await cancelled(run_id)
    again = (await world.told(BillingRunRequested))[-1].run_id
    await go_on(world, again)
    assert [row["status"] for row in await world.invoices(run_id)] == ["removed"]
    assert (await reports.run_report(again)).run.state == "completed"
    assert [row["active"] for row in await world.customers(again)] == [False]


# Trying again, changing --------------------------------------------------------------------------------------------


async def test_parked_customers_are_tried_again_in_a_run_of_their_own(world: World) -> None:
    """I3: what was corrected counts; asked twice it is the same run, and nobody is billed twice."""
    whole, lacking = await billed_customers(world, 2)
    await world.hear(CustomerUpdated(**{**lacking.model_dump(), "version": 2, "missing": ("billing address",)}))
    first = await world.bill(message="Thank you")
    await world.hear(CustomerUpdated(**{**lacking.model_dump(), "version": 3}))
    asked = await asyncio.gather(*(resume_run(first, "ann") for _ in range(4)))
    assert len({run.run_id for run in asked}) == 1
    resumed = asked[0]
    assert (resumed.kind, resumed.state, resumed.customers) == ("list", "requested", (lacking.customer_id,))
    assert (resumed.bill_to, resumed.message) == (JANUARY, "Thank you")
    await go_on(world, resumed.run_id)
    assert [row["net"] for row in await world.invoices(resumed.run_id)] == [Decimal("20.00")]
    assert (await resume_run(first, "ann")).run_id == resumed.run_id
    with pytest.raises(Conflict, match="nobody is parked"):
        await resume_run(resumed.run_id, "ann")
    assert [row["customer_id"] for row in await world.invoices(first)] == [whole.customer_id]


async def test_a_run_is_changed_and_deleted_while_it_is_a_draft_only(world: World) -> None:
    """I3: its dates lock when it is requested."""
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    changed = await change_run(run.run_id, {"bill_to": FEBRUARY, "customers": [3, 1, 3]})
    assert (changed.bill_to, changed.invoice_date, changed.customers) == (FEBRUARY, JANUARY, (1, 3))
    assert changed.kind == "list"
    with pytest.raises(Invalid):
        await change_run(run.run_id, {"due_date": date(2025, 1, 1)})
    await request_run(run.run_id)
    for refused in (change_run(run.run_id, {"message": "no"}), delete_run(run.run_id)):
        with pytest.raises(Conflict, match="locked"):
            await refused
    other = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    await delete_run(other.run_id)
    with pytest.raises(NotFound):
        await delete_run(other.run_id)


async def test_two_runs_requested_at_once_bill_each_customer_once(world: World) -> None:
    """I3, B1: both take all; each customer is drafted by one and parked by the other, which names it."""
    customers = await billed_customers(world, 20)
    runs = [await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests") for _ in "12"]
    await asyncio.gather(*(request_run(run.run_id) for run in runs for _ in "123"))
    for run in runs:
        await world.hear(*made.markers(run.run_id))
    started = await asyncio.gather(*(start_run(run.run_id, PARTITIONS) for run in runs for _ in "12"))
    assert sum(started) == 2
    for run in runs:
        await world.answer(run.run_id, {})
        await world.draft(run.run_id)
    drafts = [row for run in runs for row in await world.invoices(run.run_id)]
    assert sorted(row["customer_id"] for row in drafts) == [each.customer_id for each in customers]
    assert len(await world.told(BillingRunRequested)) == 2


# By hand -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["active", "active_do_not_bill", "dropped"])
async def test_an_invoice_by_hand_has_what_is_not_billed_and_its_lines(world: World, status: str) -> None:
    """I10, Z11: whatever the cycle, the status and the low policy; lines have the rate given, or the customer's."""
    customer = made.customer(status=status, billing_cycle="manual")
    await world.hear(customer)
    await world.hear(made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    lines = (NewLine("Site visit", Decimal("50.00")), NewLine("Book", Decimal("8.00"), "zero"))
    new = NewInvoice(
        customer_id=customer.customer_id, bill_to=JANUARY, invoice_date=JANUARY, due_date=FEBRUARY, lines=lines
    )
    row = await by_hand(world, new, lines={customer.customer_id: [made.usage_line("1.00")]})
    (invoice,) = await world.invoices(row["run_id"])
    assert (invoice["net"], invoice["vat"]) == (Decimal("79.00"), Decimal("14.20"))
    assert (invoice["invoice_date"], invoice["due_date"]) == (JANUARY, FEBRUARY)
    await approve_invoice(invoice["invoice_id"])
    assert (await world.told(InvoiceApproved))[0].gross == Decimal("93.20")


async def test_an_empty_invoice_by_hand_needs_confirmation(world: World) -> None:
    """Z11: else it ends with nothing to bill, and says so."""
    (customer,) = [made.customer()]
    await world.hear(customer)
    new = {"customer_id": customer.customer_id, "bill_to": JANUARY}
    row = await by_hand(world, NewInvoice(**new))
    assert (row["state"], row["reason"]) == ("skipped", "nothing_to_bill")
    row = await by_hand(world, NewInvoice(**new, confirm_empty=True))
    (invoice,) = await world.invoices(row["run_id"])
    assert (invoice["gross"], invoice["invoice_date"]) == (Decimal("0.00"), clock.today())
    await recreate_invoices([invoice["invoice_id"]], "ann")
    again = (await world.told(BillingRunRequested))[-1].run_id
    await go_on(world, again)
    assert [row["status"] for row in await world.invoices(invoice["run_id"])] == ["draft"]


async def test_an_invoice_by_hand_is_refused_while_another_run_has_the_customer(world: World) -> None:
    """Z10: 409 naming the run, and no line is left behind; many at once make one."""
    (customer,) = await billed_customers(world, 1)
    run_id = await world.start()
    new = NewInvoice(
        customer_id=customer.customer_id, bill_to=JANUARY, lines=(NewLine("Site visit", Decimal("50.00")),)
    )
    with pytest.raises(Conflict, match=f"run {run_id}"):
        await make_by_hand(new, "ann")
    assert await world.transactions(customer.customer_id) == []
    await cancelled(run_id)
    asked = await asyncio.gather(*(make_by_hand(new, "ann") for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in asked].count(Conflict) == 4
    (run,) = [each for each in asked if isinstance(each, Run)]
    await go_on(world, run.run_id)
    assert [row["net"] for row in await world.invoices(run.run_id)] == [Decimal("70.00")]
    assert len(await world.transactions(customer.customer_id)) == 2


async def test_a_draft_by_hand_may_have_details_missing_but_is_not_approved(world: World) -> None:
    """Z10: missing details park a customer of a run, not an invoice by hand."""
    customer = made.customer(missing=("billing address",))
    await world.hear(customer)
    lines = (NewLine("Site visit", Decimal("50.00")),)
    row = await by_hand(world, NewInvoice(customer_id=customer.customer_id, bill_to=JANUARY, lines=lines))
    with pytest.raises(Conflict, match="missing details: billing address"):
        await approve_invoice(row["invoice_id"])
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, "missing": ()}))
    await approve_invoice(row["invoice_id"])


async def test_what_an_invoice_by_hand_cannot_be_is_said(world: World) -> None:
    """I10, Z24: no such customer, rate or due date; one that is to be deleted."""
    customer, leaving = made.customer(), made.customer(status="dropped", deletion_due=date(2025, 3, 1))
    await world.hear(customer, leaving)
    with pytest.raises(NotFound):
        await make_by_hand(NewInvoice(customer_id=999_999, bill_to=JANUARY), "ann")
    with pytest.raises(Conflict, match="is to be deleted"):
        await make_by_hand(NewInvoice(customer_id=leaving.customer_id, bill_to=JANUARY), "ann")
    new = {"customer_id": customer.customer_id, "bill_to": JANUARY, "invoice_date": JANUARY}
    with pytest.raises(Invalid, match="due_date"):
        await make_by_hand(NewInvoice(**new, due_date=date(2025, 1, 1)), "ann")
    with pytest.raises(Invalid, match=r"lines\.0\.vat_rate"):
        await make_by_hand(NewInvoice(**new, lines=(NewLine("Visit", Decimal(1), "none"),)), "ann")


# Bounds, series ----------------------------------------------------------------------------------------------------


async def test_an_unusual_draft_is_approved_by_hand_only(world: World) -> None:
    """I3: it can be looked at; the run's approval passes it over, and says why."""
    usual, large = made.customer(), made.customer()
    await world.hear(usual, large)
    await change_bounds(Bounds(max_net=Decimal("100.00")))
    lines = {usual.customer_id: [made.usage_line("100.00")], large.customer_id: [made.usage_line("100.01")]}
    run_id = await world.bill(lines)
    await world.approve(run_id)
    await world.approve(run_id)
    first, second = await world.invoices(run_id)
    assert (first["status"], second["status"]) == ("approved", "draft")
    assert second["problem"] == "unusual: net 100.01 is over 100.00"
    with pytest.raises(Conflict, match="unusual"):
        await approve_invoice(second["invoice_id"])
    await approve_invoice(second["invoice_id"], unusual=True)
    assert [row["number"] for row in await world.invoices(run_id)] == ["INV000001", "INV000002"]


async def test_a_draft_is_compared_with_the_last_three_invoices(world: World) -> None:
    """I3: the factor is asked of who was billed before."""
    await world.hear(customer := made.customer())
    await change_bounds(Bounds(max_factor=Decimal(2), factor_from=Decimal("15.00")))
    for exact in ("10.00", "10.00", "10.00"):
        await world.approve(await world.bill({customer.customer_id: [made.usage_line(exact)]}))
    run_id = await world.bill({customer.customer_id: [made.usage_line("20.01")]})
    (draft,) = await world.invoices(run_id)
    assert draft["unusual"] == "unusual: net 20.01 is over 2 times 10.00, the average of the last 3"


async def test_accounts_have_series_of_their_own_and_switching_reuses_none(world: World) -> None:
    """I6: ACCOUNT/n without gaps per account, many at once; back to the company's, its count goes on."""
    customers = await billed_customers(world, 6)
    await world.approve(await world.bill(customers=(customers[0].customer_id,)))
    await change_series(Series("INV", 6, scope="account"))
    for bill_to in (FEBRUARY, date(2025, 3, 31)):
        run_id = await world.bill(bill_to=bill_to)
        singles = [approve_invoice(row["invoice_id"]) for row in await world.invoices(run_id)]
        await asyncio.gather(*singles, approve_run(run_id))
        await world.approve(run_id, group=2)
        numbers = [row["number"] for row in await world.invoices(run_id)]
        assert numbers == [f"{each.account_number}/{bill_to.month - 1}" for each in customers]
    assert await current_series() == Series("INV", 6, 1, "account")
    await change_series(Series("INV", 6))
    await world.approve(run_id := await world.bill(bill_to=date(2025, 4, 30)))
    assert [row["number"] for row in await world.invoices(run_id)] == [f"INV{n:06d}" for n in range(2, 8)]


# HTTP --------------------------------------------------------------------------------------------------------------


async def test_all_of_it_over_http(api: httpx.AsyncClient, world: World) -> None:
    """The shapes of the API: answers, refusals, and what stands in lists afterwards."""
    (customer,) = await billed_customers(world, 1)
    body = {
        "customer_id": customer.customer_id,
        "bill_to": "2025-01-31",
        "lines": [{"description": "A", "net": "1.50"}],
    }
    asked = await api.post("/invoices", json=body)
    assert (asked.status_code, asked.json()["kind"], asked.json()["state"]) == (202, "manual", "requested")
    refused = await api.post("/invoices", json=body)
    assert (refused.status_code, f"run {asked.json()['run_id']}" in refused.json()["detail"]) == (409, True)
    await go_on(world, asked.json()["run_id"])
    listed = (await api.get("/invoices", params={"run_id": asked.json()["run_id"]})).json()["items"]
    where = f"/invoices/{listed[0]['invoice_id']}"
    again = await api.post(f"{where}/recreate")
    assert (again.status_code, again.json()["net"], again.json()["lines"]) == (202, "0.00", [])
    await go_on(world, again.json()["remade_by"])
    assert (await api.post(f"{where}/approve")).json()["status"] == "approved"
    assert (await api.delete(where)).status_code == 409
    unapproved = (await api.post(f"{where}/unapprove")).json()
    assert (unapproved["status"], unapproved["number"]) == ("draft", "INV000001")
    assert (await api.post(f"{where}/approve", params={"confirm_unusual": True})).json()["number"] == "INV000001"
    run = (await api.post("/billing-runs", json={"bill_to": "2025-02-28", "invoice_date": "2025-03-01"})).json()
    there = f"/billing-runs/{run['run_id']}"
    assert (await api.patch(there, json={"message": "Hello"})).json()["message"] == "Hello"
    assert (await api.patch(there, json={"bill_to": None, "due_date": None})).json()["bill_to"] == "2025-02-28"
    assert (await api.post(f"{there}/request")).status_code == 202
    assert (await api.patch(there, json={"message": "No"})).status_code == 409
    stopped = await api.post(f"{there}/cancel")
    assert (stopped.status_code, stopped.json()["state"], stopped.json()["kept"]) == (202, "cancelled", 0)
    assert (await api.post(f"{there}/resume")).status_code == 409
    bounds = {"max_net": "500.00", "max_factor": "3", "factor_from": "100.00", "max_credit": None}
    assert (await api.put("/billing-bounds", json=bounds)).json() == (await api.get("/billing-bounds")).json() == bounds
    assert (await api.put("/invoice-series", json={"prefix": "A/", "width": 6})).status_code == 422
