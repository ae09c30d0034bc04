"""One customer's draft: low policy, VAT, due dates, what is missing, control totals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.invoicing import made
from tests.support import cases

from contracts.customers import LowInvoicePolicy, PaymentTerms, StatusPeriod
from invoicing.domain.charges import Charge
from invoicing.domain.invoices import Case, judge, missing_details
from invoicing.domain.reference import status_on
from invoicing.domain.runs import Run
from invoicing.domain.transactions import Transaction
from invoicing.domain.usage import Close
from invoicing.domain.vat import NoVatRate, vat_lines

RUN = Run(run_id=1, version=2, state="running", bill_to=date(2025, 1, 31), invoice_date=date(2025, 2, 1))


def owed(net: str, **what: Any) -> Transaction:
    return Transaction(
        customer_id=1, kind="adjustment", description="Carried over", net=Decimal(net), transaction_id=1, **what
    )


def a_close(*lines: Any, **what: Any) -> Close:
    return Close(close_id=5, customer_id=1, lines=lines, totals=what.pop("totals", made.totals(*lines)), **what)


@pytest.mark.parametrize("case", cases.LOW_INVOICES, ids=cases.names)
def test_a_low_invoice_goes_the_way_of_its_policy(case: cases.Low) -> None:
    """I5, Z12: the table of what was worked out by hand."""
    policy = LowInvoicePolicy(policy=case.policy, threshold=case.threshold, charge=case.charge)  # type: ignore[arg-type]
    customer = made.customer(low_invoice=policy, status="final_bill" if case.final_bill else "active")
    unsent = [] if case.owed is None else [owed(str(case.owed))]
    verdict = judge(Case(customer, unsent=unsent), RUN, made.LISTS)
    assert (verdict.totals.net if verdict.totals else None) == case.net
    if case.net is None:
        assert verdict.reason == ("nothing_to_bill" if case.owed is None else "roll_forward")


@pytest.mark.parametrize("case", cases.VATS, ids=cases.names)
def test_vat_is_worked_out_per_rate_entry(case: cases.Vat) -> None:
    """Z13: on the invoice's net at that rate, valid on the tax point, rounded half up."""
    assert sum(line.vat for line in vat_lines(case.nets, made.LISTS, case.tax_point)) == case.vat


def test_two_entries_of_one_percentage_are_two_lines() -> None:
    """Z13: grouping is by rate entry: 0.02 + 0.02 at 20 % are 0.00 + 0.00, not 0.01."""
    other = made.reference("vat_rates", "standard_2", vat_rate=made.LISTS.entry("vat_rates", "standard").vat_rate)
    lists = made.ReferenceLists((*made.REFERENCE, other))
    pennies = Decimal("0.02")
    lines = vat_lines([("standard", pennies), ("standard_2", pennies)], lists, date(2025, 2, 1))
    assert [(line.vat_rate, line.vat) for line in lines] == [
        ("standard", Decimal("0.00")),
        ("standard_2", Decimal("0.00")),
    ]


def test_the_reverse_charge_adds_no_vat_and_carries_its_statement() -> None:
    """C7: wholesale telecoms between UK carriers."""
    (line,) = vat_lines([("reverse_charge", Decimal("100.00"))], made.LISTS, date(2025, 2, 1))
    assert (line.net, line.vat, line.percent) == (Decimal("100.00"), Decimal("0.00"), 0)
    assert "Reverse charge" in line.statement


def test_a_rate_without_a_percentage_on_the_day_is_refused() -> None:
    """Z13: nothing is billed at zero by accident."""
    with pytest.raises(NoVatRate, match="standard has no percentage on 1990-01-01"):
        vat_lines([("standard", Decimal("1.00"))], made.LISTS, date(1990, 1, 1))


def test_a_charge_with_its_own_rate_keeps_it() -> None:
    """Z13: its charge's own rate if it has one, else the customer's."""
    charges = [
        Charge(
            charge_id=each, customer_id=1, kind="one_off", description="", amount=Decimal("10"), start=RUN.bill_to,
            vat_rate=rate,
        )
        for each, rate in enumerate(["zero", None])
    ]  # fmt: skip
    verdict = judge(Case(made.customer(vat_rate="reduced"), charges), RUN, made.LISTS)
    assert verdict.totals is not None
    assert {line.vat_rate: line.vat for line in verdict.totals.vat_lines} == {
        "zero": Decimal("0.00"),
        "reduced": Decimal("0.50"),
    }


