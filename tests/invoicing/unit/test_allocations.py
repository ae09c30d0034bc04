"""Which money pays which invoice: rules worked out by hand, and a model that any sequence is held to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.allocations import (
    Allocation,
    Credit,
    Debt,
    Refused,
    Source,
    chosen,
    given_back,
    oldest_first,
    status_of,
)
from invoicing.domain.statements import Entry, statement_of

PAYMENT = Source("payment", 1)
NOTE = Source("credit_note", 9)


def pounds(amount: str) -> Decimal:
    return Decimal(amount)


def credit(left: str, source: Source = PAYMENT) -> Credit:
    return Credit(source, pounds(left))


def debts(*left: str) -> list[Debt]:
    """Invoices 1, 2, 3 ..."""
    return [Debt(invoice_id, pounds(each)) for invoice_id, each in enumerate(left, 1)]


def pairs(made: list[Allocation]) -> list[tuple[int, Decimal]]:
    return [(each.invoice_id, each.amount) for each in made]


def test_the_oldest_invoice_is_paid_first_and_the_last_in_part() -> None:
    """I9: 100.00 against 30.00, 50.00 and 40.00."""
    made = oldest_first([credit("100.00")], debts("30.00", "50.00", "40.00"))
    assert pairs(made) == [(1, pounds("30.00")), (2, pounds("50.00")), (3, pounds("20.00"))]


def test_an_over_payment_is_left_as_credit() -> None:
    """I9: only what is owed is allocated."""
    assert pairs(oldest_first([credit("100.00")], debts("30.00"))) == [(1, pounds("30.00"))]
    assert oldest_first([credit("100.00")], []) == []


def test_the_oldest_credit_is_used_first() -> None:
    """Z14: a credit note of 20.00, then a payment, against 30.00 and 5.00."""
    made = oldest_first([credit("20.00", NOTE), credit("50.00")], debts("30.00", "5.00"))
    assert [(each.source, each.invoice_id, str(each.amount)) for each in made] == [
        (NOTE, 1, "20.00"),
        (PAYMENT, 1, "10.00"),
        (PAYMENT, 2, "5.00"),
    ]


def test_chosen_invoices_get_what_was_said_and_no_others() -> None:
    """I9: chosen invoices."""
    owed = {each.invoice_id: each for each in debts("30.00", "50.00")}
    made = chosen(credit("60.00"), [(2, pounds("50.00")), (1, pounds("1.00"))], owed)
    assert pairs(made) == [(2, pounds("50.00")), (1, pounds("1.00"))]


@pytest.mark.parametrize(
    ("left", "wanted", "words"),
    [
        ("60.00", [(3, "1.00")], "invoice 3 is no open invoice of this customer"),
        ("60.00", [(1, "30.01")], "invoice 1 has 30.00 left to pay, not 30.01"),
        ("60.00", [(1, "30.00"), (2, "30.01")], "the allocations come to 60.01, there is 60.00 to allocate"),
    ],
)
def test_more_than_there_is_is_refused(left: str, wanted: list[tuple[int, str]], words: str) -> None:
    """I9: neither the payment nor an invoice is given out twice."""
    owed = {each.invoice_id: each for each in debts("30.00", "50.00")}
    with pytest.raises(Refused, match=words):
        chosen(credit(left), [(invoice_id, pounds(amount)) for invoice_id, amount in wanted], owed)


def test_what_is_given_back_is_taken_in_order_and_no_more() -> None:
    """I9: a refund of 25.00 opens the newest invoice, and the one before in part."""
    held = [Allocation(PAYMENT, 2, pounds("20.00")), Allocation(PAYMENT, 1, pounds("30.00"))]
    assert pairs(given_back(held, pounds("25.00"))) == [(2, pounds("20.00")), (1, pounds("5.00"))]
    assert given_back(held, pounds("0.00")) == []
    assert given_back(held, pounds("99.00")) == held


@pytest.mark.parametrize(
    ("gross", "paid", "sent", "status"),
    [
        ("10.00", "0.00", False, "approved"),
        ("10.00", "0.00", True, "sent"),
        ("10.00", "9.99", False, "part_paid"),
        ("10.00", "10.00", True, "paid"),
        ("-10.00", "-3.00", True, "part_paid"),
        ("-10.00", "-10.00", False, "paid"),
        ("0.00", "0.00", True, "sent"),
    ],
)
def test_the_state_follows_what_is_paid(gross: str, paid: str, sent: bool, status: str) -> None:
    """I6: part paid, paid, and back."""
    assert status_of(pounds(gross), pounds(paid), sent=sent) == status


def test_a_statement_runs_from_balance_to_balance() -> None:
    """I9: a statement of account."""
    day = date(2025, 3, 1)
    found = statement_of(
        pounds("5.00"), [(day, "invoice", 7, "INV7", pounds("12.00")), (day, "payment", 8, "", pounds("-17.00"))]
    )
    assert found.entries[0] == Entry(day, "invoice", 7, "INV7", pounds("12.00"), pounds("17.00"))
    assert (found.opening, found.entries[1].balance, found.closing) == (pounds("5.00"), 0, 0)
    assert statement_of(pounds("5.00"), []).closing == pounds("5.00")


AMOUNTS = st.lists(st.decimals("0.01", "999.99", places=2), max_size=6)


@given(AMOUNTS, AMOUNTS)
def test_nothing_is_left_on_both_sides_and_nothing_is_given_twice(money: list[Decimal], owed: list[Decimal]) -> None:
    """I9, Z14: any credits, any debts: all that can be paid is, the oldest first."""
    credits = [Credit(Source("payment", number), left) for number, left in enumerate(money)]
    made = oldest_first(credits, [Debt(number, left) for number, left in enumerate(owed)])
    assert sum(each.amount for each in made) == min(sum(money), sum(owed))
    given_out, paid = [0] * len(money), [0] * len(owed)
    for each in made:
        assert each.amount > 0
        given_out[each.source.id] += each.amount
        paid[each.invoice_id] += each.amount
    for got, limit in ((given_out, money), (paid, owed)):
        assert all(part <= whole for part, whole in zip(got, limit, strict=True))
        full = [part == whole for part, whole in zip(got, limit, strict=True)]
        assert full == sorted(full, reverse=True)
