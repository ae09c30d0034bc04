"""What is unusual on a bill, so that a person looks at it before it is approved (SPEC I3: safety bounds)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from invoicing.domain.transactions import ZERO

COMPARED = 3
"""How many of a customer's last invoices the average is of."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on an invoice's net in pounds; None is no bound.

    `max_factor` is how many times the average of the last three invoices it may be, asked from `factor_from` pounds on;
    `max_credit` how far below zero it may be.
    """

    max_net: Decimal | None = None
    max_factor: Decimal | None = None
    factor_from: Decimal = ZERO
    max_credit: Decimal | None = None


def unusual(net: Decimal, before: Sequence[Decimal], bounds: Bounds) -> str:
    """Why a net is unusual, empty if it is not. `before` are the nets of the customer's last invoices."""
    if bounds.max_net is not None and net > bounds.max_net:
        return f"unusual: net {net} is over {bounds.max_net}"
    if bounds.max_credit is not None and -net > bounds.max_credit:
        return f"unusual: net {net} is more than {bounds.max_credit} below zero"
    if bounds.max_factor is None or net < bounds.factor_from or not before:
        return ""
    average = sum(before, ZERO) / len(before)
    if average <= 0 or net <= bounds.max_factor * average:
        return ""
    return f"unusual: net {net} is over {bounds.max_factor} times {average:.2f}, the average of the last {len(before)}"
