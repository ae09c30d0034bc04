"""Settling charges: hand-worked figures, refunds, and that settling twice gives nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import cases

from invoicing.domain.charges import Charge, Settlement, settle
from invoicing.domain.transactions import Transaction
from money.periods import recurring_net

JANUARY = date(2025, 1, 31)


def a_charge(**what: Any) -> Charge:
    usual: dict[str, Any] = {
        "charge_id": 1,
        "customer_id": 2,
        "kind": "recurring",
        "description": "Line rental",
        "amount": Decimal("10.00"),
        "every_months": 1,
        "start": date(2025, 1, 1),
    }
    return Charge(**{**usual, **what})


def stored(settlement: Settlement, earlier: list[Transaction] = []) -> list[Transaction]:  # noqa: B006
    """The charge's transactions after a settlement, as the store would hold them."""
    kept = [
        replace(each, stands_to=dict(settlement.stands).get(each.transaction_id or 0, each.stands_to))
        for each in earlier
    ]
    ids = range(len(earlier) + 1, 100)
    return kept + [replace(each, transaction_id=new) for each, new in zip(settlement.transactions, ids, strict=False)]


def standing(transactions: list[Transaction]) -> list[Transaction]:
    return [
        each
        for each in transactions
        if each.kind != "refund" and each.stands_to and each.first_day and each.stands_to >= each.first_day
    ]


@pytest.mark.parametrize("case", cases.CHARGED_TO, ids=cases.names)
def test_a_charge_is_settled_to_the_day_its_periods_say(case: cases.ChargedTo) -> None:
    """I2, Z4: the last day charged, and one transaction over all the days."""
    charge = a_charge(start=case.start, every_months=case.months, in_advance=case.in_advance, end=case.end)
    settled = settle(charge, case.bill_to)
    assert settled.charge.charged_to == case.last
    if case.last is None:
        assert settled.transactions == ()
    else:
        (line,) = settled.transactions
        assert (line.first_day, line.last_day) == (case.start, case.last)
        assert line.net == recurring_net(charge.amount, case.months, Decimal(1), case.start, case.last)


@pytest.mark.parametrize("case", cases.STRETCHES, ids=cases.names)
def test_a_stretch_of_days_costs_what_was_worked_out_by_hand(case: cases.Stretch) -> None:
    """I1: the sum over the months touched, rounded once."""
    charge = a_charge(
        amount=case.price, every_months=case.months, quantity=case.quantity, start=case.first, end=case.last
    )
    (line,) = settle(charge, case.last).transactions
    assert line.net == case.net


def test_settling_twice_changes_nothing() -> None:
    """I2: doing it twice changes nothing."""
    once = settle(a_charge(), JANUARY)
    twice = settle(once.charge, JANUARY)
    assert len(once.transactions) == 1
    assert twice == Settlement(once.charge)


def test_the_next_bill_goes_on_where_the_last_one_ended() -> None:
    """I2: settling to a later day charges the days between."""
    first = settle(a_charge(), JANUARY)
    (line,) = settle(first.charge, date(2025, 2, 28)).transactions
    assert (line.first_day, line.last_day, line.net) == (date(2025, 3, 1), date(2025, 3, 31), Decimal("10.00"))
    assert line.settlement == 2


def test_a_bill_to_an_earlier_day_refunds_nothing() -> None:
    """Z4: a run that asks for less than is charged already changes nothing."""
    charged = settle(a_charge(), date(2025, 3, 31)).charge
    assert settle(charged, JANUARY) == Settlement(charged)


def test_an_end_date_refunds_the_days_beyond_it() -> None:
    """I2, Z1: 1 January to 28 February charged, ended on 14 February: 14 of 28 days of 10.00 go back."""
    charged = settle(a_charge(), JANUARY)
    ended = replace(charged.charge, end=date(2025, 2, 14))
    settled = settle(ended, JANUARY, stored(charged))
    (refund,) = settled.transactions
    assert (refund.kind, refund.net) == ("refund", Decimal("-5.00"))
    assert (refund.first_day, refund.last_day) == (date(2025, 2, 15), date(2025, 2, 28))
    assert settled.charge.charged_to == date(2025, 2, 14)
    assert settle(settled.charge, JANUARY) == Settlement(settled.charge)


def test_a_refund_is_at_the_price_that_was_charged() -> None:
    """Z5: the price was put up since; the days go back at the old one."""
    charged = settle(a_charge(), JANUARY)
    dearer = replace(charged.charge, amount=Decimal("99.00"), quantity=Decimal(3), end=date(2025, 2, 14))
    (refund,) = settle(dearer, JANUARY, stored(charged)).transactions
    assert refund.net == Decimal("-5.00")


def test_a_corrected_price_counts_for_days_not_charged_yet() -> None:
    """Z5: a correction without a date acts on days not charged yet."""
    charged = settle(a_charge(), JANUARY).charge
    (line,) = settle(replace(charged, amount=Decimal("12.00")), date(2025, 2, 28)).transactions
    assert (line.first_day, line.net) == (date(2025, 3, 1), Decimal("12.00"))


