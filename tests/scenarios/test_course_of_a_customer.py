"""Whole courses of customers, month by month, every figure worked out by hand (SPEC C14 to C16, I1 to I5, Z1 to Z13).

`courses.py` says what happens, `hand_courses.py` also what each course must come to. A line is its kind, its first and
last day and its net; a bill is its lines with net, VAT and gross. 20 % VAT, calls at 0.0125 pounds a second.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.scenarios import courses, hand_courses
from tests.scenarios.hand_courses import Worked
from tests.support.courses.desk import Outcome
from tests.support.courses.playing import Player, own_platform
from tests.support.courses.wandering import wandering
from tests.support.reference.course import figures, work_out
from tests.support.reference.steps import Course

WANDERERS = list(wandering(0, count=12, months=2))
"""Courses at random; `test_wandering_courses.py` has longer ones."""
FLAGS = {code: flags for code, (_, flags) in courses.STATUSES.items()}


class Played(dict[str, Outcome]):
    """What became of every course, by name."""

    def of(self, course: Course) -> Outcome:
        """Of this one."""
        return self[course.name]

    def bills(self, course: Course) -> list[str]:
        """Each bill as text: its lines in the order of their words, and net, VAT and gross."""
        return [_text(bill) for bill in self[course.name].figures]


def _text(bill: tuple[Decimal, Decimal, Decimal, list[tuple[str, str, str, Decimal]]]) -> str:
    net, vat, gross, lines = bill
    told = [f"{kind}{f' {first[2:]}..{last[2:]}' if first else ''} {amount}" for kind, first, last, amount in lines]
    return " | ".join([*told, f"{net} + {vat} = {gross}"])


@pytest.fixture(scope="module")
def played() -> Played:
    """All courses, played together from December 2024 to April 2025 on a platform of their own."""
    with own_platform() as platform:
        player = Player(platform)
        player.open_for_business()
        for code, (name, flags) in courses.STATUSES.items():
            body, new = {"name": name, "status": flags}, {"If-None-Match": "*"}
            player.apis.customers.call("PUT", f"/reference/statuses/{code}", json=body, headers=new)
        accounts = player.open([*courses.ALL, *(worked.course for worked in hand_courses.ALL), *WANDERERS])
        player.play(accounts)
        return Played({account.course.name: Outcome.of(account) for account in accounts})


@pytest.mark.parametrize("course", [*courses.ALL, *WANDERERS], ids=lambda course: course.name)
def test_a_course_equals_the_reference(played: Played, course: Course) -> None:
    """STYLE: all of it equals the slow, independent reference calculation, to the penny."""
    outcome, books = played.of(course), work_out(course, FLAGS)
    assert outcome.refused == []
    assert outcome.figures == figures(books.bills)
    assert (outcome.balance, outcome.status) == (books.balance, books.status)
    assert sorted(outcome.held) == [f"{day}" for day in books.held]
    assert outcome.dropped_on == (f"{books.dropped_on}" if books.dropped_on else None)


@pytest.mark.parametrize("worked", hand_courses.ALL, ids=lambda worked: worked.course.name)
def test_a_course_comes_to_what_was_worked_out(played: Played, worked: Worked) -> None:
    """C5 to C7, C14 to C16, I1 to I6, I10, Z1 to Z15: each bill, and how the customer stands."""
    outcome = played.of(worked.course)
    assert outcome.refused == []
    assert played.bills(worked.course) == worked.bills
    assert {name: _standing(outcome, name) for name in worked.after} == worked.after


def _standing(outcome: Outcome, name: str) -> object:
    match name:
        case "due":
            return [bill["due_date"] for bill in outcome.bills]
        case "paid":
            return [bill["paid"] for bill in outcome.bills]
        case "unsent":
            return [each["net"] for each in outcome.unsent]
        case "balance":
            return f"{outcome.balance:.2f}"
        case _:
            return getattr(outcome, name)


def test_notice_on_15_january_for_the_31st(played: Played) -> None:
    """C14, Z4, Z9: what was charged in advance to 28 February is given back at once, late calls are charged.

    Billed on 31 December: the line's quarter to 28 February 90.00, broadband for December and January 2 x 31.00.
    Final: February back, a third of 90.00; 100 s x 0.0125 = 1.25, so a credit note. The late call of 31 January: 0.50;
    that of 2 February never. 182.40 - 34.50 + 0.60 = 148.50 is paid in March, and the run of March drops.
    """
    assert played.bills(courses.NOTICE) == [
        "recurring 24-12-01..25-01-31 62.00 | recurring 24-12-01..25-02-28 90.00 | 152.00 + 30.40 = 182.40",
        "refund 25-02-01..25-02-28 -30.00 | usage 1.25 | -28.75 + -5.75 = -34.50",
        "usage 0.50 | 0.50 + 0.10 = 0.60",
    ]
    outcome = played.of(courses.NOTICE)
    assert [bill["final"] for bill in outcome.bills] == [False, True, True]
    assert (outcome.status, outcome.dropped_on) == ("dropped", "2025-03-31")
    assert outcome.balance == 0
    assert outcome.held == {"2025-02-02": "customer_dropped", "2025-01-30": "customer_dropped"}
    assert outcome.unsent == []


def test_who_does_not_pay_is_billed_every_month_until_settled(played: Played) -> None:
    """C14: an unpaid balance alone makes a bill, even an empty one; paid on 10 April, dropped by the run of April."""
    empty = "0.00 + 0.00 = 0.00"
    assert played.bills(courses.UNPAID) == ["recurring 25-01-01..25-02-28 62.00 | 62.00 + 12.40 = 74.40", empty, empty]
    assert (played.of(courses.UNPAID).status, played.of(courses.UNPAID).dropped_on) == ("dropped", "2025-04-30")


def test_a_final_bill_date_that_lies_ahead(played: Played) -> None:
    """C14, Z4: in arrears too all is charged to the end at once; calls up to it come on a later bill; 80 s = 1.00."""
    assert played.bills(courses.AHEAD) == [
        "recurring 25-01-01..25-02-28 62.00 | 62.00 + 12.40 = 74.40",
        "usage 1.00 | 1.00 + 0.20 = 1.20",
    ]
    assert played.of(courses.AHEAD).dropped_on == "2025-03-31"


def test_a_final_bill_repeated_with_another_date_and_withdrawn_comes_to_nothing(played: Played) -> None:
    """C14, Z6: 14 days back, 7 charged again when the date moves, the rest when it is withdrawn.

    14/28 x 31.00 = 15.50, 7/28 x 31.00 = 7.75, 7.75 + 31.00 for March = 38.75. One-offs that the first date cancelled
    (40.00 on the 20th) are there again. 25.00 + 40.00 + March = 96.00 in all.
    """
    assert played.bills(courses.STAYS)[1:] == [
        "one_off 25-02-10..25-02-10 25.00 | one_off 25-02-20..25-02-20 40.00 | recurring 25-02-15..25-02-21 7.75"
        " | recurring 25-02-22..25-03-31 38.75 | refund 25-02-15..25-02-28 -15.50 | 96.00 + 19.20 = 115.20"
    ]
    assert played.of(courses.STAYS).status == "active"


def test_a_drop_in_the_past_and_a_reinstatement_in_another_month(played: Played) -> None:
    """C15, C16, Z8, Z9: nothing is charged for the gap, what ended before stays ended.

    167 s = 2.0875 -> 2.09; 107 s of them came after 17 January: 1.3375 -> 1.34 back; 14 days of January and February
    back: 45.00. From 8 April 23/30 x 31.00 + May = 54.77. No bill while dropped.
    """
    assert played.bills(courses.DROPPED) == [
        "recurring 25-01-01..25-01-10 3.23 | recurring 25-01-01..25-02-28 62.00 | usage 2.09 | 67.32 + 13.46 = 80.78",
        "recurring 25-04-08..25-05-31 54.77 | refund -1.34 | refund 25-01-18..25-02-28 -45.00 | usage 1.25"
        " | 9.68 + 1.94 = 11.62",
    ]
    outcome = played.of(courses.DROPPED)
    assert (outcome.status, outcome.charged) == ("active", ["2025-01-05", "2025-04-09"])
    assert sorted(outcome.held) == ["2025-01-18", "2025-01-19", "2025-03-09"]


def test_a_reinstatement_the_day_after_a_drop_nets_to_nothing(played: Played) -> None:
    """C16: 18/28 x 31.00 = 19.93 back and charged again with March: 50.93."""
    assert played.bills(courses.NO_GAP)[1:] == [
        "recurring 25-02-11..25-03-31 50.93 | refund 25-02-11..25-02-28 -19.93 | 31.00 + 6.20 = 37.20"
    ]


def test_calls_of_a_dropped_customer_with_an_ignored_number_type_are_counted_only(played: Played) -> None:
    """C15, Z4: February's 31.00 waits on Unsent, no run bills it."""
    outcome = played.of(courses.IGNORED)
    assert outcome.held == {"2025-02-20": "number_type"}
    assert [(each["kind"], each["net"]) for each in outcome.unsent] == [("refund", "-31.00")]
    assert len(outcome.bills) == 1


