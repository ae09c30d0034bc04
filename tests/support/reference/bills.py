"""Which customers a run bills, and what their invoices come to (SPEC C5, I5, Z2, Z10, Z12, Z13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.support.reference.carrier import DO_NOT_BILL, DROPPED, FINAL_BILL, MONTHS_OF_CYCLE, Customer
from tests.support.reference.charges import settle
from tests.support.reference.pricing import pence

NOTHING = Decimal("0.00")
BILLED, NOT_DUE, PARKED, ROLLED_FORWARD, AFTER_BILL_TO = (
    "billed",
    "not_due",
    "parked",
    "rolled_forward",
    "after_bill_to",
)
HELD_BACK, NEVER = "do_not_bill", "dropped"
VAT_PERCENTAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "standard": (("1991-04-01", "17.5"), ("2008-12-01", "15"), ("2010-01-01", "17.5"), ("2011-01-04", "20")),
    "reduced": (("1997-09-01", "5"),),
}
"""From which day each percentage holds. The other rate entries add no VAT."""

UsageKey = tuple[str, str, str]
"""Number with its start, call class, band."""


@dataclass
class UsageSum:
    """The calls of one line (SPEC Z2); `charge` is their exact sum in pounds."""

    calls: int = 0
    seconds: int = 0
    charge: Decimal = Decimal(0)

    def add(self, seconds: int, charge: Decimal) -> None:
        """Takes a call in."""
        self.calls += 1
        self.seconds += seconds
        self.charge += charge


@dataclass(frozen=True)
class Line:
    """One line of an invoice, its net in pounds and pence."""

    kind: str
    description: str
    net: Decimal
    vat_rate: str


@dataclass(frozen=True)
class ReferenceInvoice:
    """An invoice as it must come out. `usage_exact` is the unrounded sum of the calls on it."""

    net: Decimal
    vat: Decimal
    gross: Decimal
    usage_net: Decimal
    usage_exact: Decimal
    lines: list[Line] = field(default_factory=list)


def standing(customer: Customer, bill_to: date) -> str:
    """SPEC C5, C8, Z10: what a run by cycles does with a customer, its low policy apart."""
    if customer.status == DROPPED:
        return NEVER
    if customer.status == DO_NOT_BILL:
        return HELD_BACK
    if customer.status != FINAL_BILL and not is_due(customer, bill_to):
        return NOT_DUE
    return PARKED if customer.missing else BILLED


def is_due(customer: Customer, bill_to: date) -> bool:
    """SPEC C5, Z10: whether its cycle bills in the month of the bill-to date; without an anchor this is the first."""
    months = MONTHS_OF_CYCLE[customer.cycle]
    if months is None:
        return False
    return customer.anchor_month is None or (bill_to.month - customer.anchor_month) % months == 0


def make_invoice(
    customer: Customer, usage: Mapping[UsageKey, UsageSum], bill_to: date, invoice_date: date
) -> ReferenceInvoice | None:
    """SPEC I1 to I5, Z2, Z12, Z13: the invoice of a customer that the run takes; None where it is rolled forward."""
    lines = [_usage_line(customer, key, calls) for key, calls in sorted(usage.items())]
    settled = (settle(charge, bill_to) for charge in customer.charges)
    for each in filter(None, settled):
        kind = "recurring" if each.charge.months else "one_off"
        lines.append(Line(kind, each.charge.description, each.net, each.charge.vat_rate or customer.vat_rate))
    net = sum((line.net for line in lines), NOTHING)
    if customer.status != FINAL_BILL and is_low(customer, net):
        if customer.low.policy == "roll_forward":
            return None
        if customer.low.policy == "low_usage_charge" and net >= 0:
            lines.append(Line("low_usage_charge", "Low usage charge", customer.low.charge, customer.vat_rate))
    exact = sum((calls.charge for calls in usage.values()), Decimal(0))
    return _total(lines, exact, invoice_date)


def is_low(customer: Customer, net: Decimal) -> bool:
    """SPEC Z12: under the threshold, or nothing at all."""
    return net == 0 or net < customer.low.threshold


def _usage_line(customer: Customer, key: UsageKey, calls: UsageSum) -> Line:
    return Line("usage", " ".join(key), pence(calls.charge), customer.vat_rate)


def _total(lines: list[Line], usage_exact: Decimal, invoice_date: date) -> ReferenceInvoice:
    net = sum((line.net for line in lines), NOTHING)
    vat = vat_of(lines, invoice_date)
    usage_net = sum((line.net for line in lines if line.kind == "usage"), NOTHING)
    return ReferenceInvoice(net, vat, net + vat, usage_net, usage_exact, lines)


def vat_of(lines: Iterable[Line], tax_point: date) -> Decimal:
    """SPEC Z13: VAT by rate entry, on the net at each, rounded half up."""
    nets: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for line in lines:
        nets[line.vat_rate] += line.net
    return sum((pence(Fraction(net) * vat_percent(rate, tax_point) / 100) for rate, net in nets.items()), NOTHING)


def vat_percent(rate: str, tax_point: date) -> Fraction:
    """SPEC Z13: the percentage of a rate entry that is valid on the tax point."""
    percent = "0"
    for valid_from, value in VAT_PERCENTAGES.get(rate, ()):
        if date.fromisoformat(valid_from) <= tax_point:
            percent = value
    return Fraction(percent)