def test_one_refund_covers_the_days_of_several_bills_and_rounds_once() -> None:
    """Z1: twice 3.333 goes back as 6.67, where two refunds rounded one by one would be 6.66."""
    charge = a_charge(amount=Decimal("3.333"), in_advance=False)
    first = settle(charge, JANUARY)
    second = settle(first.charge, date(2025, 2, 28))
    third = settle(second.charge, date(2025, 3, 31))
    lines = stored(third, stored(second, stored(first)))
    assert [line.net for line in lines] == [Decimal("3.33")] * 3
    (refund,) = settle(replace(third.charge, end=date(2025, 1, 31)), date(2025, 3, 31), lines).transactions
    assert refund.net == Decimal("-6.67")


def test_a_refund_of_what_was_invoiced_keeps_its_rate_and_the_rest_follows_the_customer() -> None:
    """Z13: one refund for each VAT rate that the days were charged at."""
    first = settle(a_charge(), JANUARY)
    second = settle(first.charge, date(2025, 2, 28))
    lines = stored(second, stored(first))
    lines[0] = replace(lines[0], invoice_id=77, vat_rate="reduced")
    settled = settle(replace(second.charge, end=date(2025, 2, 14)), date(2025, 2, 28), lines)
    assert [(line.vat_rate, line.own_vat_rate, line.net) for line in settled.transactions] == [
        (None, False, Decimal("-10.00")),
        ("reduced", True, Decimal("-5.00")),
    ]
    assert [line.settlement for line in settled.transactions] == [3, 4]


def test_an_end_taken_away_again_charges_the_same_days_again_and_a_second_end_refunds_them_once() -> None:
    """I2: whatever happens to the end date, what stands charged is what should be."""
    lines = stored(charged := settle(a_charge(), JANUARY))
    for _ in range(2):
        ended = settle(replace(charged.charge, end=date(2025, 2, 14)), JANUARY, standing(lines))
        lines = stored(ended, lines)
        assert sum(line.net for line in lines) == Decimal("15.00")
        charged = settle(replace(ended.charge, end=None), JANUARY)
        lines = stored(charged, lines)
        assert sum(line.net for line in lines) == Decimal("20.00")


def test_a_one_off_is_charged_by_the_first_bill_on_or_after_its_start() -> None:
    """I1, Z6: 3 x 12.345 = 37.035 is 37.04, once."""
    charge = a_charge(kind="one_off", amount=Decimal("12.345"), quantity=Decimal(3), start=date(2025, 2, 3))
    assert settle(charge, JANUARY).transactions == ()
    once = settle(charge, date(2025, 2, 3))
    (line,) = once.transactions
    assert (line.kind, line.net, line.first_day) == ("one_off", Decimal("37.04"), date(2025, 2, 3))
    assert settle(once.charge, date(2025, 3, 31)).transactions == ()


def test_a_one_off_that_its_owner_ended_before_is_never_charged() -> None:
    """Z6: cancelled."""
    charge = a_charge(kind="one_off", start=date(2025, 2, 3), end=date(2025, 2, 2))
    assert settle(charge, date(2025, 2, 28)).transactions == ()


@pytest.mark.parametrize("kind", ["one_off", "recurring"])
def test_a_removed_charge_is_refunded_in_full(kind: str) -> None:
    """C9: as if it had never been there."""
    charged = settle(a_charge(kind=kind), JANUARY)
    settled = settle(replace(charged.charge, removed=True), JANUARY, stored(charged))
    assert sum(line.net for line in (*charged.transactions, *settled.transactions)) == 0
    assert settled.charge.charged_to is None
    assert settle(settled.charge, JANUARY).transactions == ()


def test_a_recurring_charge_without_a_frequency_says_so() -> None:
    """C9: it cannot be charged by guessing."""
    with pytest.raises(ValueError, match="every how many months"):
        settle(a_charge(every_months=None), JANUARY)


@given(
    months=st.sampled_from([1, 2, 3, 6, 12]),
    in_advance=st.booleans(),
    start=st.dates(date(2023, 1, 1), date(2024, 12, 31)),
    days=st.lists(st.integers(0, 700), min_size=1, max_size=6).map(sorted),
)
def test_any_course_of_bills_charges_each_day_once(months: int, in_advance: bool, start: date, days: list[int]) -> None:
    """I2, B11: the stretches of a charge's bills join without gap or overlap, from its start."""
    charge = a_charge(every_months=months, in_advance=in_advance, start=start)
    stretches = []
    for day in days:
        settled = settle(charge, start + timedelta(days=day))
        charge = settled.charge
        stretches += [(line.first_day, line.last_day) for line in settled.transactions]
    expected = start
    for first, last in stretches:
        assert first == expected
        assert last is not None
        expected = last + timedelta(days=1)