def test_a_vat_rate_changed_between_draft_and_approval(played: Played) -> None:
    """C7, Z13: the draft follows (62.00 at 5 % = 3.10), what has a rate of its own (10.00 a month at 0 %) does not; the
    approved bill stays as the rate is changed back."""
    assert played.bills(courses.VAT_CHANGED) == [
        "recurring 25-01-01..25-02-28 20.00 | recurring 25-01-01..25-02-28 62.00 | 82.00 + 3.10 = 85.10",
        "recurring 25-03-01..25-03-31 10.00 | recurring 25-03-01..25-03-31 31.00 | 41.00 + 6.20 = 47.20",
    ]


def test_a_refund_keeps_the_vat_rate_of_its_invoice(played: Played) -> None:
    """Z13: 15.50 back at 20 % = 3.10, 62.00 at 5 % = 3.10: no VAT in the end."""
    assert played.bills(courses.VAT_OF_A_REFUND)[1:] == [
        "recurring 25-03-01..25-04-30 62.00 | refund 25-02-15..25-02-28 -15.50 | 46.50 + 0.00 = 46.50"
    ]


def test_a_status_of_the_administrators_own_changes_billing(played: Played) -> None:
    """C8: charges gather and are billed when it ends; one that does not accumulate takes no calls from its day on."""
    assert played.bills(courses.CUSTOM_STATUS) == [
        "recurring 25-01-01..25-04-30 124.00 | usage 1.25 | 125.25 + 25.05 = 150.30"
    ]
    assert played.bills(courses.FROZEN_STATUS) == [
        "recurring 25-01-01..25-02-28 62.00 | usage 1.25 | 63.25 + 12.65 = 75.90"
    ]
    assert list(played.of(courses.FROZEN_STATUS).held) == ["2025-01-19"]


