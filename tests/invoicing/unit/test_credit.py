"""Credit limits: which levels are reached, and which are told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.invoicing import made

from invoicing.domain.credit import Told, charges_with_vat, reached, to_tell, usage_with_vat

D = Decimal
DAY = date(2025, 2, 1)


@pytest.mark.parametrize(
    ("limit", "owed", "warned", "limited"),
    [
        ("100.00", "79.99", False, False),
        ("100.00", "80.00", True, False),
        ("100.00", "100.00", True, False),
        ("100.00", "100.01", True, True),
        ("0.00", "0.00", False, False),
        ("0.00", "0.01", True, True),
        ("100.00", "-500.00", False, False),
        (None, "1000000.00", False, False),
    ],
)
def test_80_percent_is_at_or_above_and_the_limit_is_above(
    limit: str | None, owed: str, warned: bool, limited: bool
) -> None:
    """Z23: 80 % means at or above, the limit means above."""
    assert reached(None if limit is None else D(limit), D(owed)) == Told(warned, limited)


def test_each_level_is_told_once_until_it_has_been_below_again() -> None:
    """Z23: up to 90, 110, 95, 110, 50, 90 of 100: warning; limit; nothing; limit; nothing; warning."""
    told, before = [], Told()
    for owed in ("90", "110", "95", "110", "50", "90"):
        now = reached(D(100), D(owed))
        told.append(to_tell(before, now))
        before = now
    assert told == [["warning"], ["limit"], [], ["limit"], [], ["warning"]]


def test_who_passes_both_at_once_is_told_of_both() -> None:
    """C13: an event for each."""
    assert to_tell(Told(), reached(D(100), D(120))) == ["warning", "limit"]


def test_unbilled_charges_have_the_vat_of_each_rate_and_usage_that_of_the_customer() -> None:
    """Z23, Z13: unbilled counts with VAT; per rate as on an invoice, usage rounded once."""
    charges = [("standard", D("10.01")), ("reduced", D("10.00")), ("zero", D("-3.00")), ("no_such_rate", D("1.00"))]
    assert charges_with_vat(charges, made.LISTS, DAY) == D("12.01") + D("10.50") - D("3.00") + D("1.00")
    assert usage_with_vat(D("0.0125"), "standard", made.LISTS, DAY) == D("0.02")
    assert usage_with_vat(D("0.0125"), None, made.LISTS, DAY) == D("0.01")
