"""Whole courses of a charge: bills, ends that come, move and go, prices by date; figures worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.charges import Charge, settle
from invoicing.domain.transactions import Transaction
from money.dates import next_day
from money.periods import recurring_exact


def day(text: str) -> date:
    """`15 1 24` is 15 January 2024."""
    number, month, year = (int(part) for part in text.split())
    return date(2000 + year, month, number)


@dataclass
class Course:
    """One charge and its transactions, as invoicing's store would keep them."""

    charge: Charge
    lines: list[Transaction] = field(default_factory=list)

    def bill(self, to: date, rate: str = "standard") -> list[Transaction]:
        """A run: settled, and all on Unsent goes on an invoice at that VAT rate."""
        new = self._settle(to)
        self.lines = [
            each
            if each.invoice_id
            else replace(each, invoice_id=1, vat_rate=each.vat_rate if each.own_vat_rate else rate)
            for each in self.lines
        ]
        return new

    def end(self, on: date | None) -> list[Transaction]:
        """An end set by Final Bill or Drop: settled at once, onto Unsent. Or an end taken away."""
        self.charge = replace(self.charge, end=on)
        return self._settle(on) if on is not None else []

    def remove(self) -> list[Transaction]:
        """Cancelled: as if it had never been there."""
        self.charge = replace(self.charge, removed=True)
        return self._settle(self.charge.start)

    @property
    def net(self) -> Decimal:
        """All of it so far."""
        return sum((each.net for each in self.lines), Decimal("0.00"))

    def _settle(self, to: date) -> list[Transaction]:
        settled = settle(self.charge, to, self._standing())
        assert not settle(settled.charge, to, ()).transactions, "doing it twice changes nothing"
        self.charge = settled.charge
        stands = dict(settled.stands)
        self.lines = [replace(each, stands_to=stands.get(_id(each), each.stands_to)) for each in self.lines]
        new = [replace(each, transaction_id=len(self.lines) + n) for n, each in enumerate(settled.transactions, 1)]
        self.lines += new
        return new

    def _standing(self) -> list[Transaction]:
        charged = [each for each in self.lines if each.kind != "refund"]
        return [each for each in charged if each.first_day and each.stands_to and each.stands_to >= each.first_day]


def _id(line: Transaction) -> int:
    assert line.transaction_id is not None
    return line.transaction_id


def recurring(amount: str, start: str, months: int = 1, **what: Any) -> Course:
    usual: dict[str, Any] = {"charge_id": 1, "customer_id": 2, "kind": "recurring", "description": "Line rental"}
    more = {"amount": Decimal(amount), "every_months": months, "start": day(start)}
    return Course(Charge(**{**usual, **more, **what}))


# What is billed by each run: bill-to date to net, "-" where there is nothing ------------------------------------------

BILLS: list[tuple[str, Course, list[tuple[str, str]]]] = [
    (
        "in advance, from the middle of a month: 17 of 31 days, then whole months",
        recurring("12.99", "15 1 25"),
        [("31 1 25", "20.11"), ("28 2 25", "12.99"), ("31 3 25", "12.99")],
    ),
    (
        "in arrears: the month that ended",
        recurring("12.99", "15 1 25", in_advance=False),
        [("31 1 25", "7.12"), ("28 2 25", "12.99")],
    ),
    (
        "in arrears, billed in the middle of a month: nothing before its end",
        recurring("12.99", "1 1 25", in_advance=False),
        [("30 1 25", "-"), ("31 1 25", "12.99"), ("15 2 25", "-")],
    ),
    (
        "quarterly in advance from 10 February of a leap year: 20 of 29 days and two months of 30.00",
        recurring("90.00", "10 2 24", 3),
        [("29 2 24", "80.69"), ("31 3 24", "-"), ("30 4 24", "90.00"), ("31 7 24", "90.00")],
    ),
    (
        "the same in a year that is none: 19 of 28 days",
        recurring("90.00", "10 2 25", 3),
        [("28 2 25", "80.36")],
    ),
    (
        "quarterly in arrears, anchored in November: periods to January and April",
        recurring("90.00", "11 3 25", 3, in_advance=False, anchor=date(2024, 11, 5)),
        [("31 3 25", "-"), ("30 4 25", "50.32"), ("30 6 25", "-"), ("31 7 25", "90.00")],
    ),
    (
        "yearly in advance, from leap day: 1/29 of 10.00 and eleven months, then a year",
        recurring("120.00", "29 2 24", 12),
        [("29 2 24", "110.34"), ("31 1 25", "120.00"), ("28 2 25", "-")],
    ),
    (
        "in advance with an end ahead: no further than its end",
        recurring("30.00", "1 4 25", end=date(2025, 5, 10)),
        [("31 3 25", "30.00"), ("30 4 25", "9.68"), ("31 5 25", "-")],
    ),
    (
        "in arrears with an end in the middle of a month: when the bill reaches it",
        recurring("31.00", "1 1 25", in_advance=False, end=date(2025, 3, 10)),
        [("31 1 25", "31.00"), ("9 3 25", "31.00"), ("10 3 25", "10.00")],
    ),
    (
        "a missed bill is made up in one line",
        recurring("10.00", "1 1 25", in_advance=False),
        [("30 6 25", "60.00")],
    ),
    (
        "7 of 10.00, a third of a penny each: computed exactly, rounded once",
        recurring("3.3333", "1 1 25", quantity=Decimal(7)),
        [("31 12 24", "23.33"), ("28 2 25", "46.67")],
    ),
]


