"""Usage on a bill, and the proof that it is what rating closed (SPEC I4, Z2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.closing import ControlTotals, UsageLine
from invoicing.domain.transactions import Transaction
from money.rounding import to_pennies

LineKey = tuple[int | None, str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class Close:
    """Rating's whole answer for one customer of a run: all parts of it."""

    close_id: int
    customer_id: int
    lines: tuple[UsageLine, ...]
    totals: ControlTotals
    unpriced: int = 0


def usage_transactions(close: Close) -> list[Transaction]:
    """SPEC Z2: one transaction per number, class, band and plan; net = the exact sum of its calls, rounded once."""
    return [_transaction(close, line) for line in close.lines]


def _transaction(close: Close, line: UsageLine) -> Transaction:
    return Transaction(
        customer_id=close.customer_id,
        kind="usage",
        description=described(line),
        net=to_pennies(line.net_exact),
        close_id=close.close_id,
        number_id=line.number_id,
        number=line.number,
        call_class=line.call_class,
        band=line.band,
        calls=line.calls,
        seconds=line.seconds,
        units=line.units,
        volume_bytes=line.volume_bytes,
        list_price=line.list_price,
        discount=line.discount,
        net_exact=line.net_exact,
        cost=line.cost,
        plan=line.plan,
    )


def described(line: UsageLine) -> str:
    """What a line is of: `National calls, peak, plan MOBILE-500`."""
    parts = [f"{line.call_class} calls", line.band, f"plan {line.plan}" if line.plan else ""]
    return ", ".join(part for part in parts if part)


def differences(close: Close, billed: Sequence[Transaction]) -> list[str]:
    """SPEC I4, Z2: where what is billed is not what rating closed, line by line and in total; empty if all agrees."""
    by_key = {key_of(each): each for each in billed}
    found = [_line_difference(line, by_key.get(key_of(line))) for line in close.lines]
    if not len(close.lines) == len(billed) == len(by_key):
        found.append(f"{len(close.lines)} lines closed, {len(billed)} billed, {len(by_key)} different ones")
    found.append(_total_difference(close.totals, billed))
    return [each for each in found if each]


def key_of(line: UsageLine | Transaction) -> LineKey:
    """What tells the lines of a close apart."""
    return line.number_id, line.call_class, line.band, line.plan


def _line_difference(line: UsageLine, billed: Transaction | None) -> str:
    where = f"{line.number} {line.call_class} {line.band} {line.plan}".rstrip()
    if line.net_exact != line.list_price - line.discount:
        return f"{where}: {line.net_exact} is not {line.list_price} less {line.discount}"
    if billed is None or (billed.calls, billed.seconds) != (line.calls, line.seconds):
        return f"{where}: {line.calls} calls, {line.seconds} seconds are not billed"
    if (billed.net_exact, billed.net) != (line.net_exact, line.net):
        return f"{where}: closed {line.net_exact} rounded to {line.net}, billed {billed.net}"
    return ""


def _total_difference(closed: ControlTotals, billed: Sequence[Transaction]) -> str:
    total = ControlTotals(
        calls=sum(each.calls or 0 for each in billed),
        seconds=sum(each.seconds or 0 for each in billed),
        net_exact=sum((each.net_exact or Decimal(0) for each in billed), Decimal(0)),
    )
    if total == closed:
        return ""
    return f"closed {_words(closed)}, billed {_words(total)}"


def _words(totals: ControlTotals) -> str:
    return f"{totals.calls} calls, {totals.seconds} seconds, {totals.net_exact}"
