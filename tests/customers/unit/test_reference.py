"""Entries of reference lists, and those that a new installation starts with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from contracts.billing import BillingRunRequested
from contracts.customers import PaymentTerms
from contracts.reference import PaymentMethod, StatusFlags, VatPeriod, VatRate
from customers.domain import reference as lists
from customers.domain import uk
from customers.domain.entries import check_entry
from customers.domain.events import reference_updated, run_markers
from customers.domain.reference import LISTS, Book, Entry
from customers.domain.rules import RuleBroken

BOOK = Book(uk.defaults())


def test_every_shipped_entry_is_a_valid_one() -> None:
    """C4"""
    for entry in uk.defaults():
        check_entry(entry, BOOK)
        kind = LISTS[entry.list]
        assert isinstance(entry.attributes, kind[1]) if kind else entry.attributes is None
        assert reference_updated(entry).key() == f"{entry.list}/{entry.code}"


def test_each_list_has_at_most_one_default() -> None:
    for name in LISTS:
        assert sum(entry.is_default for entry in uk.defaults() if entry.list == name) <= 1


def test_the_standard_rate_of_vat_is_known_with_its_history() -> None:
    """C4, Z13: the percentage valid on the tax point."""
    entry = BOOK.require(lists.VAT_RATES, "standard", "vat_rate")
    assert isinstance(entry.attributes, VatRate)

    def percent(day: date) -> list[Decimal]:
        return [
            period.percent
            for period in entry.attributes.periods  # type: ignore[union-attr]
            if period.valid_from <= day and (period.valid_to is None or day <= period.valid_to)
        ]

    days = ("2008-11-30", "2008-12-01", "2009-12-31", "2010-01-01", "2011-01-03", "2011-01-04", "2025-01-31")
    found = [percent(date.fromisoformat(day)) for day in days]
    assert found == [[Decimal(p)] for p in ("17.5", "15", "15", "17.5", "17.5", "20", "20")]


def test_statuses_do_what_their_names_say() -> None:
    """C8"""
    flags = {code: BOOK.status(code) for code in ("active", "active_do_not_bill", "final_bill", "dropped")}
    assert [each.accumulates_charges for each in flags.values()] == [True, True, True, False]
    assert [each.billed_in_runs for each in flags.values()] == [True, False, True, False]
    assert flags["final_bill"].final_bill
    assert flags["final_bill"].next_status == "dropped"
    assert flags["dropped"].dropped


def rate(*periods: tuple[str, str | None]) -> Entry:
    made = tuple(
        VatPeriod(
            percent=Decimal(20),
            valid_from=date.fromisoformat(first),
            valid_to=date.fromisoformat(last) if last else None,
        )
        for first, last in periods
    )
    return Entry(lists.VAT_RATES, "odd", "Odd", VatRate(treatment="standard", periods=made))


@pytest.mark.parametrize(
    "entry",
    [
        rate(),
        rate(("2025-01-01", None), ("2025-06-01", None)),
        rate(("2025-01-01", "2025-06-01"), ("2025-06-01", None)),
        rate(("2025-01-02", "2025-01-01")),
        Entry(lists.PAYMENT_METHODS, "odd", "Odd", PaymentMethod(terms=PaymentTerms(kind="day_of_month", value=32))),
        Entry(
            lists.STATUSES,
            "odd",
            "Odd",
            StatusFlags(accumulates_charges=True, billed_in_runs=True, next_status="nowhere"),
        ),
        Entry(lists.ACCOUNT_MANAGERS, "a b", "Ann"),
        Entry(lists.ACCOUNT_MANAGERS, "ann", "Ann", retired=True, is_default=True),
    ],
)
def test_an_entry_that_nothing_could_work_with_is_refused(entry: Entry) -> None:
    """C4 to C8, Z13, Z15"""
    with pytest.raises(RuleBroken):
        check_entry(entry, BOOK)


def test_periods_of_vat_that_follow_one_another_are_taken() -> None:
    assert check_entry(rate(("2025-06-01", None), ("2025-01-01", "2025-05-31")), BOOK)


def test_a_run_has_a_marker_for_each_partition_of_both_topics() -> None:
    run = BillingRunRequested(
        run_id=9, version=2, state="requested", bill_to=date(2025, 1, 31), invoice_date=date(2025, 2, 1)
    )
    made = [(marker.topic, marker.partition, marker.partitions) for marker in run_markers(run, 2, 3)]
    assert made == [
        ("customers", 0, 2), ("customers", 1, 2), ("reference", 0, 3), ("reference", 1, 3), ("reference", 2, 3)
    ]  # fmt: skip
    assert len({marker.key() for marker in run_markers(run, 2, 0)}) == 2
