"""Single values as they are typed."""

from __future__ import annotations

import pytest

from contracts.customers import Address, PaymentTerms
from customers.domain.values import (
    check_emails,
    check_payment_terms,
    check_vat_number,
    clean_address,
    normalise_number,
    split_list,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("020 7946 0123", "+442079460123"),
        ("+44 (0)20 7946 0123", "+442079460123"),
        ("(020) 7946-0123", "+442079460123"),
        ("0044 20 7946 0123", "+442079460123"),
        ("442079460123", "+442079460123"),
        ("2079460123", "+442079460123"),
        ("07700 900123", "+447700900123"),
        ("447700900123", "+447700900123"),
        ("01632 960123", "+441632960123"),
        ("0808 157 0123", "+448081570123"),
        ("0909 8790123", "+449098790123"),
        ("+1 202 555 0143", "+12025550143"),
    ],
)
def test_a_number_is_kept_in_e164_however_it_is_typed(typed: str, kept: str) -> None:
    assert normalise_number(typed) == kept


@pytest.mark.parametrize(("typed", "kept"), [("101", "101"), ("118 118", "118118"), ("18000", "18000"), ("195", "195")])
def test_a_short_code_that_the_library_calls_invalid_is_kept_as_its_digits(typed: str, kept: str) -> None:
    assert normalise_number(typed) == kept


@pytest.mark.parametrize("typed", ["", "12", "+", "ext 4", "0207 FLOWERS", "020 7946 0123 x4", "1" * 18, "٣٤٥٦٧٨٩"])
def test_what_is_no_number_is_refused_with_words(typed: str) -> None:
    with pytest.raises(ValueError, match="is not a phone number"):
        normalise_number(typed)


def test_normalising_twice_changes_nothing() -> None:
    for typed in ("020 7946 0123", "101", "118118", "+1 202 555 0143", "07700 900123"):
        once = normalise_number(typed)
        assert normalise_number(once) == once


def test_emails_come_as_a_list_or_with_commas_and_each_once() -> None:
    """C1: several addresses, comma separated on screen."""
    typed = split_list("ann@fenwick.example, Ann@Fenwick.example; bob.o'neil+bills@sub.fenwick.example,")
    assert check_emails(typed) == ("ann@fenwick.example", "bob.o'neil+bills@sub.fenwick.example")
    assert split_list([" ann@fenwick.example ", ""]) == ("ann@fenwick.example",)


@pytest.mark.parametrize(
    "wrong",
    ["ann", "ann@", "@fenwick.example", "ann@fenwick", "ann@@fenwick.example", "a nn@fenwick.example",
     ".ann@fenwick.example", "ann..b@fenwick.example", "ann@-fenwick.example", "ann@fenwick.example\nBcc: x@y.example"],
)  # fmt: skip
def test_an_address_that_cannot_be_written_to_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an email address"):
        check_emails(["fine@fenwick.example", wrong])


@pytest.mark.parametrize(("kind", "value"), [("days_after", 14), ("day_of_month", 31), ("days_before_month_end", -28)])
def test_payment_terms_that_a_calendar_can_keep_are_taken(kind: str, value: int) -> None:
    """C6, Z15"""
    assert check_payment_terms(PaymentTerms(kind=kind, value=value)).value == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [("days_after", -1), ("day_of_month", 0), ("day_of_month", 32), ("days_before_month_end", -29),
     ("days_before_month_end", 0)],
)  # fmt: skip
def test_payment_terms_that_no_calendar_can_keep_are_refused(kind: str, value: int) -> None:
    """C6, Z15"""
    with pytest.raises(ValueError, match="payment terms"):
        check_payment_terms(PaymentTerms(kind=kind, value=value))


def test_vat_numbers_are_only_lightly_checked() -> None:
    assert check_vat_number(" gb 999 9999 73 ") == "GB 999 9999 73"
    assert check_vat_number("IE1234567WA") == "IE1234567WA"
    assert check_vat_number("") == ""
    with pytest.raises(ValueError, match="is not a VAT number"):
        check_vat_number("not one")


def test_an_address_loses_blank_lines() -> None:
    typed = Address(lines=(" 4 Mill Lane ", "", "Exampleton"), postcode=" zz99 9zz ")
    assert clean_address(typed) == Address(lines=("4 Mill Lane", "Exampleton"), postcode="ZZ99 9ZZ")