def test_quarters_from_the_month_of_the_start_and_a_quantity_that_changes(played: Played) -> None:
    """I1, I2, Z5: 90.00 a quarter is 30.00 a month; from 14 February 15/28 x 30.00 + 60.00 = 76.07, in arrears too.

    From 16 March twice as many: 16/31 x 30.00 + 30.00 = 45.48 back, 90.97 charged.
    """
    assert played.bills(courses.QUARTERLY) == [
        "one_off 25-02-20..25-02-20 25.00 | recurring 25-02-14..25-04-30 76.07 | 101.07 + 20.21 = 121.28",
        "recurring 25-03-16..25-04-30 90.97 | refund 25-03-16..25-04-30 -45.48 | 45.49 + 9.10 = 54.59",
        "recurring 25-02-14..25-04-30 76.07 | recurring 25-05-01..25-07-31 180.00 | 256.07 + 51.21 = 307.28",
    ]


def test_a_part_month_of_a_leap_february(played: Played) -> None:
    """I1: 20 of 29 days at 29.00 a month."""
    assert played.bills(courses.LEAP) == ["recurring 24-02-10..24-02-29 20.00 | 20.00 + 4.00 = 24.00"]


def test_low_bills_roll_forward_until_they_are_not_low(played: Played) -> None:
    """I5, Z12: 4.00, then 8.09, then 12.09 is over 10.00. With a low usage charge: 4.00 + 5.00."""
    assert played.bills(courses.ROLLED) == [
        "recurring 25-01-01..25-01-31 4.00 | recurring 25-02-01..25-02-28 4.00 | recurring 25-03-01..25-03-31 4.00"
        " | usage 0.09 | 12.09 + 2.42 = 14.51"
    ]
    assert played.bills(courses.LOW_CHARGE) == [
        "low_usage_charge 5.00 | recurring 25-01-01..25-01-31 4.00 | 9.00 + 1.80 = 10.80"
    ]


