"""What Final Bill, Drop and Reinstate do in invoicing, with customers and rating played by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World, rows

from contracts.base import Event
from contracts.billing import CustomerSettled, InvoiceCreated
from contracts.closing import UsageAdjusted, UsageCloseReleased, UsageLine
from contracts.customers import Charge, CustomerCreated, NumberCreated, NumberRemoved
from invoicing.service.approvals import approve_invoice
from invoicing.service.closes import take_in_closes
from invoicing.service.payments import NewPayment, record_payment
from invoicing.service.runs import start_run
from invoicing.service.unapproving import unapprove_invoice
from service_kit.problems import Conflict

START = date(2025, 1, 1)
JANUARY, FEBRUARY, MARCH = date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)


def final_bill(customer: CustomerCreated, on: date, **what: Any) -> CustomerCreated:
    """The customer's state after the Final Bill action, the next version."""
    usual = {"status": "final_bill", "final_bill_date": on, "final_bill_id": customer.final_bill_id or 77}
    return customer.model_copy(update={**usual, "version": customer.version + 1, **what})


def withdrawn(customer: CustomerCreated) -> CustomerCreated:
    """The same after it was withdrawn."""
    nothing = {"status": "active", "final_bill_date": None, "final_bill_id": None}
    return customer.model_copy(update={**nothing, "version": customer.version + 1})


def dropped(customer: CustomerCreated, on: date, **what: Any) -> CustomerCreated:
    """The same after the Drop action."""
    usual = {"status": "dropped", "drop_date": on, "version": customer.version + 1}
    return customer.model_copy(update={**usual, **what})


def reinstated(customer: CustomerCreated, on: date) -> CustomerCreated:
    """The same after Reinstate."""
    what = {"status": "active", "drop_date": None, "final_bill_date": None, "final_bill_id": None}
    return customer.model_copy(update={**what, "reinstate_date": on, "version": customer.version + 1})


def ended(number: NumberCreated, on: date | None, *more: Charge) -> NumberCreated:
    """The number with another end, and further charges."""
    what = {"end": on, "version": number.version + 1, "charges": (*number.charges, *more)}
    return number.model_copy(update=what)


async def nets(world: World, customer: CustomerCreated) -> list[tuple[str, Decimal]]:
    """Kind and net of all the customer's transactions, as they came."""
    return [(row["kind"], row["net"]) for row in await world.transactions(customer.customer_id)]


async def settled_events(world: World) -> list[CustomerSettled]:
    return await world.told(CustomerSettled)


