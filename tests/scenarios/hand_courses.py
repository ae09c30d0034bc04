"""Courses with every bill worked out by hand from SPEC, before anything was run.

A bill is its lines (kind, first and last day where it is for days, net), then net + VAT = gross. Line rental is 31.00
a month in advance, 20 % VAT, calls 0.0125 pounds a second; runs are at the ends of the months, approved at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.reference.steps import (
    Bill,
    ByHand,
    Call,
    Cease,
    Change,
    Charge,
    Course,
    Drop,
    FinalBill,
    Pay,
    Reinstate,
    Step,
    VatRate,
    Withdraw,
)

NEW_YEAR = "2025-01-01"
MONTH_ENDS = ("2025-01-31", "2025-02-28", "2025-03-31")
LINE = Charge("Line", "31.00", NEW_YEAR)
JANUARY = "recurring 25-01-01..25-02-28 62.00 | 62.00 + 12.40 = 74.40"
MARCH = "recurring 25-03-01..25-03-31 31.00 | 31.00 + 6.20 = 37.20"
APRIL = "recurring 25-04-01..25-04-30 31.00 | 31.00 + 6.20 = 37.20"


@dataclass
class Worked:
    """What happens to a customer, and what must have become of it."""

    course: Course
    bills: list[str]
    after: dict[str, object] = field(default_factory=dict)


def _worked(
    why: str,
    *charges: Charge,
    then: Mapping[str, Step | tuple[Step, ...]],
    bills: list[str],
    months: int = 3,
    fields: Mapping[str, object] | None = None,
    **after: object,
) -> Worked:
    """`months` runs; `after`: status, dropped_on, balance, held, unsent, due (dates) or paid (amounts) of the bills."""
    course = Course(why, NEW_YEAR, dict(fields or {})).on(NEW_YEAR, *charges)
    for day, happens in then.items():
        course.on(day, *(happens if isinstance(happens, tuple) else (happens,)))
    for end in MONTH_ENDS[:months]:
        course.on(end, Bill(end, end))
    return Worked(course, bills, after)


def _due(why: str, kind: str, value: int, *dates: str) -> Worked:
    terms = {"payment_terms": {"kind": kind, "value": value}}
    return _worked(why, LINE, then={}, bills=[JANUARY, MARCH, APRIL], fields=terms, due=list(dates))


CHARGES = (
    _worked(
        "monthly in arrears from the 31st: a day of 31 first, 100.00 / 31 = 3.2258",
        Charge("Arrears", "100.00", "2025-01-31", advance=False),
        then={},
        bills=[
            "recurring 25-01-31..25-01-31 3.23 | 3.23 + 0.65 = 3.88",
            "recurring 25-02-01..25-02-28 100.00 | 100.00 + 20.00 = 120.00",
            "recurring 25-03-01..25-03-31 100.00 | 100.00 + 20.00 = 120.00",
        ],
    ),
    _worked(
        "quarterly in advance from the 31st: 30.00 / 31 + 60.00 = 60.9677, then not before April",
        Charge("Quarter", "90.00", "2025-01-31", months=3),
        then={},
        bills=[
            "recurring 25-01-31..25-03-31 60.97 | 60.97 + 12.19 = 73.16",
            "recurring 25-04-01..25-06-30 90.00 | 90.00 + 18.00 = 108.00",
        ],
    ),
    _worked(
        "quarterly in arrears from the 31st: nothing until the quarter of January has ended",
        Charge("Quarter", "90.00", "2025-01-31", months=3, advance=False),
        then={},
        bills=["recurring 25-01-31..25-03-31 60.97 | 60.97 + 12.19 = 73.16"],
    ),
    _worked(
        "a year in advance from 15 February: the period of February holds the day after the first bill; 5.00 + 110.00",
        Charge("Year", "120.00", "2025-02-15", months=12),
        then={},
        bills=["recurring 25-02-15..26-01-31 115.00 | 115.00 + 23.00 = 138.00"],
    ),
    _worked(
        "two and a half at 9.99 from the 10th: 22/31 x 24.975 + 24.975 = 42.6992; 24.975 is 24.98",
        Charge("Seats", "9.99", "2025-01-10", quantity="2.5"),
        then={},
        bills=[
            "recurring 25-01-10..25-02-28 42.70 | 42.70 + 8.54 = 51.24",
            "recurring 25-03-01..25-03-31 24.98 | 24.98 + 5.00 = 29.98",
            "recurring 25-04-01..25-04-30 24.98 | 24.98 + 5.00 = 29.98",
        ],
    ),
    _worked(
        "two changes in a month: 18/28 back at 31.00; 10/28 at 62.00; 8/28 at 15.50 with March",
        LINE,
        then={
            "2025-02-03": Change("Line", "2025-02-11", price="62.00"),
            "2025-02-05": Change("Line", "2025-02-21", price="15.50"),
        },
        bills=[
            JANUARY,
            "recurring 25-02-11..25-02-20 22.14 | recurring 25-02-21..25-03-31 19.93 | refund 25-02-11..25-02-28 -19.93"
            " | 22.14 + 4.43 = 26.57",
            "recurring 25-04-01..25-04-30 15.50 | 15.50 + 3.10 = 18.60",
        ],
    ),
    _worked(
        "three in place of one from July, a year having been charged: 60.00 back, 180.00 charged",
        Charge("Year", "120.00", NEW_YEAR, months=12),
        then={"2025-02-10": Change("Year", "2025-07-01", quantity="3")},
        bills=[
            "recurring 25-01-01..25-12-31 120.00 | 120.00 + 24.00 = 144.00",
            "recurring 25-07-01..25-12-31 180.00 | refund 25-07-01..25-12-31 -60.00 | 120.00 + 24.00 = 144.00",
        ],
    ),
    _worked(
        "one-offs on the bill-to date and the day after it",
        Charge("On it", "40.00", "2025-02-28", 0),
        Charge("After it", "50.00", "2025-03-01", 0),
        then={},
        bills=[
            "one_off 25-02-28..25-02-28 40.00 | 40.00 + 8.00 = 48.00",
            "one_off 25-03-01..25-03-01 50.00 | 50.00 + 10.00 = 60.00",
        ],
    ),
    _worked(
        "three VAT rates: 62.00 at 20 % = 12.40, 20.02 at 5 % = 1.001, 10.00 at 0 %",
        LINE,
        Charge("Reduced", "10.01", NEW_YEAR, vat_rate="reduced"),
        Charge("Zero", "5.00", NEW_YEAR, vat_rate="zero"),
        then={},
        months=1,
        bills=[
            "recurring 25-01-01..25-02-28 10.00 | recurring 25-01-01..25-02-28 20.02"
            " | recurring 25-01-01..25-02-28 62.00 | 92.02 + 13.40 = 105.42"
        ],
    ),
)
LEAVING = (
    _worked(
        "rolled forward, then a final bill, which is never low: 14/28 x 4.00 = 2.00; paid, and dropped by the next run",
        Charge("Small", "4.00", NEW_YEAR, advance=False),
        then={"2025-02-10": FinalBill("2025-02-14"), "2025-03-10": Pay()},
        fields={"low_invoice": {"policy": "roll_forward", "threshold": "50.00", "charge": "0.00"}},
        bills=["recurring 25-01-01..25-01-31 4.00 | recurring 25-02-01..25-02-14 2.00 | 6.00 + 1.20 = 7.20"],
        status="dropped",
        dropped_on="2025-03-31",
        balance="0.00",
    ),
    _worked(
        "withdrawn after the final invoice: the days given back are charged again, 15.50 + 62.00",
        LINE,
        then={"2025-02-03": FinalBill("2025-02-14"), "2025-03-10": Withdraw()},
        bills=[
            JANUARY,
            "refund 25-02-15..25-02-28 -15.50 | -15.50 + -3.10 = -18.60",
            "recurring 25-02-15..25-04-30 77.50 | 77.50 + 15.50 = 93.00",
        ],
        status="active",
    ),
    _worked(
        "a final bill date in the past: Saturday the 25th and 9 + 28 days back, a late call of the 21st still charged",
        LINE,
        then={
            "2025-01-30": (Call("2025-01-20T10:00", 100), Call("2025-01-25T10:00", 60)),
            "2025-02-03": FinalBill("2025-01-22"),
            "2025-02-10": Call("2025-01-21T10:00", 40),
        },
        months=2,
        bills=[
            "recurring 25-01-01..25-02-28 62.00 | usage 0.75 | usage 1.25 | 64.00 + 12.80 = 76.80",
            "refund -0.75 | refund 25-01-23..25-02-28 -40.00 | usage 0.50 | -40.25 + -8.05 = -48.30",
        ],
        held={"2025-01-25": "no_active_call_plan"},
        balance="28.50",
    ),
    _worked(
        "withdrawn before the bill: what was taken back is charged again, the call too",
        LINE,
        then={
            "2025-01-30": (Call("2025-01-20T10:00", 100), Call("2025-01-25T10:00", 60)),
            "2025-02-03": FinalBill("2025-01-22"),
            "2025-02-10": Withdraw(),
        },
        months=2,
        bills=[
            "recurring 25-01-01..25-02-28 62.00 | usage 0.75 | usage 1.25 | 64.00 + 12.80 = 76.80",
            "recurring 25-01-23..25-03-31 71.00 | refund -0.75 | refund 25-01-23..25-02-28 -40.00 | usage 0.75"
            " | 31.00 + 6.20 = 37.20",
        ],
        held={},
        status="active",
    ),
    _worked(
        "dropped by the settlement's date: the run to 28 February never drops, that to the final bill date does",
        LINE,
        then={"2025-02-10": FinalBill("2025-03-31"), "2025-03-10": Pay()},
        bills=[JANUARY, MARCH],
        status="dropped",
        dropped_on="2025-03-31",
    ),
    _worked(
        "moved earlier while on Final Bill: from 14 March to 14 February; 14/28 and 14 days of March, 14.00, back",
        LINE,
        then={"2025-02-03": FinalBill("2025-03-14"), "2025-02-10": FinalBill("2025-02-14")},
        months=2,
        bills=[
            JANUARY,
            "recurring 25-03-01..25-03-14 14.00 | refund 25-02-15..25-02-28 -15.50 | refund 25-03-01..25-03-14 -14.00"
            " | -15.50 + -3.10 = -18.60",
        ],
    ),
    _worked(
        "a drop before a one-off that was charged: it is given back in full, the line from the 21st, 11.00 + 31.00",
        LINE,
        Charge("Visit", "40.00", "2025-01-25", 0),
        then={"2025-02-03": Drop("2025-01-20"), "2025-02-10": ByHand("2025-02-10")},
        bills=[
            "one_off 25-01-25..25-01-25 40.00 | recurring 25-01-01..25-02-28 62.00 | 102.00 + 20.40 = 122.40",
            "refund 25-01-21..25-02-28 -42.00 | refund 25-01-25..25-01-25 -40.00 | -82.00 + -16.40 = -98.40",
        ],
        balance="24.00",
    ),
    _worked(
        "usage given back at the rate of each bill: 1.25 at 20 %, 2.50 at 5 % = 0.125, half away from zero",
        then={
            "2025-01-30": Call("2025-01-20T10:00", 100),
            "2025-02-03": VatRate("reduced"),
            "2025-02-20": Call("2025-02-10T10:00", 200),
            "2025-03-03": Drop("2025-01-15"),
            "2025-03-10": ByHand("2025-03-10"),
        },
        bills=[
            "usage 1.25 | 1.25 + 0.25 = 1.50",
            "usage 2.50 | 2.50 + 0.13 = 2.63",
            "refund -2.50 | refund -1.25 | -3.75 + -0.38 = -4.13",
        ],
        balance="0.00",
        status="dropped",
    ),
    _worked(
        "calls of 7 s: 3 x 0.0875 = 0.2625 is a line of 0.26, two of them back are 0.175, which is 0.18",
        then={
            "2025-01-30": (Call("2025-01-10T10:00", 7), Call("2025-01-20T10:00", 7), Call("2025-01-21T10:00", 7)),
            "2025-02-03": Drop("2025-01-15"),
            "2025-02-10": ByHand("2025-02-10"),
        },
        bills=["usage 0.26 | 0.26 + 0.05 = 0.31", "refund -0.18 | -0.18 + -0.04 = -0.22"],
        held={"2025-01-20": "customer_dropped", "2025-01-21": "customer_dropped"},
    ),
)
RETURNING = (
    _worked(
        "an invoice by hand in the gap: 18/28 back; from 5 March 27.00 and April",
        LINE,
        then={
            "2025-02-10": Drop("2025-02-10"),
            "2025-02-20": ByHand("2025-02-20"),
            "2025-03-05": Reinstate("2025-03-05"),
        },
        bills=[
            JANUARY,
            "refund 25-02-11..25-02-28 -19.93 | -19.93 + -3.99 = -23.92",
            "recurring 25-03-05..25-04-30 58.00 | 58.00 + 11.60 = 69.60",
        ],
        status="active",
    ),
    _worked(
        "a quarter in its old periods: 15.00 + 30.00 back; 21/31 x 30.00 + 90.00 = 110.3226",
        Charge("Quarter", "90.00", NEW_YEAR, months=3),
        then={"2025-02-14": Drop("2025-02-14"), "2025-03-11": Reinstate("2025-03-11")},
        bills=[
            "recurring 25-01-01..25-03-31 90.00 | 90.00 + 18.00 = 108.00",
            "recurring 25-03-11..25-06-30 110.32 | refund 25-02-15..25-03-31 -45.00 | 65.32 + 13.06 = 78.38",
        ],
    ),
    _worked(
        "reinstated on the 20th from the 1st: back-dated, nothing for February",
        LINE,
        then={"2025-02-03": Drop("2025-01-31"), "2025-03-20": Reinstate("2025-03-01")},
        bills=[
            JANUARY,
            "recurring 25-03-01..25-04-30 62.00 | refund 25-02-01..25-02-28 -31.00 | 31.00 + 6.20 = 37.20",
        ],
    ),
)
INVOICES = (
    _worked(
        "by hand to the 20th settles January; the run charges February only",
        LINE,
        then={"2025-01-20": ByHand("2025-01-20", (("Visit", "15.00"),))},
        months=1,
        bills=[
            "one_off 25-01-20..25-01-20 15.00 | recurring 25-01-01..25-01-31 31.00 | 46.00 + 9.20 = 55.20",
            "recurring 25-02-01..25-02-28 31.00 | 31.00 + 6.20 = 37.20",
        ],
    ),
    _worked(
        "a credit note pays the oldest: 21 + 28 + 31 days back are 83.00, 99.60 with VAT: 74.40 and 25.20 of 37.20",
        LINE,
        then={"2025-03-03": Cease("Line", "2025-01-10")},
        fields={"low_invoice": {"policy": "create", "threshold": "0.00", "charge": "0.00"}},
        bills=[JANUARY, MARCH, "refund 25-01-11..25-03-31 -83.00 | -83.00 + -16.60 = -99.60"],
        paid=["74.40", "25.20", "-99.60"],
        balance="12.00",
    ),
    _worked(
        "a low usage charge is never made on a negative net, and is on a bill without lines",
        LINE,
        then={"2025-02-05": Cease("Line", "2025-02-10")},
        fields={"low_invoice": {"policy": "low_usage_charge", "threshold": "10.00", "charge": "5.00"}},
        bills=[
            JANUARY,
            "refund 25-02-11..25-02-28 -19.93 | -19.93 + -3.99 = -23.92",
            "low_usage_charge 5.00 | 5.00 + 1.00 = 6.00",
        ],
    ),
    _worked(
        "under the threshold for three months in a row: each month's 4.00 waits",
        Charge("Small", "4.00", NEW_YEAR, advance=False),
        then={},
        fields={"low_invoice": {"policy": "roll_forward", "threshold": "12.01", "charge": "0.00"}},
        bills=[],
        unsent=["4.00", "4.00", "4.00"],
    ),
    _due("30 days after", "days_after", 30, "2025-03-02", "2025-03-30", "2025-04-30"),
    _due("on the 31st, the next after the invoice date", "day_of_month", 31, "2025-02-28", "2025-03-31", "2025-04-30"),
    _due("on the 30th", "day_of_month", 30, "2025-02-28", "2025-03-30", "2025-04-30"),
    _due("on the 15th", "day_of_month", 15, "2025-02-15", "2025-03-15", "2025-04-15"),
    _due("on the last day", "days_before_month_end", -1, "2025-02-28", "2025-03-31", "2025-04-30"),
    _due("on the last day but one", "days_before_month_end", -2, "2025-02-27", "2025-03-30", "2025-04-29"),
)
ALL = (*CHARGES, *LEAVING, *RETURNING, *INVOICES)
