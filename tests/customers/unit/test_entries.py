"""What an entry of a reference list may say, and what may become of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.customers import Address
from contracts.reference import (
    BillStyle,
    CallPlan,
    PlanCharge,
    StandardCharge,
    StandardFeature,
    StatusFlags,
    VatPeriod,
    VatRate,
)
from customers.domain import reference as lists
from customers.domain import uk
from customers.domain.entries import Edit, after_edit, check_change, check_entry, naming, ordered
from customers.domain.reference import Book, Entry, in_order
from customers.domain.rules import RuleBroken

BOOK = Book(uk.defaults())
STYLE = BillStyle(
    supplier_name="Harbour Telecom Limited",
    supplier_address=Address(lines=("1 Quay Street",), postcode="zz999zz", country="GB"),
    supplier_vat_number="gb999999973",
    brand="Harbour",
    email_from="Harbour <billing@harbour.example>",
)


def found(list_name: str, code: str) -> Entry:
    entry = BOOK.find(list_name, code)
    assert entry is not None
    return entry


def rate(*periods: tuple[str, str | None, str], treatment: Any = "standard", statement: str = "") -> Entry:
    made = tuple(
        VatPeriod(
            percent=Decimal(percent),
            valid_from=date.fromisoformat(first),
            valid_to=date.fromisoformat(last) if last else None,
        )
        for first, last, percent in periods
    )
    return Entry(lists.VAT_RATES, "odd", "Odd", VatRate(treatment=treatment, periods=made, statement=statement))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            rate(("2025-01-01", "2025-05-30", "20"), ("2025-06-01", None, "21")),
            "no percentage is valid from",
        ),
        (
            rate(("2025-01-01", "2025-06-01", "20"), ("2025-06-01", None, "21")),
            "end the one before on 2025-05-31",
        ),
        (rate(("2025-01-01", None, "101")), "not a percentage"),
        (rate(("2025-01-01", None, "-1")), "not a percentage"),
        (rate(("1972-01-01", None, "20")), "out of range"),
        (rate(("2200-01-01", None, "20")), "out of range"),
        (rate(("2025-01-01", None, "20"), treatment="exempt"), "no VAT is added"),
        (rate(("2025-01-01", None, "0"), treatment="reverse_charge"), "the words that the law asks for"),
    ],
)
def test_a_vat_rate_has_one_percentage_on_every_day(entry: Entry, words: str) -> None:
    """C7, Z13"""
    with pytest.raises(RuleBroken, match=words):
        check_entry(entry, BOOK)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"colour": "#12345g"}, "colour"),
        ({"currency": "£"}, "currency"),
        ({"brand": " "}, "brand"),
        ({"supplier_name": ""}, "supplier_name"),
        ({"email_from": ""}, "email_from"),
        ({"email_from": "a@b.example, c@d.example"}, "email_from"),
        ({"reply_to": "nobody"}, "reply_to"),
        ({"supplier_vat_number": "GB999999974"}, "supplier_vat_number"),
        ({"supplier_address": Address(country="ZZ")}, "supplier_address"),
    ],
)
def test_a_bill_style_that_no_invoice_could_have_is_refused(change: dict[str, Any], field: str) -> None:
    """I7"""
    with pytest.raises(RuleBroken) as refused:
        check_entry(Entry(lists.BILL_STYLES, "odd", "Odd", STYLE.model_copy(update=change)), BOOK)
    assert refused.value.field == f"bill_style.{field}"


def test_a_bill_style_is_kept_as_it_is_printed() -> None:
    """I7"""
    kept = check_entry(Entry(lists.BILL_STYLES, "harbour", "Harbour", STYLE), BOOK).attributes
    assert isinstance(kept, BillStyle)
    assert (kept.supplier_vat_number, kept.supplier_address.postcode) == ("GB 999 9999 73", "ZZ99 9ZZ")


def test_a_dropped_status_accumulates_nothing() -> None:
    """C8"""
    flags = StatusFlags(accumulates_charges=True, billed_in_runs=False, dropped=True)
    with pytest.raises(RuleBroken, match="accumulates no charges"):
        check_entry(Entry(lists.STATUSES, "odd", "Odd", flags), BOOK)
    red = StatusFlags(accumulates_charges=True, billed_in_runs=True, colour="red")
    with pytest.raises(RuleBroken, match="is not a colour"):
        check_entry(Entry(lists.STATUSES, "odd", "Odd", red), BOOK)


def test_what_an_edit_leaves_out_stays_as_it_is() -> None:
    """C4: another name takes neither the default nor the charges away."""
    before = replace(found(lists.PAYMENT_METHODS, "direct_debit"), position=3)
    assert after_edit(before, Edit(before.list, before.code, "Bacs")) == replace(before, name="Bacs")
    all_of_it = Edit(before.list, before.code, "Bacs", before.attributes, True, False, 0)
    assert after_edit(before, all_of_it) == replace(before, name="Bacs", retired=True, is_default=False, position=0)


def test_a_new_entry_says_what_it_does_where_that_is_not_plain() -> None:
    """C4"""
    assert after_edit(None, Edit(lists.NUMBER_TYPES, "odd", "Odd")).attributes is not None
    assert after_edit(None, Edit(lists.ACCOUNT_MANAGERS, "ann", "Ann")).attributes is None
    with pytest.raises(RuleBroken, match="say what this entry of vat_rates does"):
        after_edit(None, Edit(lists.VAT_RATES, "odd", "Odd"))


@pytest.mark.parametrize("list_name", [lists.STATUSES, lists.NUMBER_TYPES])
def test_lists_that_need_a_default_keep_one(list_name: str) -> None:
    """C4"""
    before = found(list_name, BOOK.default(list_name) or "")
    with pytest.raises(RuleBroken, match="make another the default"):
        check_change(before, replace(before, is_default=False), BOOK)
    with pytest.raises(RuleBroken, match="make another the default"):
        check_entry(replace(before, retired=True), BOOK)


def test_there_is_always_a_status_to_close_with() -> None:
    """C8, C14, C15"""
    final, dropped = found(lists.STATUSES, "final_bill"), found(lists.STATUSES, "dropped")
    with pytest.raises(RuleBroken, match="the only status that is final_bill"):
        check_change(final, replace(final, retired=True), BOOK)
    flags = StatusFlags(accumulates_charges=False, billed_in_runs=False)
    with pytest.raises(RuleBroken, match="the only status that is dropped"):
        check_change(dropped, replace(dropped, attributes=flags), BOOK)
    another = Book([*uk.defaults(), replace(dropped, code="gone")])
    check_change(dropped, replace(dropped, attributes=flags), another)
    with pytest.raises(RuleBroken, match="'final_bill' names 'dropped' as its next status"):
        check_change(dropped, replace(dropped, retired=True), another)


def test_entries_that_name_another_are_counted() -> None:
    """C4"""
    seat = StandardFeature(
        charges=(StandardCharge(kind="one_off", description="x", amount=Decimal(1), vat_rate="reduced"),)
    )
    plan = CallPlan(charge=PlanCharge(amount=Decimal(1), vat_rate="reduced"))
    book = Book(
        [*uk.defaults(), Entry(lists.STANDARD_FEATURES, "seat", "Seat", seat), Entry(lists.CALL_PLANS, "x", "X", plan)]
    )
    assert naming(lists.VAT_RATES, "reduced", book) == 2
    assert naming(lists.VAT_RATES, "standard", book) == 0
    assert naming(lists.STATUSES, "dropped", book) == 1


def test_a_list_is_shown_in_the_order_that_was_chosen() -> None:
    """C4"""
    entries = BOOK.entries(lists.BILLING_CYCLES)
    assert [entry.code for entry in entries] == ["manual", "monthly", "quarterly"]
    assert [entry.code for entry in in_order(ordered(entries, ["quarterly", "manual"]))] == [
        "quarterly", "manual", "monthly",
    ]  # fmt: skip
    for wrong in (["weekly"], ["manual", "manual"]):
        with pytest.raises(RuleBroken, match="named twice"):
            ordered(entries, wrong)
