"""The lines of a close in parts, each line rounded once (SPEC Z2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from contracts.closing import UsageLine
from contracts.topics import MAX_PART_LINES
from money.rounding import to_pennies

_MICRO_PLACES = 6


def pounds(micro: int | Decimal) -> Decimal:
    """Exact pounds of micro-pounds, however many."""
    sign, digits, _ = Decimal(int(micro)).as_tuple()
    return Decimal((sign, digits, -_MICRO_PLACES))


def with_plus(digits: str) -> str:
    """E.164 of digits; anything else as it is."""
    return f"+{digits}" if digits.isascii() and digits.isdigit() else digits


def parts_of(lines: int) -> int:
    """How many parts a close of so many lines has; also one without lines has one."""
    return max(1, -(-lines // MAX_PART_LINES))


def usage_line(sums: Mapping[Any, Any]) -> UsageLine:
    """A line of exact sums: what is charged is rounded here and nowhere else (SPEC Z2)."""
    listed, net = pounds(sums["list_micro"]), pounds(sums["net_micro"])
    cost = sums["cost_micro"]
    return UsageLine(
        number_id=sums["number_id"],
        number=with_plus(sums["charged_number"]),
        call_class=sums["call_class"],
        band=sums["band"],
        plan=sums["plan"],
        calls=sums["calls"],
        seconds=int(sums["seconds"]),
        units=int(sums["units"]),
        volume_bytes=int(sums["volume_bytes"]),
        list_price=listed,
        discount=pounds(sums["list_micro"] - sums["net_micro"]),
        net_exact=net,
        net=to_pennies(net),
        cost=None if cost is None else pounds(cost),
    )