def test_days_are_given_back_at_the_price_they_were_charged_at(played: Played) -> None:
    """Z5: 14/28 x 31.00 = 15.50 back, 14/28 x 62.00 + 62.00 = 93.00; ended on 17 March: 14/31 x 62.00 = 28.00 back,
    which rolls forward."""
    assert played.bills(courses.PRICE)[1:] == [
        "recurring 25-02-15..25-03-31 93.00 | refund 25-02-15..25-02-28 -15.50 | 77.50 + 15.50 = 93.00"
    ]
    assert [(each["kind"], each["net"]) for each in played.of(courses.PRICE).unsent] == [("refund", "-28.00")]


def test_a_fixed_charge_never_stops_and_a_month_is_billed_once(played: Played) -> None:
    """B1, B11: every month a bill with the next month's 31.00; January asked for again in February makes none."""
    days = [bill["lines"][0]["last_day"] for bill in played.of(courses.STEADY).bills]
    assert days == ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]


def test_a_call_around_midnight_is_on_one_bill_where_the_days_of_london_and_utc_differ(played: Played) -> None:
    """B2, Z3: 00:30 on 1 April in London is 23:30 on 31 March in UTC, and belongs to April."""
    assert played.bills(courses.MIDNIGHT) == ["usage 1.25 | 1.25 + 0.25 = 1.50", "usage 2.50 | 2.50 + 0.50 = 3.00"]


def test_a_draft_is_made_again_when_its_customer_gets_a_final_bill(played: Played) -> None:
    """C14, Z9: 14 + 31 days back = 45.00, the call of the 18th leaves no line, 60 s = 0.75; it is final now."""
    assert played.bills(courses.DRAFT_ENDED) == [
        "recurring 25-01-01..25-02-28 62.00 | refund 25-01-18..25-02-28 -45.00 | usage 0.75 | 17.75 + 3.55 = 21.30"
    ]
    [bill] = played.of(courses.DRAFT_ENDED).bills
    assert (bill["status"], bill["final"]) == ("draft", True)


def test_a_draft_goes_when_its_customer_is_dropped(played: Played) -> None:
    """C15, Z9: no invoices in runs; what it owes waits on Unsent for a manual invoice, 62.00 - 45.00, and its call."""
    outcome = played.of(courses.DRAFTED)
    assert outcome.bills == []
    assert sorted(each["net"] for each in outcome.unsent) == ["-45.00", "62.00"]
    assert (outcome.charged, list(outcome.held)) == (["2025-01-05"], ["2025-01-18"])