@pytest.mark.parametrize(("why", "course", "bills"), BILLS, ids=[why for why, *_ in BILLS])
def test_bills_follow_one_another(why: str, course: Course, bills: list[tuple[str, str]]) -> None:
    """I1, I2, Z1, Z4, C9: what each run bills, worked out by hand."""
    ours = Course(course.charge)
    for to, net in bills:
        new = ours.bill(day(to))
        assert ["-" if not new else str(new[0].net), len(new)] == [net, 0 if net == "-" else 1], to


# Final Bill, Drop, Reinstate ------------------------------------------------------------------------------------------


def test_notice_on_15_january_with_a_last_day_of_31_january_refunds_february() -> None:
    """C14: billed in advance to 28 February at 29.99: 29.99 back; in arrears nothing was charged: January is."""
    ahead = recurring("29.99", "1 1 25")
    ahead.bill(day("31 1 25"))
    assert [line.net for line in ahead.end(day("31 1 25"))] == [Decimal("-29.99")]
    behind = recurring("29.99", "1 1 25", in_advance=False)
    behind.bill(day("31 12 24"))
    assert [line.net for line in behind.end(day("31 1 25"))] == [Decimal("29.99")]


def test_a_last_day_that_moves_leaves_the_exact_days_charged() -> None:
    """C14, Z4: to 10 March, to 20 March, to 5 February, taken away; the next run goes on."""
    course = recurring("31.00", "1 1 25")
    course.bill(day("31 1 25"))
    nets = [[str(line.net) for line in course.end(day(to))] for to in ("10 3 25", "20 3 25")]
    assert nets == [["10.00"], ["10.00"]]
    back = course.end(day("5 2 25"))
    assert [(str(line.net), line.own_vat_rate) for line in back] == [("-20.00", False), ("-25.46", True)]
    course.end(None)
    (line,) = course.bill(day("28 2 25"))
    assert (line.first_day, str(line.net)) == (day("6 2 25"), "56.46")  # 23/28 of 31.00, and March


def test_refunds_across_settled_periods_take_each_days_own_price_and_rate() -> None:
    """Z1, Z5, Z13: 10.00 at 20 %, then 12.00, then 12.00 at another rate: one refund per rate, over all its days."""
    course = recurring("10.00", "1 1 25", in_advance=False)
    course.bill(day("31 1 25"))
    course.charge = replace(course.charge, amount=Decimal("12.00"))
    course.bill(day("28 2 25"))
    course.bill(day("31 3 25"), rate="reduced")
    refunds = course.end(day("21 1 25"))
    found = [(line.vat_rate, str(line.net), line.first_day, line.last_day) for line in refunds]
    assert found == [
        ("reduced", "-12.00", day("1 3 25"), day("31 3 25")),
        ("standard", "-15.23", day("22 1 25"), day("28 2 25")),  # 10/31 of 10.00, and 12.00
    ]


def test_a_price_by_date_is_an_old_charge_that_ends_and_a_new_one_in_the_same_periods() -> None:
    """Z5: quarterly 90.00 billed from January, 120.00 from 16 February: 13 of 28 days and March, both ways."""
    old = recurring("90.00", "1 1 25", 3)
    new = recurring("120.00", "16 2 25", 3, anchor=date(2025, 1, 1))
    old.bill(day("31 12 24"))
    old.charge = replace(old.charge, end=day("15 2 25"))
    (refund,), (charged,) = old.bill(day("28 2 25")), new.bill(day("28 2 25"))
    assert (str(refund.net), str(charged.net), charged.last_day) == ("-43.93", "58.57", day("31 3 25"))
    assert [str(line.net) for line in new.bill(day("31 3 25"))] == ["120.00"]


