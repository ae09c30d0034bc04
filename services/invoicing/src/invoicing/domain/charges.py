"""Settling one-off and recurring charges to a day (SPEC I1, I2, Z1, Z4 to Z6).

Settling compares what should be charged by a day with what stands charged, and gives the difference: so doing it
twice gives nothing the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from invoicing.domain.transactions import Kind, Transaction
from money.dates import day_before, next_day
from money.periods import charged_to, recurring_exact, recurring_net
from money.rounding import to_pennies


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A one-off or recurring charge and how far it has been settled.

    `amount` is pounds net of VAT for one unit, asked for every `every_months` where it recurs. `end` is the last day
    charged, None while open. `charged_to` is the last day that is charged, None where nothing is; for a one-off its
    start. `settlements` counts the transactions it has led to. A `removed` charge is as if it had never been there.
    """

    charge_id: int
    customer_id: int
    kind: Literal["one_off", "recurring"]
    description: str
    amount: Decimal
    start: date
    quantity: Decimal = Decimal(1)
    every_months: int | None = None
    in_advance: bool = True
    vat_rate: str | None = None
    end: date | None = None
    anchor: date | None = None
    removed: bool = False
    charged_to: date | None = None
    settlements: int = 0
    number_id: int | None = None
    number: str | None = None
    feature_id: int | None = None

    @property
    def cancelled(self) -> bool:
        """Nothing of it is to be charged: it was removed, or ended before it began (SPEC Z6)."""
        return self.removed or (self.end is not None and self.end < self.start)

    @property
    def overcharged(self) -> bool:
        """Days stand charged that should not be: only an end date, or removal, brings that about (SPEC Z4)."""
        if self.charged_to is None:
            return False
        return self.cancelled or (self.end is not None and self.charged_to > self.end)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling one charge comes to.

    `charge` is the charge as it is afterwards, `transactions` what goes on Unsent, `stands` the new `stands_to` of
    earlier transactions that were refunded in part or whole.
    """

    charge: Charge
    transactions: tuple[Transaction, ...] = ()
    stands: tuple[tuple[int, date], ...] = ()


def settle(charge: Charge, bill_to: date, standing: Sequence[Transaction] = ()) -> Settlement:
    """SPEC I2: settle a charge to a bill-to date.

    Args:
        charge: with its `charged_to`.
        bill_to: the last day of the bill.
        standing: the charge's stored transactions that are not refunded in full; needed where it is `overcharged`.

    Raises:
        ValueError: a recurring charge without a frequency.
    """
    if charge.overcharged:
        return _refunded(charge, standing)
    if charge.cancelled:
        return Settlement(charge)
    return _one_off(charge, bill_to) if charge.kind == "one_off" else _recurring(charge, bill_to)


def _one_off(charge: Charge, bill_to: date) -> Settlement:
    """SPEC Z6: charged by the first bill whose bill-to date is on or after its start."""
    if charge.charged_to is not None or charge.start > bill_to:
        return Settlement(charge)
    net = to_pennies(Fraction(charge.amount) * Fraction(charge.quantity))
    return _charged(charge, net, charge.start, charge.start)


def _recurring(charge: Charge, bill_to: date) -> Settlement:
    months = _months(charge)
    until = charged_to(
        charge.start,
        months,
        in_advance=charge.in_advance,
        bill_to=bill_to,
        end=charge.end,
        anchor=charge.anchor,
    )
    first = charge.start if charge.charged_to is None else max(charge.start, next_day(charge.charged_to))
    if until is None or until < first:
        return Settlement(charge)
    return _charged(charge, recurring_net(charge.amount, months, charge.quantity, first, until), first, until)


def _charged(charge: Charge, net: Decimal, first: date, last: date) -> Settlement:
    settled = replace(charge, charged_to=last, settlements=charge.settlements + 1)
    return Settlement(settled, (_line(settled, charge.kind, net, first, last, charge.vat_rate),))


def _refunded(charge: Charge, standing: Sequence[Transaction]) -> Settlement:
    """SPEC Z1, Z5, Z13: give back the days beyond the end, at the price and quantity they were charged at.

    One transaction over all the days, rounded once; one for each VAT rate where they were charged at several.
    """
    keep_to = None if charge.cancelled else charge.end
    by_rate: dict[str | None, list[Transaction]] = defaultdict(list)
    for each in standing:
        if keep_to is None or (each.stands_to is not None and each.stands_to > keep_to):
            by_rate[_refund_rate(each)].append(each)
    lines: list[Transaction] = []
    for rate, parts in sorted(by_rate.items(), key=lambda item: item[0] or ""):
        lines.append(_refund(charge, rate, parts, keep_to, charge.settlements + len(lines) + 1))
    stands = tuple((_stored(each), _stands_after(each, keep_to)) for parts in by_rate.values() for each in parts)
    settled = replace(charge, charged_to=keep_to, settlements=charge.settlements + len(lines))
    return Settlement(settled, tuple(lines), stands)


def _refund_rate(charged: Transaction) -> str | None:
    """SPEC Z13: the rate of what was invoiced; what is still on Unsent follows the customer's, like the refund."""
    return charged.vat_rate if charged.invoice_id is not None or charged.own_vat_rate else None


