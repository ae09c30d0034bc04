"""Which customers a run takes, and invoice numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from tests.invoicing import made
from tests.support import cases

from invoicing.domain.numbering import Series
from invoicing.domain.runs import Run, cycle_is_due, takes

RUN = Run(run_id=1, version=1, state="requested", bill_to=date(2025, 1, 31), invoice_date=date(2025, 2, 1))


@pytest.mark.parametrize("case", cases.CYCLES_DUE, ids=cases.names)
def test_a_cycle_is_due_in_its_months(case: cases.Due) -> None:
    """C5, Z10: the month of the bill-to date decides."""
    assert cycle_is_due(case.every_months, case.bill_to, case.anchor_month) == case.due


@pytest.mark.parametrize(
    ("status", "taken"), [("active", True), ("active_do_not_bill", False), ("final_bill", True), ("dropped", False)]
)
@pytest.mark.parametrize("by_list", [False, True])
def test_the_status_says_who_is_billed(status: str, taken: bool, by_list: bool) -> None:
    """C8, Z10: do not bill and dropped are never taken, by list or by cycle."""
    customer = made.customer(status=status)
    run = replace(RUN, customers=(customer.customer_id,)) if by_list else RUN
    assert takes(run, customer, made.LISTS, None) == taken


def test_a_quarterly_customer_follows_its_first_bill() -> None:
    """Z10: the anchor is set by hand, else it is the month of the first bill."""
    quarterly = made.customer(billing_cycle="quarterly")
    assert takes(RUN, quarterly, made.LISTS, None)
    assert takes(RUN, quarterly, made.LISTS, date(2024, 10, 31))
    assert not takes(RUN, quarterly, made.LISTS, date(2024, 11, 30))
    by_hand = quarterly.model_copy(update={"anchor_month": 2})
    assert not takes(RUN, by_hand, made.LISTS, date(2024, 10, 31))


def test_a_run_by_cycles_takes_every_final_bill_customer_along() -> None:
    """Z10: whatever its cycle; a run by a list takes only the list."""
    final = made.customer(status="final_bill", billing_cycle="manual")
    assert takes(replace(RUN, cycles=("monthly",)), final, made.LISTS, None)
    assert not takes(replace(RUN, customers=(final.customer_id + 1,)), final, made.LISTS, None)


def test_a_run_of_some_cycles_leaves_the_others() -> None:
    """I3: billing cycles."""
    run = replace(RUN, cycles=("quarterly",))
    assert not takes(run, made.customer(), made.LISTS, None)
    assert takes(run, made.customer(billing_cycle="quarterly"), made.LISTS, None)


def test_a_listed_customer_is_taken_whatever_its_cycle() -> None:
    """Z10: a list is taken as it is."""
    customer = made.customer(billing_cycle="manual")
    assert takes(replace(RUN, customers=(customer.customer_id,)), customer, made.LISTS, None)
    assert not takes(RUN, customer, made.LISTS, None)


def test_a_customer_whose_cycle_is_not_known_is_taken_so_that_it_is_seen() -> None:
    """Z10: it will be parked with what is missing, not forgotten."""
    assert takes(RUN, made.customer(billing_cycle=None), made.LISTS, None)


def test_numbers_follow_one_another_and_outgrow_their_width() -> None:
    """I6: sequential, without gaps."""
    assert Series("INV", 4, 10_001).taken(3) == ["INV9999", "INV10000", "INV10001"]
    assert Series("", 6, 1).taken(1) == ["000001"]
