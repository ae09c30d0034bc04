"""Annual increases: when they are due, and what is to be thought of (SPEC C12). Nothing changes a price by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from customers.domain.rules import RuleBroken
from money.dates import add_months, day_before

FIELDS = ("annual_increase_profile", "annual_increase_date")
"""The fields of a customer that are hidden where the module is off."""
NO_INCREASE = "none"
_INDEXED = re.compile(r"(?<![a-z])(cpih?|rpix?)(?![a-z])")
_OFCOM = (
    "contracts made in the UK since 17 January 2025 may not tie price rises to CPI or RPI (Ofcom): say the rise in "
    "pounds and pence, for instance with the profile fixed_amount"
)


@dataclass(frozen=True)
class Due:
    """A customer whose annual increase is due. `recurring_monthly` is net pounds, of today."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    account_manager: str | None
    profile: str | None
    reference_date: date
    due_on: date
    last_on: date | None
    recurring_monthly: Decimal = Decimal("0.00")


def anniversary(reference: date, years: int) -> date:
    """SPEC C12: so many years after the reference date; 29 February falls on the 28th in other years."""
    return add_months(reference, 12 * years)


def due_from(reference: date, first: date) -> date:
    """The reference date itself, or its first anniversary on or after a day."""
    years = max(0, first.year - reference.year)
    this_year = anniversary(reference, years)
    return this_year if this_year >= first else anniversary(reference, years + 1)


def last_before(reference: date, due: date) -> date | None:
    """The increase before the one that is due; None where that is the first."""
    years = due.year - reference.year - 1
    return anniversary(reference, years) if years >= 0 else None


def check_window(first: date, last: date) -> None:
    """Raises RuleBroken where a window ends before it begins, or is so long that an increase would be due twice."""
    if last < first:
        raise RuleBroken("to", f"{last} lies before {first}: both days are included")
    if last > day_before(anniversary(first, 1)):
        raise RuleBroken("to", f"the window is longer than a year: end it on {day_before(anniversary(first, 1))}")


def warnings_for(profile: str | None) -> tuple[str, ...]:
    """SPEC C12: what choosing a profile warns of: one tied to CPI or RPI, by its code."""
    return (_OFCOM,) if profile and _INDEXED.search(profile.casefold()) else ()


def without_fields(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An answer about a customer without what is hidden where the module is off."""
    return {name: value for name, value in shown.items() if name not in FIELDS}