def test_a_one_off_that_starts_after_the_last_day_is_cancelled_and_comes_back_when_it_is_withdrawn() -> None:
    """Z6: refunded in full; charged once more by the next bill; removed it goes back again."""
    one_off = recurring("99.99", "20 1 25", kind="one_off", every_months=None)
    one_off.bill(day("31 1 25"))
    assert [str(line.net) for line in one_off.end(day("19 1 25"))] == ["-99.99"]
    assert one_off.end(day("18 1 25")) == []
    one_off.end(None)
    assert [str(line.net) for line in one_off.bill(day("28 2 25"))] == ["99.99"]
    assert [str(line.net) for line in one_off.remove()] == ["-99.99"]
    assert one_off.net == 0


def test_a_one_off_before_the_last_day_is_charged_by_the_action_though_it_lies_ahead() -> None:
    """Z4: the action settles every charge to its end date."""
    one_off = recurring("5.00", "20 1 25", kind="one_off", every_months=None)
    assert one_off.bill(day("15 1 25")) == []
    assert [str(line.net) for line in one_off.end(day("31 1 25"))] == ["5.00"]
    assert one_off.bill(day("31 1 25")) == []


MONTHS = st.sampled_from([1, 2, 3, 6, 12])
DAYS = st.dates(date(2023, 11, 1), date(2025, 12, 31))
PRICES = st.decimals("0.01", "500", places=4)


def priced(price: Decimal, months: int, ahead: bool, start: date) -> Course:
    return Course(replace(recurring("1", "1 1 24", months, in_advance=ahead).charge, amount=price, start=start))


@given(price=PRICES, months=MONTHS, ahead=st.booleans(), start=DAYS, gap=st.integers(0, 400), on=st.integers(0, 500))
def test_a_drop_and_a_reinstatement_the_day_after_net_to_nothing(
    price: Decimal, months: int, ahead: bool, start: date, gap: int, on: int
) -> None:
    """C16, Z8: what the drop gave back, the charge that begins again takes, to the penny, by the same bill."""
    billed, dropped = start + timedelta(days=gap), start + timedelta(days=on)
    old = priced(price, months, ahead, start)
    never = Course(old.charge)
    old.bill(billed)
    never.bill(billed)
    charged_to = never.charge.charged_to
    old.end(dropped)
    again = Course(replace(never.charge, charged_to=None, settlements=0, start=next_day(dropped), anchor=start))
    again.bill(billed)
    if charged_to is not None and charged_to > dropped:
        assert old.net + again.net == never.net
    else:  # the drop charged what was due at its date only; from there on the periods are the old ones
        assert again.lines == []
    later = date(2027, 12, 31)
    again.bill(later)
    never.bill(later)
    rounded = len(old.lines) + len(again.lines) + len(never.lines)
    assert abs(old.net + again.net - never.net) <= Decimal("0.005") * rounded
    assert again.charge.charged_to == never.charge.charged_to


STEPS = st.lists(st.tuples(st.sampled_from(["bill", "end", "open"]), st.integers(-40, 800)), max_size=12)


@given(price=PRICES, months=MONTHS, ahead=st.booleans(), start=DAYS, steps=STEPS)
def test_whatever_happens_each_day_up_to_the_last_stands_charged_once(
    price: Decimal, months: int, ahead: bool, start: date, steps: list[tuple[str, int]]
) -> None:
    """I2, Z4, B11: after any bills and ends, what stands is the exact price of the days, but for half pennies."""
    course = priced(price, months, ahead, start)
    for what, after in steps:
        on = start + timedelta(days=after)
        if what == "bill":
            course.bill(on)
        else:
            course.end(on if what == "end" else None)
        _check(course)


def _check(course: Course) -> None:
    charge = course.charge
    exact = Fraction(0)
    if charge.charged_to is not None:
        assert charge.every_months is not None
        exact = recurring_exact(charge.amount, charge.every_months, charge.quantity, charge.start, charge.charged_to)
    assert abs(Fraction(course.net) - exact) <= Fraction(1, 200) * len(course.lines)
    standing = sorted((line.first_day, line.stands_to) for line in course._standing())
    assert [first for first, _ in standing[:1]] == ([charge.start] if charge.charged_to else [])
    assert all(first == next_day(last) for (_, last), (first, _) in pairwise(standing))
    assert [last for _, last in standing[-1:]] == ([charge.charged_to] if charge.charged_to else [])
