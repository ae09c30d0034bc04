"""Payment terms in words."""

from __future__ import annotations

import pytest

from contracts.customers import PaymentTerms
from customers.domain.terms import check_payment_terms, read_terms


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("30 days", "days_after", 30),
        ("30 Days after invoice date.", "days_after", 30),
        ("1 day", "days_after", 1),
        ("net 30", "days_after", 30),
        ("Net 14 days", "days_after", 14),
        ("14 days net", "days_after", 14),
        ("0 days", "days_after", 0),
        ("on receipt", "days_after", 0),
        ("Due upon receipt", "days_after", 0),
        ("immediately", "days_after", 0),
        ("28th", "day_of_month", 28),
        ("1st of the month", "day_of_month", 1),
        ("the 2nd of each month", "day_of_month", 2),
        ("day 15", "day_of_month", 15),
        ("day 15 of month", "day_of_month", 15),
        ("31st", "day_of_month", 31),
        ("last day", "days_before_month_end", -1),
        ("Last day of the month", "days_before_month_end", -1),
        ("end of month", "days_before_month_end", -1),
        ("month end", "days_before_month_end", -1),
        ("-1", "days_before_month_end", -1),
        ("\u22122", "days_before_month_end", -2),
        ("2 days before month end", "days_before_month_end", -3),
        ("2 days before the end of the month", "days_before_month_end", -3),
        ("days_before_month_end -3", "days_before_month_end", -3),
        ("day_of_month 15", "day_of_month", 15),
        ("\u00a030\u00a0days\u200b", "days_after", 30),
    ],
)
def test_terms_are_read_in_words(typed: str, kind: str, value: int) -> None:
    """C6, Z15"""
    assert read_terms(typed) == PaymentTerms(kind=kind, value=value)


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "30", "thirty days", "366 days", "32nd", "0th", "day 0", "-29", "-0", "30 days EOM", "30 days; 28th",
     "28 days before month end", "٣٠ days", "9" * 10_000 + " days", "days", "-", "30\x07days", "<b>30 days</b>"],
)  # fmt: skip
def test_words_that_are_no_terms_are_refused(typed: str) -> None:
    """C6, Z15"""
    with pytest.raises(ValueError, match=r"payment terms|could be a number of days"):
        read_terms(typed)


def test_a_bare_number_could_mean_two_things() -> None:
    """C6"""
    with pytest.raises(ValueError, match="write '28 days' or 'day 28'"):
        read_terms("28")


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