@pytest.fixture
async def billed(world: World) -> tuple[CustomerCreated, NumberCreated]:
    """A customer with 28.00 a month in advance, billed in January up to 28 February."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("28.00", START, months=1), start=START)
    await world.hear(customer, number)
    await world.approve(await world.bill())
    return customer, number


Billed = tuple[CustomerCreated, NumberCreated]


async def test_notice_on_the_15th_refunds_what_is_billed_beyond_the_31st_and_bills_nothing_else(
    world: World, billed: Billed
) -> None:
    """C14, Z4: billed in advance to 28 February, last day 31 January: all of February goes back, at once, on Unsent."""
    customer, number = billed
    await world.hear(final_bill(customer, JANUARY), ended(number, JANUARY))
    refund = (await world.transactions(customer.customer_id))[-1]
    assert (refund["kind"], refund["net"], refund["invoice_id"]) == ("refund", Decimal("-28.00"), None)
    assert (refund["first_day"], refund["last_day"], refund["vat_rate"]) == (date(2025, 2, 1), FEBRUARY, "standard")
    run_id = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (note,) = await world.invoices(run_id)
    assert (note["kind"], note["gross"], note["final"], note["final_bill_id"]) == (
        "credit_note",
        Decimal("-33.60"),
        True,
        77,
    )
    told = (await world.told(InvoiceCreated))[-1]
    assert (told.final, told.gross) == (True, Decimal("-33.60"))


async def test_a_final_bill_date_that_lies_ahead_is_charged_up_to_at_once(world: World, billed: Billed) -> None:
    """Z4: on Unsent, also when the date lies ahead: 1 to 15 March of 28.00 is 13.55."""
    customer, number = billed
    await world.hear(final_bill(customer, date(2025, 3, 15)), ended(number, date(2025, 3, 15)))
    assert await nets(world, customer) == [("recurring", Decimal("56.00")), ("recurring", Decimal("13.55"))]


@pytest.mark.parametrize("order", ["customer first", "numbers first", "together", "twice"])
async def test_the_order_in_which_states_come_does_not_matter(world: World, billed: Billed, order: str) -> None:
    """Z4, E1: readers need no order between entities, and apply twice without harm."""
    customer, number = billed
    states: tuple[Event, ...] = (final_bill(customer, date(2025, 2, 14)), ended(number, date(2025, 2, 14)))
    batches: Sequence[Sequence[Event]] = {
        "customer first": [states[:1], states[1:]],
        "numbers first": [states[1:], states[:1]],
        "together": [states],
        "twice": [states, states],
    }[order]
    for batch in batches:
        await world.hear(*batch)
    assert await nets(world, customer) == [("recurring", Decimal("56.00")), ("refund", Decimal("-14.00"))]


async def test_a_repeated_final_bill_moves_what_is_charged_both_ways(world: World, billed: Billed) -> None:
    """C14: to 14 February, then to the 21st, then back to 7 February; withdrawn, the next run goes on from there."""
    customer, number = billed
    for day in (date(2025, 2, 14), date(2025, 2, 21), date(2025, 2, 7)):
        customer, number = final_bill(customer, day), ended(number, day)
        await world.hear(customer, number)
    assert [net for _, net in await nets(world, customer)] == [
        Decimal("56.00"),
        Decimal("-14.00"),
        Decimal("7.00"),  # still on Unsent, so its refund follows the customer's VAT rate
        Decimal("-7.00"),
        Decimal("-7.00"),
    ]
    await world.hear(withdrawn(customer), ended(number, None))
    run_id = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (invoice,) = await world.invoices(run_id)
    assert invoice["net"] == Decimal("28.00")  # -14.00 + 7.00 - 14.00 + 21.00 of February + 28.00 of March
    assert invoice["final"] is False


async def test_what_starts_after_the_last_day_is_cancelled_and_refunded_and_there_again_when_it_is_withdrawn(
    world: World,
) -> None:
    """Z6: a number that starts later is told as removed; withdrawn, it is told again."""
    customer = made.customer()
    later = made.number(
        customer.customer_id,
        made.charge("10.00", date(2025, 2, 1), months=1),
        made.charge("30.00", date(2025, 1, 20)),
        start=date(2025, 1, 20),
    )
    await world.hear(customer, later)
    await world.approve(await world.bill())
    removed = NumberRemoved(**{**later.model_dump(), "version": 2})
    leaving = final_bill(customer, date(2025, 1, 10))
    await world.hear(leaving, removed)
    assert await nets(world, customer) == [
        ("recurring", Decimal("10.00")),
        ("one_off", Decimal("30.00")),
        ("refund", Decimal("-10.00")),
        ("refund", Decimal("-30.00")),
    ]
    await world.hear(withdrawn(leaving), later.model_copy(update={"version": 3}))
    run_id = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (invoice,) = await world.invoices(run_id)
    assert invoice["net"] == Decimal("10.00")  # -40.00 back, 30.00 and February again, and March


async def test_a_final_bill_goes_its_way_from_empty_invoice_to_settled(world: World) -> None:
    """C14: the first run makes the final invoice though it is empty; paid up, the next finds it settled."""
    customer = final_bill(made.customer(), JANUARY)
    await world.hear(customer)
    first = await world.bill(bill_to=date(2024, 12, 31), invoice_date=START)
    (invoice,) = await world.invoices(first)
    assert (invoice["gross"], invoice["final"]) == (Decimal("0.00"), True)
    await world.approve(first)
    ahead = await world.bill(bill_to=date(2025, 1, 30), invoice_date=JANUARY)
    assert [(row["state"], row["reason"]) for row in await world.customers(ahead)] == [("skipped", "nothing_to_bill")]
    assert await settled_events(world) == []
    done = await world.bill()
    (row,) = await world.customers(done)
    assert (row["state"], row["reason"], row["active"]) == ("skipped", "settled", False)
    assert await world.invoices(done) == []
    assert await settled_events(world) == [
        CustomerSettled(
            customer_id=customer.customer_id, run_id=done, customer_version=customer.version, bill_to=JANUARY
        )
    ]
    assert row["close_id"] in [event.close_id for event in await world.told(UsageCloseReleased)]


async def test_an_unpaid_balance_alone_makes_another_invoice_and_its_payment_settles(
    world: World, billed: Billed
) -> None:
    """C14: an unpaid balance alone included; payment in March; a balance of exactly 0.00."""
    customer, number = billed
    await world.hear(final_bill(customer, FEBRUARY), ended(number, FEBRUARY))
    for bill_to in (FEBRUARY, MARCH):
        run_id = await world.bill(bill_to=bill_to, invoice_date=bill_to)
        (empty,) = await world.invoices(run_id)
        assert (empty["gross"], empty["final"]) == (Decimal("0.00"), True)
        await world.approve(run_id)
    await _pay(customer, "67.19")
    still = await world.bill(bill_to=date(2025, 4, 30), invoice_date=date(2025, 5, 1))
    assert len(await world.invoices(still)) == 1
    await world.approve(still)
    await _pay(customer, "0.01")
    run_id = await world.bill(bill_to=date(2025, 5, 31), invoice_date=date(2025, 6, 1))
    assert [row["reason"] for row in await world.customers(run_id)] == ["settled"]


async def test_a_late_call_keeps_a_final_bill_customer_for_another_invoice(world: World) -> None:
    """C14: charges on Unsent or in this close."""
    customer = final_bill(made.customer(), JANUARY)
    await world.hear(customer)
    await world.approve(await world.bill())
    run_id = await world.bill({customer.customer_id: [made.usage_line("0.50")]}, bill_to=FEBRUARY)
    (invoice,) = await world.invoices(run_id)
    assert invoice["gross"] == Decimal("0.60")
    await world.approve(run_id)
    await _pay(customer, "0.60")
    await world.bill(bill_to=MARCH)
    assert len(await settled_events(world)) == 1


async def test_a_second_final_bill_gets_a_final_invoice_of_its_own(world: World) -> None:
    """C14: withdrawn and ordered again it is another Final Bill; repeated with another date it is not."""
    customer = final_bill(made.customer(), JANUARY)
    await world.hear(customer)
    await world.approve(await world.bill())
    customer = final_bill(withdrawn(customer), FEBRUARY, final_bill_id=78)
    await world.hear(customer)
    second = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    assert [row["final_bill_id"] for row in await world.invoices(second)] == [78]
    await world.approve(second)
    await world.hear(final_bill(customer, MARCH))
    await world.bill(bill_to=MARCH)
    assert len(await settled_events(world)) == 1


async def test_the_status_that_counts_is_that_of_the_moment(world: World) -> None:
    """C14, Z7: the history has Final Bill from the day after the date only, runs look at what is shown."""
    await world.hear(customer := final_bill(made.customer(billing_cycle="quarterly", anchor_month=3), MARCH))
    assert customer.status_history[-1].status == "active"
    run_id = await world.bill()
    assert [row["final"] for row in await world.invoices(run_id)] == [True]


async def test_an_administrators_own_status_does_what_its_flags_say(world: World) -> None:
    """C8: statuses are data: one named otherwise, with the same flag, is Final Bill."""
    flags = made.LISTS.status("final_bill")
    await world.hear(made.reference("statuses", "leaving", status=flags))
    customer = final_bill(made.customer(), JANUARY, status="leaving")
    await world.hear(customer)
    await world.approve(await world.bill())
    await world.bill(bill_to=FEBRUARY)
    assert len(await settled_events(world)) == 1


async def test_a_drop_settles_at_once_and_the_customer_is_in_no_run(world: World, billed: Billed) -> None:
    """C15: refunded to the day on Unsent, where it waits for a manual invoice."""
    customer, number = billed
    await world.hear(dropped(customer, date(2025, 2, 14)), ended(number, date(2025, 2, 14)))
    assert (await nets(world, customer))[1:] == [("refund", Decimal("-14.00"))]
    assert await world.customers(await world.bill(bill_to=FEBRUARY)) == []
    listed = await world.bill(bill_to=FEBRUARY, customers=(customer.customer_id,))
    assert await world.customers(listed) == []


async def test_a_customer_dropped_while_a_run_waits_for_its_usage_gets_no_invoice(world: World) -> None:
    """C15: no invoices in runs; what was closed is released."""
    await world.hear(customer := made.customer())
    run_id = await world.start()
    await world.hear(dropped(customer, JANUARY))
    await world.answer(run_id, {customer.customer_id: [made.usage_line("5.00")]})
    await world.draft(run_id)
    (row,) = await world.customers(run_id)
    assert (row["state"], row["reason"]) == ("skipped", "dropped")
    assert [event.close_id for event in await world.told(UsageCloseReleased)] == [row["close_id"]]


async def test_dropped_and_reinstated_the_day_after_the_customer_pays_as_if_nothing_had_been(
    world: World, billed: Billed
) -> None:
    """C16, Z8: the charge begins again in its old periods; refund and new charge net to nothing."""
    customer, number = billed
    day = date(2025, 2, 10)
    customer, number = dropped(customer, day), ended(number, day)
    await world.hear(customer, number)
    old = number.charges[0]
    again = old.model_copy(update={"charge_id": made.fresh_id(), "start": date(2025, 2, 11), "anchor": START})
    kept = old.model_copy(update={"end": day})
    number = number.model_copy(update={"version": 9, "end": None, "charges": (kept, again)})
    await world.hear(reinstated(customer, date(2025, 2, 11)), number)
    run_id = await world.bill()
    assert await world.invoices(run_id) == []  # low: 0.00
    assert [net for _, net in await nets(world, customer)] == [Decimal("56.00"), Decimal("-18.00"), Decimal("18.00")]


async def test_nothing_is_charged_for_the_gap_before_a_reinstatement(world: World, billed: Billed) -> None:
    """C16, Z8: dropped on 10 February, back from 11 March: 21 of 31 days of March, and April in advance."""
    customer, number = billed
    day, back = date(2025, 2, 10), date(2025, 3, 11)
    customer, number = dropped(customer, day), ended(number, day)
    await world.hear(customer, number)
    again = number.charges[0].model_copy(update={"charge_id": made.fresh_id(), "start": back, "anchor": START})
    kept = number.charges[0].model_copy(update={"end": day})
    number = number.model_copy(update={"version": 9, "end": None, "charges": (kept, again)})
    await world.hear(reinstated(customer, back), number)
    run_id = await world.bill(bill_to=MARCH, invoice_date=date(2025, 4, 1))
    (invoice,) = await world.invoices(run_id)
    assert invoice["net"] == Decimal("-18.00") + Decimal("18.97") + Decimal("28.00")
    assert invoice["final"] is False


async def test_a_charge_that_cannot_be_settled_does_not_stop_the_states(world: World) -> None:
    """I3: it is parked by the run with its reason."""
    customer = made.customer()
    broken = made.charge("1.00", START, months=1).model_copy(update={"frequency_months": None})
    number = made.number(customer.customer_id, broken, end=JANUARY)
    await world.hear(final_bill(customer, JANUARY), number)
    run_id = await world.bill()
    (row,) = await world.customers(run_id)
    assert row["state"] == "parked"
    assert "every how many months" in row["reason"]


async def _pay(customer: CustomerCreated, amount: str) -> None:
    new = NewPayment(customer_id=customer.customer_id, amount=Decimal(amount), received_on=MARCH)
    await record_payment(new, "tests")


# Drafts that were made before ---------------------------------------------------------------------------------------


async def remake(world: World, lines: dict[int, Sequence[UsageLine]] | None = None) -> list[int]:
    """The runs that make drafts again take their course. Returns their ids."""
    found = await rows(text("SELECT run_id FROM billing_run WHERE kind = 'recreation' AND state = 'requested'"))
    run_ids = [row["run_id"] for row in found]
    for run_id in run_ids:
        await world.hear(*made.markers(run_id))
        assert await start_run(run_id, PARTITIONS)
        await world.answer(run_id, lines or {})
        await world.draft(run_id)
    return run_ids


async def unbilled(world: World) -> tuple[CustomerCreated, NumberCreated]:
    """A customer with 28.00 a month in advance, not billed yet."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("28.00", START, months=1), start=START)
    await world.hear(customer, number)
    return customer, number


