"""Corrections of usage that was billed: a refund for each line, never more than the line (SPEC Z9, R8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.closing import UsageAdjusted, UsageLine
from invoicing.domain.transactions import ZERO, Transaction
from invoicing.domain.usage import LineKey, described, key_of
from money.rounding import to_pennies


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A usage line on an invoice; `left` is its net less what was given back of it before, in pounds."""

    line: Transaction
    left: Decimal


def corrections(adjusted: UsageAdjusted, billed: Mapping[LineKey, BilledLine]) -> list[Transaction]:
    """SPEC Z9: what an adjustment puts on Unsent; a line that comes to 0.00 puts nothing.

    Args:
        billed: the lines of the close that it corrects.
    """
    known = [(line, billed.get(key_of(line))) for line in adjusted.lines]
    wanted = [(line, found) for line, found in known if found is not None or adjusted.close_id is None]
    made = [correction(line, found, adjusted.customer_id, adjusted.adjustment_id) for line, found in wanted]
    return [each for each in made if each.net != 0]


def unknown_lines(adjusted: UsageAdjusted, billed: Mapping[LineKey, BilledLine]) -> list[UsageLine]:
    """The lines of which nothing was billed by the close that they name: there is nothing to correct."""
    return [line for line in adjusted.lines if adjusted.close_id is not None and key_of(line) not in billed]


def by_key(lines: Sequence[BilledLine]) -> dict[LineKey, BilledLine]:
    """Billed lines by number, class, band and plan."""
    return {key_of(each.line): each for each in lines}


def correction(
    line: UsageLine, billed: BilledLine | None, customer_id: int, adjustment_id: int | None = None
) -> Transaction:
    """SPEC Z9, Z13: one line corrected, at the rate of the invoice that billed it; without one, at the customer's."""
    net = correction_net(line.net_exact, billed.left if billed else None)
    rate = billed.line.vat_rate if billed else None
    return Transaction(
        customer_id=customer_id,
        kind="refund" if line.net_exact < 0 else "adjustment",
        description=_description(line),
        net=net,
        vat_rate=rate,
        own_vat_rate=rate is not None,
        number_id=line.number_id,
        number=line.number,
        call_class=line.call_class,
        band=line.band,
        calls=line.calls,
        seconds=line.seconds,
        units=line.units,
        volume_bytes=line.volume_bytes,
        net_exact=line.net_exact,
        adjustment_id=adjustment_id,
        adjusts=billed.line.transaction_id if billed else None,
        plan=line.plan,
    )


def correction_net(net_exact: Decimal, left: Decimal | None) -> Decimal:
    """SPEC Z9: the exact sum of the calls rounded once; given back is never more than what is left of the line.

    Args:
        net_exact: the exact sum, below zero where it is given back.
        left: of the line's net, in pounds; None where it corrects no line.
    """
    net = to_pennies(net_exact)
    return net if left is None or net >= 0 else max(net, -max(left, ZERO))


def _description(line: UsageLine) -> str:
    counted = f"{line.calls} call" if line.calls == 1 else f"{line.calls} calls"
    return f"{described(line)}: {counted} {'given back' if line.net_exact < 0 else 'corrected'}"
