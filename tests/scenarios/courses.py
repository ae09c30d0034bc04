"""Customers whose courses are played together, month by month; what each must come to stands in the tests.

Calls cost 0.0125 pounds a second at any hour. 1 January 2025 is a Wednesday. VAT is 20 % unless said.
"""

from __future__ import annotations

from tests.support.reference.steps import (
    Approve,
    Bill,
    Call,
    Cease,
    Change,
    Charge,
    Course,
    Drop,
    FinalBill,
    Pay,
    Reinstate,
    Status,
    VatRate,
    Withdraw,
)

NEW_YEAR = "2025-01-01"
MONTH_ENDS = {1: "2025-01-31", 2: "2025-02-28", 3: "2025-03-31", 4: "2025-04-30"}
LINE = Charge("Line", "31.00", NEW_YEAR)
IN_SEASON = {"accumulates_charges": True, "billed_in_runs": False}
FROZEN = {"accumulates_charges": False, "billed_in_runs": True}
STATUSES = {"seasonal": ("Out of season", IN_SEASON), "frozen": ("Frozen by the office", FROZEN)}
"""Statuses that an administrator has added: name and flags."""


def _course(name: str, *charges: Charge, opened: str = NEW_YEAR, **fields: object) -> Course:
    return Course(name, opened, dict(fields)).on(opened, *charges)


def _billed(course: Course, *months: int, approve: bool = True) -> Course:
    for month in months:
        course.on(MONTH_ENDS[month], Bill(MONTH_ENDS[month], MONTH_ENDS[month], approve))
    return course