async def test_a_draft_is_made_again_when_its_customer_goes_on_final_bill(world: World) -> None:
    """Z9, Z13: the same invoice, now final; the refund is of nothing invoiced, so it follows the VAT rate."""
    customer, number = await unbilled(world)
    run_id = await world.bill({customer.customer_id: [made.usage_line("5.00")]})
    (draft,) = await world.invoices(run_id)
    assert draft["net"] == Decimal("61.00")
    await world.hear(final_bill(customer, JANUARY, vat_rate="reduced"), ended(number, JANUARY))
    (emptied,) = await world.invoices(run_id)
    assert (emptied["net"], emptied["status"]) == (Decimal("0.00"), "draft")
    with pytest.raises(Conflict):
        await approve_invoice(draft["invoice_id"])
    assert draft["close_id"] in [event.close_id for event in await world.told(UsageCloseReleased)]
    await remake(world, {customer.customer_id: [made.usage_line("4.00")]})
    (again,) = await world.invoices(run_id)
    assert (again["invoice_id"], again["final"], again["final_bill_id"]) == (draft["invoice_id"], True, 77)
    assert (again["net"], again["vat"]) == (Decimal("32.00"), Decimal("1.60"))  # 56.00 - 28.00 + 4.00, at 5 %
    await approve_invoice(draft["invoice_id"])


