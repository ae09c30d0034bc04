"""What is not billed yet, and when a credit limit is reached (SPEC C13, Z23)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from invoicing.domain.reference import ReferenceLists
from invoicing.domain.transactions import ZERO
from invoicing.domain.vat import NoVatRate, percent_on
from money.rounding import to_pennies
from money.vat import vat_on

Level = Literal["warning", "limit"]
WARNING_PERCENT = Decimal(80)


@dataclass(frozen=True, slots=True)
class Told:
    """Which levels a customer has reached and not been below since."""

    warned: bool = False
    limited: bool = False


def percent_of(rate: str | None, lists: ReferenceLists, day: date) -> Decimal:
    """The percentage of VAT that an entry adds on a day; 0 where that is not known: a figure is shown all the same."""
    entry = lists.entry("vat_rates", rate)
    if rate is None or entry is None or entry.vat_rate is None:
        return Decimal(0)
    try:
        return percent_on(rate, entry.vat_rate, day)
    except NoVatRate:
        return Decimal(0)


def charges_with_vat(nets: Iterable[tuple[str | None, Decimal]], lists: ReferenceLists, day: date) -> Decimal:
    """Charges on no approved invoice, with VAT as an invoice of that day would have it.

    Args:
        nets: VAT rate and net in pounds, each rate once.
    """
    return sum((net + vat_on(net, percent_of(rate, lists, day)) for rate, net in nets), ZERO)


def usage_with_vat(net_exact: Decimal, rate: str | None, lists: ReferenceLists, day: date) -> Decimal:
    """SPEC Z23: unbilled usage with VAT at the customer's rate, rounded once."""
    return to_pennies(net_exact * (100 + percent_of(rate, lists, day)) / 100)


def reached(limit: Decimal | None, owed: Decimal) -> Told:
    """SPEC Z23: 80 % means at or above, the limit means above; owing nothing reaches neither.

    Args:
        limit: in pounds; None is no limit.
        owed: balance and everything unbilled with VAT.
    """
    if limit is None or owed <= 0:
        return Told()
    return Told(warned=owed * 100 >= limit * WARNING_PERCENT, limited=owed > limit)


def to_tell(before: Told, now: Told) -> list[Level]:
    """What is to be told: each level once, until the customer has been below it again."""
    levels: list[Level] = []
    if now.warned and not before.warned:
        levels.append("warning")
    if now.limited and not before.limited:
        levels.append("limit")
    return levels
