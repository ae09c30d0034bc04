"""VAT arithmetic (SPEC, "Words"; Z13)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from money.rounding import to_pennies


def vat_on(net: Decimal, percent: Decimal) -> Decimal:
    """VAT on an invoice's net at one rate entry, rounded half up to the penny.

    Args:
        net: the invoice's net at that rate, in pounds; negative on a credit note.
        percent: the percentage, for example Decimal("20").

    Raises:
        ValueError: the percentage is negative.
    """
    if percent < 0:
        raise ValueError(f"a VAT rate cannot be {percent} %")
    return to_pennies(Fraction(net) * Fraction(percent) / 100)