async def test_a_draft_of_a_customer_who_is_dropped_is_removed_and_waits_for_a_manual_invoice(world: World) -> None:
    """C15: no invoices in runs; what was on it is on Unsent, settled to the day."""
    customer, number = await unbilled(world)
    run_id = await world.bill()
    await world.hear(dropped(customer, JANUARY), ended(number, JANUARY))
    await remake(world)
    assert [row["status"] for row in await world.invoices(run_id)] == ["removed"]
    unsent = [row for row in await world.transactions(customer.customer_id) if row["invoice_id"] is None]
    assert [row["net"] for row in unsent] == [Decimal("56.00"), Decimal("-28.00")]


async def test_a_change_while_a_run_waits_for_usage_is_made_good_right_after_its_draft(world: World) -> None:
    """Z9: the usage was closed before rating knew of the last day, so the draft is made again."""
    customer, number = await unbilled(world)
    run_id = await world.start()
    await world.hear(final_bill(customer, JANUARY), ended(number, JANUARY))
    await world.answer(run_id, {customer.customer_id: [made.usage_line("9.00")]})
    await world.draft(run_id)
    assert len(await remake(world, {customer.customer_id: [made.usage_line("4.00")]})) == 1
    (invoice,) = await world.invoices(run_id)
    assert (invoice["net"], invoice["final"]) == (Decimal("32.00"), True)
    assert await remake(world) == []


