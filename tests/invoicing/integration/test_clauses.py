"""Clauses of the rules on whole bills, each figure worked out by hand beside it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World
from tests.invoicing.integration.test_leaving import remake

from contracts.billing import InvoiceApproved
from contracts.customers import CustomerCreated, CustomerUpdated, LowInvoicePolicy, NumberUpdated
from contracts.reference import PaymentTerms
from invoicing.service.by_hand import NewInvoice, NewLine, make_by_hand
from invoicing.service.recreating import recreate_invoices
from invoicing.service.reports import invoice_report
from invoicing.service.runs import start_run

START = date(2025, 1, 1)
FEBRUARY, MARCH, APRIL, MAY = date(2025, 2, 28), date(2025, 3, 31), date(2025, 4, 30), date(2025, 5, 31)
Figures = tuple[Decimal, Decimal, Decimal]


def changed(customer: CustomerCreated, version: int = 2, **what: Any) -> CustomerUpdated:
    """The customer's state with these details."""
    return CustomerUpdated(**{**customer.model_dump(), "version": version, **what})


async def bill(world: World, bill_to: date, **what: Any) -> list[dict[str, Any]]:
    """A run to that day, dated the day itself. Returns its invoices."""
    return await world.invoices(await world.bill(bill_to=bill_to, invoice_date=bill_to, **what))


def figures(invoice: dict[str, Any]) -> Figures:
    """Net, VAT and gross."""
    return invoice["net"], invoice["vat"], invoice["gross"]


def pounds(*amounts: str) -> Figures:
    """Net, VAT and gross as they are written."""
    net, vat, gross = map(Decimal, amounts)
    return net, vat, gross


async def test_another_vat_rate_between_draft_and_approval(world: World) -> None:
    """C7, Z13, I7: 20.00 of rental follow the customer to the reverse charge, 30.00 keep their own 5 %: 51.50."""
    customer = made.customer()
    rental = made.charge("10.00", START, months=1)
    fitting = made.charge("30.00", START, vat_rate="reduced")
    await world.hear(customer, made.number(customer.customer_id, rental, fitting))
    run_id = await world.bill()
    (draft,) = await world.invoices(run_id)
    assert figures(draft) == pounds("50.00", "5.50", "55.50")
    await world.hear(changed(customer, vat_rate="reverse_charge"))
    await world.approve(run_id)
    (approved,) = await world.told(InvoiceApproved)
    assert [(line.vat_rate, line.net, line.vat, bool(line.statement)) for line in approved.vat_lines] == [
        ("reduced", Decimal("30.00"), Decimal("1.50"), False),
        ("reverse_charge", Decimal("20.00"), Decimal("0.00"), True),
    ]
    await world.hear(changed(customer, version=3, vat_rate="standard"))
    (invoice,) = await world.invoices(run_id)
    assert figures(invoice) == pounds("50.00", "1.50", "51.50")


async def test_another_quantity_and_price_from_a_day_on(world: World) -> None:
    """Z5: 5 seats at 12.00 were charged to 28 February; 3 at 15.00 from the 15th: -30.00 + 22.50 + 45.00."""
    customer = made.customer()
    five = made.charge("12.00", START, months=1, quantity=Decimal(5))
    number = made.number(customer.customer_id, five)
    await world.hear(customer, number)
    (january,) = await bill(world, date(2025, 1, 31))
    assert january["net"] == Decimal("120.00")
    await world.approve(january["run_id"])
    ended = five.model_copy(update={"end": date(2025, 2, 14)})
    three = made.charge("15.00", date(2025, 2, 15), months=1, quantity=Decimal(3), anchor=START)
    await world.hear(NumberUpdated(**{**number.model_dump(), "version": 2, "charges": (ended, three)}))
    (february,) = await bill(world, FEBRUARY)
    assert figures(february) == pounds("37.50", "7.50", "45.00")
    refund = next(line for line in await world.transactions(customer.customer_id) if line["kind"] == "refund")
    assert (refund["net"], refund["first_day"], refund["unit_price"]) == (
        Decimal("-30.00"),
        date(2025, 2, 15),
        Decimal("12.00"),
    )


async def test_a_refund_keeps_the_rate_of_its_invoice_and_what_is_new_has_the_customers(world: World) -> None:
    """Z13: February back at 20 %, a connection of 40.00 at 5 %: 12.00 net, VAT -5.60 + 2.00, gross 8.40."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("28.00", START, months=1), start=START)
    await world.hear(customer, number)
    await world.approve((await bill(world, date(2025, 1, 31)))[0]["run_id"])
    connection = made.feature(customer.customer_id, made.charge("40.00", date(2025, 2, 3)))
    gone = NumberUpdated(**{**number.model_dump(), "version": 2, "end": date(2025, 1, 31)})
    await world.hear(changed(customer, vat_rate="reduced"), gone, connection)
    (february,) = await bill(world, FEBRUARY)
    assert figures(february) == pounds("12.00", "-3.60", "8.40")


async def test_a_negative_net_rolls_forward_for_three_months(world: World) -> None:
    """Z12: -60.00 and 20.00 a month in arrears: -40.00, -20.00, 0.00 roll forward; May bills 20.00 with five lines."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("60.00", START, months=1), start=START)
    await world.hear(customer, number)
    await world.approve((await bill(world, date(2025, 1, 31)))[0]["run_id"])
    care = made.charge("20.00", date(2025, 2, 1), months=1, in_advance=False)
    gone = NumberUpdated(**{**number.model_dump(), "version": 2, "end": date(2025, 1, 31)})
    await world.hear(gone, made.feature(customer.customer_id, care))
    for month in (FEBRUARY, MARCH, APRIL):
        assert await bill(world, month) == []
    (may,) = await bill(world, MAY)
    assert figures(may) == pounds("20.00", "4.00", "24.00")
    assert len((await invoice_report(may["invoice_id"])).lines) == 5