def test_usage_is_one_transaction_per_line_rounded_once() -> None:
    """Z2: net = the exact sum of its calls' charges, rounded once."""
    lines = (made.usage_line("1.0049"), made.usage_line("2.005", band="offpeak"))
    verdict = judge(Case(made.customer(), close=a_close(*lines)), RUN, made.LISTS)
    assert [(line.kind, line.net) for line in verdict.new] == [("usage", Decimal("1.00")), ("usage", Decimal("2.01"))]
    assert verdict.totals is not None
    assert (verdict.totals.net, verdict.totals.vat) == (Decimal("3.01"), Decimal("0.60"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"calls": 11, "seconds": 600, "net_exact": Decimal("1.25")},
        {"calls": 10, "seconds": 601, "net_exact": Decimal("1.25")},
        {"calls": 10, "seconds": 600, "net_exact": Decimal("1.2500001")},
    ],
)
def test_control_totals_that_differ_park_the_customer(wrong: dict[str, Any]) -> None:
    """I4, Z2: count, seconds and the exact sum are compared."""
    close = a_close(made.usage_line("1.25"), totals=made.ControlTotals(**wrong))
    verdict = judge(Case(made.customer(), close=close), RUN, made.LISTS)
    assert verdict.state == "parked"
    assert verdict.reason.startswith("control totals differ: closed")


@pytest.mark.parametrize(
    "line",
    [
        made.usage_line("1.25", net=Decimal("1.26")),
        made.usage_line("1.25", list_price=Decimal("1.30")),
    ],
)
def test_a_line_that_does_not_add_up_parks_the_customer(line: Any) -> None:
    """I4, Z2: line by line."""
    verdict = judge(Case(made.customer(), close=a_close(line)), RUN, made.LISTS)
    assert verdict.reason.startswith("control totals differ: +442079460001 National peak")


def test_the_same_line_twice_parks_the_customer() -> None:
    """Z2: one per number, call class and band."""
    line = made.usage_line("1.25")
    verdict = judge(Case(made.customer(), close=a_close(line, line)), RUN, made.LISTS)
    assert "2 lines closed, 2 billed, 1 different ones" in verdict.reason


def test_a_negative_total_is_a_credit_note_without_due_date() -> None:
    """Z14: in the same numbering, with no due date."""
    customer = made.customer(low_invoice=LowInvoicePolicy(policy="create"))
    verdict = judge(Case(customer, unsent=[owed("-3.33")]), RUN, made.LISTS)
    assert verdict.totals is not None
    assert (verdict.totals.kind, verdict.totals.gross, verdict.due) == ("credit_note", Decimal("-4.00"), None)


def test_due_by_the_customers_terms_else_its_payment_methods_else_as_the_run_says() -> None:
    """C6: blank is the payment method's default; a due date given overrides both."""
    own = made.customer(payment_terms=PaymentTerms(kind="days_before_month_end", value=-1))
    unsent = [owed("5.00")]
    run = Run(**{**{name: getattr(RUN, name) for name in RUN.__dataclass_fields__}, "due_date": date(2025, 2, 20)})
    assert judge(Case(made.customer(), unsent=unsent), RUN, made.LISTS).due == date(2025, 2, 15)
    assert judge(Case(own, unsent=unsent), RUN, made.LISTS).due == date(2025, 2, 28)
    assert judge(Case(own, unsent=unsent), run, made.LISTS).due == date(2025, 2, 20)


def test_missing_details_park_and_a_missing_email_does_not() -> None:
    """Z10: parked with the list of them; a missing email never parks."""
    customer = made.customer(
        missing=("billing address", "email", "VAT rate"), emails=(), vat_rate=None, payment_method=None
    )
    assert missing_details(customer, made.LISTS) == ["billing address", "VAT rate", "payment terms"]
    verdict = judge(Case(customer, unsent=[owed("5.00")]), RUN, made.LISTS)
    assert verdict.reason == "missing details: billing address, VAT rate, payment terms"
    assert missing_details(made.customer(emails=(), missing=("email",)), made.LISTS) == []


def test_the_status_on_a_day_is_the_last_that_began_by_it() -> None:
    """C8: "what was the status on day D"."""
    history = (
        StatusPeriod(status="active", effective_from=date(2025, 1, 1)),
        StatusPeriod(status="dropped", effective_from=date(2025, 2, 1)),
    )
    customer = made.customer(status="dropped", status_history=history)
    days = (date(2024, 6, 1), date(2025, 1, 31), date(2025, 2, 1))
    assert [status_on(customer, day) for day in days] == ["active", "active", "dropped"]