async def test_a_change_that_is_not_of_its_course_leaves_a_draft_alone(world: World) -> None:
    """Z9: another name is no reason; the same Final Bill told again neither."""
    customer, number = await unbilled(world)
    customer = final_bill(customer, JANUARY)
    await world.hear(customer, ended(number, JANUARY))
    await world.bill()
    await world.hear(final_bill(customer, JANUARY, name="Another Name"))
    assert await remake(world) == []


async def test_usage_taken_back_from_an_unapproved_invoice_makes_it_again(world: World) -> None:
    """Z9: unapproved while rating took calls off it: no refund, its usage is closed again without them."""
    customer, _ = await unbilled(world)
    run_id = await world.bill({customer.customer_id: [made.usage_line("5.00")]})
    (draft,) = await world.invoices(run_id)
    line = made.usage_line("-5.00")
    adjusted = UsageAdjusted(
        customer_id=customer.customer_id,
        adjustment_id=made.fresh_id(),
        close_id=draft["close_id"],
        part=1,
        parts=1,
        lines=(line,),
        totals=made.totals(line),
        reason="moved away",
    )
    await take_in_closes(made.received(adjusted))
    assert len(await remake(world)) == 1
    assert [row["net"] for row in await world.invoices(run_id)] == [Decimal("56.00")]
    assert [kind for kind, _ in await nets(world, customer)] == ["recurring"]


async def test_a_refund_of_what_is_unapproved_again_follows_the_customers_rate_with_it(
    world: World, billed: Billed
) -> None:
    """C7, Z13: what was refunded is not invoiced any more: both are recomputed, and net to nothing of VAT."""
    customer, number = billed
    await world.hear(final_bill(customer, date(2024, 12, 31)), ended(number, date(2024, 12, 31)))
    refund = (await world.transactions(customer.customer_id))[-1]
    assert (refund["net"], refund["vat_rate"], refund["own_vat_rate"]) == (Decimal("-56.00"), "standard", True)
    (first,) = await rows(text("SELECT invoice_id FROM invoice"))
    await unapprove_invoice(first["invoice_id"])
    refund = (await world.transactions(customer.customer_id))[-1]
    assert (refund["vat_rate"], refund["own_vat_rate"]) == (None, False)
    await world.hear(final_bill(customer, date(2024, 12, 31), vat_rate="reduced", version=5))
    await approve_invoice(first["invoice_id"])
    run_id = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (note,) = await world.invoices(run_id)
    assert (note["net"], note["vat"]) == (Decimal("-56.00"), Decimal("-2.80"))