def _refund(
    charge: Charge, rate: str | None, parts: Sequence[Transaction], keep_to: date | None, settlement: int
) -> Transaction:
    exact = sum((_exact(part, _first_refunded(part, keep_to)) for part in parts), Fraction(0))
    first = min(_first_refunded(part, keep_to) for part in parts)
    last = max(part.stands_to for part in parts if part.stands_to is not None)
    return _line(replace(charge, settlements=settlement), "refund", to_pennies(-exact), first, last, rate)


def _exact(charged: Transaction, first: date) -> Fraction:
    """What the days from `first` to the last that stands were charged at, exactly."""
    if charged.kind == "one_off" or charged.every_months is None:
        return Fraction(charged.net)
    if charged.unit_price is None or charged.quantity is None or charged.stands_to is None:
        raise ValueError(f"transaction {charged.transaction_id} does not say what it was charged at")
    return recurring_exact(charged.unit_price, charged.every_months, charged.quantity, first, charged.stands_to)


def _first_refunded(charged: Transaction, keep_to: date | None) -> date:
    first = charged.first_day
    if first is None:
        raise ValueError(f"transaction {charged.transaction_id} does not say which days it is for")
    return first if keep_to is None else max(first, next_day(keep_to))


def _stands_after(charged: Transaction, keep_to: date | None) -> date:
    return day_before(_first_refunded(charged, keep_to))


def _stored(charged: Transaction) -> int:
    if charged.transaction_id is None:
        raise ValueError("only what is stored can be refunded")
    return charged.transaction_id


def _line(charge: Charge, kind: Kind, net: Decimal, first: date, last: date, vat_rate: str | None) -> Transaction:
    """A transaction of a charge, its last settlement; without a VAT rate of its own it follows the customer's."""
    return Transaction(
        customer_id=charge.customer_id,
        kind=kind,
        description=charge.description,
        net=net,
        vat_rate=vat_rate,
        own_vat_rate=vat_rate is not None,
        first_day=first,
        last_day=last,
        stands_to=None if kind == "refund" else last,
        charge_id=charge.charge_id,
        settlement=charge.settlements,
        unit_price=charge.amount,
        quantity=charge.quantity,
        every_months=charge.every_months,
        number_id=charge.number_id,
        number=charge.number,
        feature_id=charge.feature_id,
    )


def _months(charge: Charge) -> int:
    if charge.every_months is None:
        raise ValueError(f"charge {charge.charge_id} ({charge.description}) recurs, but not said every how many months")
    return charge.every_months
