"""Figures worked out by hand from the specification: tables of what goes in and what must come out.

The tables are CSV files in `tests/support/tables`, so that anyone can read and add to them. Any test can run them
through what it tests; they know nothing of who asks. Money is in pounds; the first column says in words why the
figure is what it is, and is the test's id:

    @pytest.mark.parametrize("case", cases.CHARGES, ids=cases.names)
    def test_a_call_costs_what_its_rate_says(case: cases.Priced) -> None:
        \"\"\"R6: ...\"\"\"
        rate = Rate(price=case.price, connection=case.connection, ...)
        assert charge(rate, case.used) == (case.charge, case.billed)

The reference passes them all (`tests/reference`); the domains of the services are to pass the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

TABLES = Path(__file__).with_name("tables")

Case = TypeVar("Case", bound=tuple[Any, ...])


class Band(NamedTuple):
    """SPEC R6: the band of a call by its start in London, a datetime without a zone."""

    why: str
    start: datetime
    band: str


class LocalTime(NamedTuple):
    """SPEC Z20: a London time without a zone, and its instant; None where there is no such time."""

    why: str
    wall: datetime
    instant: datetime | None


class LocalDay(NamedTuple):
    """The London day and band of an instant, also where they differ from those of UTC (B2, B3)."""

    why: str
    instant: datetime
    day: date
    band: str


class Increment(NamedTuple):
    """SPEC R6: seconds used and seconds billed."""

    why: str
    used: int
    initial: int
    step: int
    billed: int


class Priced(NamedTuple):
    """SPEC R6: a rate, what is used of it, and the charge. `used` is seconds, messages or bytes, by `service`."""

    why: str
    service: str
    used: int
    price: Decimal
    places: int
    billed: int
    charge: Decimal
    connection: Decimal = Decimal(0)
    initial: int = 1
    step: int = 1
    minimum: Decimal = Decimal(0)
    maximum: Decimal | None = None
    free_below: int = 0
    megabyte_bytes: int = 1_000_000


class Markup(NamedTuple):
    """SPEC R5 (2), Z17: costs best first, a percentage, and the charge; None where there is no cost to mark up."""

    why: str
    retail_price: Decimal | None
    cdr_cost: Decimal | None
    carrier_cost: Decimal | None
    percent: Decimal
    places: int
    charge: Decimal | None


class Spelling(NamedTuple):
    """SPEC R3: a number as suppliers write it, and its digits of E.164; empty where it is no number."""

    why: str
    spelled: str = ""
    digits: str = ""


class TariffChoice(NamedTuple):
    """SPEC R5 (1), Z16: the tariffs that are set in each place, None for none, and the one that is chosen."""

    why: str
    number_class: str | None = None
    number: str | None = None
    customer_class: str | None = None
    customer: str | None = None
    source_and_type: str | None = None
    type: str | None = None
    system: str | None = None
    chosen: str | None = None


class Rounding(NamedTuple):
    """SPEC Z1: half up is away from zero, and there is no -0.00."""

    why: str
    exact: Decimal
    pennies: Decimal


class Stretch(NamedTuple):
    """SPEC I1: a price every n months, and what the days first..last cost."""

    why: str
    price: Decimal
    months: int
    quantity: Decimal
    first: date
    last: date
    net: Decimal


class ChargedTo(NamedTuple):
    """SPEC I2, Z4: the day that a recurring charge, never billed before, is charged to by a bill; None: not yet."""

    why: str
    start: date
    months: int
    in_advance: bool
    end: date | None
    bill_to: date
    last: date | None


class Vat(NamedTuple):
    """SPEC Z13: lines, a tax point, and the VAT of the invoice. `nets` reads the lines."""

    why: str
    lines: str
    tax_point: date
    vat: Decimal

    @property
    def nets(self) -> list[tuple[str, Decimal]]:
        """The rate entry and net of each line."""
        return [(rate, Decimal(net)) for rate, net in (line.split() for line in self.lines.split(";"))]


class Due(NamedTuple):
    """SPEC C5, Z10: whether a cycle of so many months (None: by hand) bills in the month of a bill-to date."""

    why: str
    every_months: int | None
    anchor_month: int | None
    bill_to: date
    due: bool


class Low(NamedTuple):
    """SPEC I5, Z12: the net of what would be on an invoice, the policy, and the invoice's net.

    `owed` is None where there is no line at all, `net` where the customer is rolled forward.
    """

    why: str
    owed: Decimal | None
    policy: str
    threshold: Decimal
    charge: Decimal
    final_bill: bool
    net: Decimal | None


def names(case: tuple[Any, ...]) -> str:
    """The id of a row: why its figure is what it is."""
    return str(case[0])


def _table(name: str, kind: type[Case]) -> tuple[Case, ...]:
    hints = get_type_hints(kind)
    with (TABLES / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(kind(**dict(_values(row, hints))) for row in csv.DictReader(file, strict=True))


def _values(row: dict[str, str], hints: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each cell as its column's type says. An empty one is None where it may be, else the default or no text."""
    for name, text in row.items():
        if text:
            yield name, _value(text, hints[name])
        elif type(None) in getattr(hints[name], "__args__", ()):
            yield name, None


def _value(text: str, hint: Any) -> Any:
    wanted = next((part for part in getattr(hint, "__args__", ()) if part is not type(None)), hint)
    if wanted is bool:
        return {"yes": True, "no": False}[text]
    return wanted.fromisoformat(text) if wanted in (date, datetime) else wanted(text)


BANDS = _table("bands", Band)
LOCAL_TIMES = _table("local-times", LocalTime)
LOCAL_DAYS = _table("local-days", LocalDay)
INCREMENTS = _table("increments", Increment)
CHARGES = _table("charges", Priced)
MARKUPS = _table("markups", Markup)
NUMBERS = _table("numbers", Spelling)
TARIFF_CHOICES = _table("tariff-choice", TariffChoice)
ROUNDINGS = _table("roundings", Rounding)
STRETCHES = _table("stretches", Stretch)
CHARGED_TO = _table("charged-to", ChargedTo)
VATS = _table("vat", Vat)
CYCLES_DUE = _table("cycles-due", Due)
LOW_INVOICES = _table("low-invoices", Low)
