"""When a customer is billed next, and what its page warns of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.customers import Address, StatusPeriod
from customers.domain.accounts import Account, KnownInvoice
from customers.domain.cards import read_ids
from customers.domain.customers import Customer, Details
from customers.domain.overview import next_bill, warnings_of
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.domain.uk import defaults

TODAY = date(2025, 3, 10)
BOOK = Book(defaults())


def customer(status: str = "active", **more: Any) -> Customer:
    details = {
        "name": "Ann",
        "billing_address": Address(lines=("1 Fenwick Street",)),
        "payment_method": "bank_transfer",
        "vat_rate": "standard",
        "billing_cycle": "quarterly",
        "bill_style": "farthing",
        "emails": ("ann@example.com",),
        **more,
    }
    return Customer(
        7, 1, "F000007", Details(**details), (StatusPeriod(status=status, effective_from=date(2024, 1, 1)),)
    )


def invoice(bill_to: date, **more: Any) -> KnownInvoice:
    values: dict[str, Any] = {
        "invoice_id": 1,
        "number": "INV1",
        "kind": "invoice",
        "status": "sent",
        "bill_to": bill_to,
        "invoice_date": bill_to,
        "due_date": None,
        "currency": "GBP",
        "net": Decimal("10.00"),
        "vat": Decimal("2.00"),
        "gross": Decimal("12.00"),
        "document_url": None,
        "document_name": None,
    }
    return KnownInvoice(**{**values, **more})


@pytest.mark.parametrize(
    ("cycle", "anchor", "last", "month"),
    [
        ("monthly", None, None, date(2025, 3, 1)),
        ("monthly", None, date(2025, 3, 31), date(2025, 4, 1)),
        ("monthly", None, date(2025, 2, 28), date(2025, 3, 1)),
        ("quarterly", 1, date(2025, 1, 31), date(2025, 4, 1)),
        ("quarterly", 3, None, date(2025, 3, 1)),
        ("quarterly", 3, date(2025, 3, 31), date(2025, 6, 1)),
        ("quarterly", 12, None, date(2025, 3, 1)),
        ("quarterly", 2, None, date(2025, 5, 1)),
        ("quarterly", None, None, date(2025, 3, 1)),
        ("quarterly", None, date(2025, 1, 31), None),
    ],
)
def test_the_next_bill_is_in_the_next_month_of_the_cycle(
    cycle: str, anchor: int | None, last: date | None, month: date | None
) -> None:
    """C5, Z10: counted from the anchor month, behind the last bill. A first bill may come in any month."""
    known = [] if last is None else [invoice(last)]
    found = next_bill(customer(billing_cycle=cycle, anchor_month=anchor), known, BOOK, TODAY)
    assert (found.month, found.last_bill_to, found.hindered_by) == (month, last, ())


def test_a_draft_is_no_bill_yet() -> None:
    draft = invoice(date(2025, 3, 31), number=None, status="draft")
    assert next_bill(customer(billing_cycle="monthly"), [draft], BOOK, TODAY).month == date(2025, 3, 1)


@pytest.mark.parametrize(
    ("status", "changes", "words"),
    [
        ("active_do_not_bill", {}, "not billed in runs"),
        ("dropped", {}, "not billed in runs"),
        ("active", {"vat_rate": None}, "missing details: VAT rate"),
    ],
)
def test_what_keeps_a_customer_from_being_billed_is_said(status: str, changes: dict[str, Any], words: str) -> None:
    """C8, Z10"""
    found = next_bill(customer(status, **changes), [], BOOK, TODAY)
    assert found.month is None
    assert words in " ".join(found.hindered_by)


def test_a_final_bill_is_still_made() -> None:
    """C14"""
    assert next_bill(customer("final_bill", billing_cycle="monthly"), [], BOOK, TODAY).hindered_by == ()


def test_the_page_warns_of_limits_late_invoices_emails_and_coming_statuses() -> None:
    """C13, C8"""
    one = customer(emails=())
    coming = StatusPeriod(status="dropped", effective_from=date(2025, 4, 1))
    one = Customer(one.customer_id, 1, one.account_number, one.details, (*one.history, coming))
    account = Account(7, credit_limit=Decimal("100.00"), exposure=Decimal("130.50"))
    late = [
        invoice(date(2025, 1, 31), due_date=date(2025, 2, 14)),
        invoice(date(2025, 2, 28), due_date=date(2025, 3, 10)),
    ]
    assert warnings_of(one, account, late, BOOK, TODAY) == (
        "over the credit limit of 100.00 by 30.50",
        "1 of the latest invoices past due, the earliest since 2025-02-14",
        "no email address: bills cannot be emailed",
        "status becomes Dropped on 2025-04-01",
    )


def test_a_paid_invoice_and_a_credit_note_are_never_late() -> None:
    due = date(2025, 2, 14)
    known = [
        invoice(date(2025, 1, 31), due_date=due, status="paid"),
        invoice(date(2025, 1, 31), due_date=due, kind="credit_note"),
    ]
    near = Account(7, credit_limit=Decimal("100.00"), exposure=Decimal("80.00"))
    assert warnings_of(customer(), near, known, BOOK, TODAY) == ("near the credit limit of 100.00: 20.00 left",)


def test_ids_are_taken_in_any_spacing_each_once() -> None:
    """F3"""
    assert read_ids(" 3, 1,,3 ,2,") == [3, 1, 2]


@pytest.mark.parametrize(
    "typed",
    ["", " , ", "1,x", "-1", "0", "1.5", "９", "9223372036854775808", "9" * 4000, ",".join(map(str, range(1, 202)))],
)
def test_ids_that_are_none_or_too_many_are_refused_in_words(typed: str) -> None:
    with pytest.raises(RuleBroken, match=r"customer's id|ask for 1 to 200"):
        read_ids(typed)