async def test_a_low_usage_charge_has_the_customers_vat_rate(world: World) -> None:
    """Z12: 1.23 of calls and 5.00 at 5 %: 0.3115 of VAT is 0.31."""
    low = LowInvoicePolicy(policy="low_usage_charge", threshold=Decimal("10.00"), charge=Decimal("5.00"))
    customer = made.customer(vat_rate="reduced", low_invoice=low)
    await world.hear(customer)
    run_id = await world.bill({customer.customer_id: [made.usage_line("1.234")]})
    (invoice,) = await world.invoices(run_id)
    assert figures(invoice) == pounds("6.23", "0.31", "6.54")
    assert [line["kind"] for line in await world.transactions(customer.customer_id)] == ["usage", "low_usage_charge"]


async def test_a_low_usage_charge_is_worked_out_anew_when_the_draft_is_made_again(world: World) -> None:
    """Z12, I6: with a call of 9.00 more it is not low any more."""
    low = LowInvoicePolicy(policy="low_usage_charge", threshold=Decimal("10.00"), charge=Decimal("5.00"))
    customer = made.customer(low_invoice=low)
    await world.hear(customer)
    run_id = await world.bill({customer.customer_id: [made.usage_line("1.23")]})
    (draft,) = await world.invoices(run_id)
    await recreate_invoices([draft["invoice_id"]], "ann")
    await remake(world, {customer.customer_id: [made.usage_line("1.23"), made.usage_line("9.00", band="weekend")]})
    assert figures((await world.invoices(run_id))[0]) == pounds("10.23", "2.05", "12.28")


TERMS = [
    ("its payment method's", None, None, date(2025, 2, 14)),
    ("days", PaymentTerms(kind="days_after", value=30), None, date(2025, 3, 2)),
    ("a day that February has not", PaymentTerms(kind="day_of_month", value=30), None, date(2025, 2, 28)),
    ("that very day is not after", PaymentTerms(kind="day_of_month", value=31), None, date(2025, 2, 28)),
    ("the last but one", PaymentTerms(kind="days_before_month_end", value=-2), None, date(2025, 2, 27)),
    ("given in the run", PaymentTerms(kind="days_after", value=30), date(2025, 4, 4), date(2025, 4, 4)),
]


@pytest.mark.parametrize(("why", "terms", "given", "due"), TERMS, ids=[each[0] for each in TERMS])
async def test_due_as_the_run_says_else_by_the_terms(
    world: World, why: str, terms: PaymentTerms | None, given: date | None, due: date
) -> None:
    """C6, Z15: of an invoice of 31 January, also when it is made again."""
    customer = made.customer(payment_terms=terms)
    await world.hear(customer, made.feature(customer.customer_id, made.charge("30.00", START)))
    (draft,) = await bill(world, date(2025, 1, 31), due_date=given)
    assert draft["due_date"] == due
    await recreate_invoices([draft["invoice_id"]], "ann")
    await remake(world)
    assert [row["due_date"] for row in await world.invoices(draft["run_id"])] == [due]


async def test_an_invoice_by_hand_to_an_earlier_day_gives_nothing_back(world: World) -> None:
    """Z4, I10: charged to 28 February already; 31 January asks for nothing, so the line of 4.00 is all."""
    customer = made.customer()
    await world.hear(customer, made.number(customer.customer_id, made.charge("28.00", START, months=1)))
    await world.approve((await bill(world, date(2025, 1, 31)))[0]["run_id"])
    new = NewInvoice(
        customer_id=customer.customer_id,
        bill_to=date(2025, 1, 15),
        invoice_date=date(2025, 2, 3),
        due_date=date(2025, 2, 5),
        lines=(NewLine("Visit", Decimal("4.00"), "reduced"),),
    )
    run = await make_by_hand(new, "ann")
    await world.hear(*made.markers(run.run_id))
    assert await start_run(run.run_id, PARTITIONS)
    await world.answer(run.run_id, {})
    await world.draft(run.run_id)
    (invoice,) = await world.invoices(run.run_id)
    assert figures(invoice) == pounds("4.00", "0.20", "4.20")
    assert invoice["due_date"] == date(2025, 2, 5)


async def test_a_charge_in_arrears_that_ends_is_charged_to_its_end_once_the_bill_reaches_it(world: World) -> None:
    """Z4, I1: a quarter of 90.00 from 10 January to 20 February: 30.00 x 22/31 + 30.00 x 20/28 = 42.72."""
    customer = made.customer()
    care = made.charge("90.00", date(2025, 1, 10), months=3, in_advance=False, end=date(2025, 2, 20))
    await world.hear(customer, made.feature(customer.customer_id, care))
    assert await bill(world, date(2025, 1, 31)) == []
    (invoice,) = await bill(world, FEBRUARY)
    assert invoice["net"] == Decimal("42.72")