NOTICE = _billed(
    _course(
        "Notice in January",
        Charge("Line", "90.00", "2024-12-01", months=3),
        Charge("Broadband", "31.00", "2024-12-01"),
        opened="2024-12-01",
    )
    .on("2024-12-31", Bill("2024-12-31", "2024-12-31"))
    .on("2025-01-15", FinalBill("2025-01-31"))
    .on("2025-01-20", Call("2025-01-19T10:00", 100))
    .on("2025-02-03", Call("2025-01-31T10:00", 40), Call("2025-02-02T10:00", 40))
    .on("2025-03-10", Pay())
    .on("2025-04-10", Call("2025-01-30T10:00", 20)),
    1,
    2,
    3,
    4,
)
UNPAID = _billed(
    _course("Unpaid at the end", LINE).on("2025-02-10", FinalBill("2025-02-28")).on("2025-04-10", Pay()), 1, 2, 3, 4
)
AHEAD = _billed(
    _course("Leaves later", Charge("Line", "31.00", NEW_YEAR, advance=False))
    .on("2025-01-15", FinalBill("2025-02-28"))
    .on("2025-02-10", Pay())
    .on("2025-02-28", Call("2025-02-20T10:00", 80))
    .on("2025-03-10", Pay()),
    1,
    2,
    3,
)
STAYS = _billed(
    _course(
        "Stays after all", LINE, Charge("Setup", "25.00", "2025-02-10", 0), Charge("Later", "40.00", "2025-02-20", 0)
    )
    .on("2025-02-03", FinalBill("2025-02-14"))
    .on("2025-02-04", FinalBill("2025-02-21"))
    .on("2025-02-10", Withdraw()),
    1,
    2,
)
DROPPED = _billed(
    _course("Dropped in the past", LINE, Charge("Old", "10.00", NEW_YEAR, end="2025-01-10"))
    .on(
        "2025-01-20",
        Call("2025-01-05T10:00", 60),
        Call("2025-01-18T10:00", 81),
        Call("2025-01-19T11:00", 26),
    )
    .on("2025-02-03", Drop("2025-01-17"))
    .on("2025-04-10", Reinstate("2025-04-08"), Call("2025-04-09T10:00", 100), Call("2025-03-09T10:00", 100)),
    1,
    2,
    4,
)
NO_GAP = _billed(
    _course("Back the next day", LINE).on("2025-02-10", Drop("2025-02-10")).on("2025-02-11", Reinstate("2025-02-11")),
    1,
    2,
)
IGNORED = _billed(
    _course("Silent afterwards", LINE)
    .on("2025-02-03", Drop("2025-01-31", ignore_traffic_type="ignore_traffic"))
    .on("2025-02-28", Call("2025-02-20T10:00", 80)),
    1,
)
VAT_CHANGED = _billed(
    _billed(_course("Another VAT rate", LINE, Charge("Own", "10.00", NEW_YEAR, vat_rate="zero")), 1, approve=False)
    .on("2025-02-03", VatRate("reduced"))
    .on("2025-02-04", Approve())
    .on("2025-02-10", VatRate("standard")),
    2,
)
VAT_OF_A_REFUND = _billed(
    _course("Refunded at the old rate", LINE)
    .on("2025-02-03", VatRate("reduced"))
    .on("2025-02-04", Drop("2025-02-14"))
    .on("2025-03-10", Reinstate("2025-03-01")),
    1,
    3,
)
CUSTOM_STATUS = _billed(
    _course("Out of season", LINE)
    .on("2025-01-15", Status("seasonal"))
    .on("2025-01-20", Call("2025-01-19T10:00", 100))
    .on("2025-03-10", Status("active")),
    1,
    2,
    3,
)
FROZEN_STATUS = _billed(
    _course("Frozen", LINE)
    .on("2025-01-15", Status("frozen"))
    .on("2025-01-20", Call("2025-01-14T10:00", 100), Call("2025-01-19T10:00", 100)),
    1,
)
QUARTERLY = _billed(
    _course(
        "By the quarter",
        Charge("Seats", "90.00", "2025-02-14", months=3),
        Charge("Arrears", "90.00", "2025-02-14", months=3, advance=False),
        Charge("Setup", "25.00", "2025-02-20", months=0),
        opened="2025-02-11",
        billing_cycle="quarterly",
    ).on("2025-03-10", Change("Seats", "2025-03-16", quantity="2")),
    2,
    3,
    4,
)
LEAP = _course("Leap year", Charge("Line", "29.00", "2024-02-10", advance=False), opened="2024-02-10").on(
    "2024-02-29", Bill("2024-02-29", "2024-02-29")
)
ROLLED = _billed(
    _course(
        "Rolled forward",
        Charge("Small", "4.00", NEW_YEAR, advance=False),
        low_invoice={"policy": "roll_forward", "threshold": "10.00", "charge": "0.00"},
    ).on("2025-02-10", Call("2025-02-10T10:00", 7)),
    1,
    2,
    3,
)
LOW_CHARGE = _billed(
    _course(
        "Low usage",
        Charge("Small", "4.00", NEW_YEAR, advance=False),
        low_invoice={"policy": "low_usage_charge", "threshold": "10.00", "charge": "5.00"},
    ),
    1,
)
PRICE = _billed(
    _course("Dearer in the middle", LINE)
    .on("2025-02-10", Change("Line", "2025-02-15", price="62.00"))
    .on("2025-03-10", Cease("Line", "2025-03-17")),
    1,
    2,
    3,
)
STEADY = _billed(_course("Steady", LINE).on("2025-02-03", Bill("2025-01-31", "2025-02-03")), 1, 2, 3, 4)
MIDNIGHT = _billed(
    _course("Around midnight").on("2025-03-31", Call("2025-03-31T23:30", 100), Call("2025-04-01T00:30", 200)), 3, 4
)
DRAFTED = _billed(
    _course("Dropped while a draft", LINE).on("2025-01-20", Call("2025-01-05T10:00", 60), Call("2025-01-18T10:00", 80)),
    1,
    approve=False,
).on("2025-02-03", Drop("2025-01-17"))

DRAFT_ENDED = _billed(
    _course("Final Bill while a draft", LINE).on(
        "2025-01-20", Call("2025-01-05T10:00", 60), Call("2025-01-18T10:00", 80)
    ),
    1,
    approve=False,
).on("2025-02-03", FinalBill("2025-01-17"))

ALL = (
    NOTICE, UNPAID, AHEAD, STAYS, DROPPED, NO_GAP, IGNORED, VAT_CHANGED, VAT_OF_A_REFUND, CUSTOM_STATUS, FROZEN_STATUS,
    QUARTERLY, LEAP, ROLLED, LOW_CHARGE, PRICE, STEADY, MIDNIGHT, DRAFTED, DRAFT_ENDED,
)  # fmt: skip
