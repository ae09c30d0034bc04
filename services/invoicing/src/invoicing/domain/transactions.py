"""One charge or refund on a customer's account (SPEC, "Words"; I1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Kind = Literal["one_off", "recurring", "usage", "refund", "adjustment", "low_usage_charge"]

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A charge or refund. `net` is pounds rounded to the penny, negative for a refund.

    `vat_rate` None means the customer's own, decided when the transaction goes on an invoice; `own_vat_rate` says that
    it keeps the rate it has when the customer's changes (SPEC C7, Z13). `first_day` to `last_day` are the days
    charged for, `stands_to` the last of them that has not been refunded. `net_exact` is the unrounded sum of a usage
    line's calls (SPEC Z2). `adjusts` is the billed usage line that a refund gives back (SPEC Z9). `transaction_id` is
    None until it is stored.
    """

    customer_id: int
    kind: Kind
    description: str
    net: Decimal
    transaction_id: int | None = None
    invoice_id: int | None = None
    vat_rate: str | None = None
    own_vat_rate: bool = False
    first_day: date | None = None
    last_day: date | None = None
    stands_to: date | None = None
    charge_id: int | None = None
    settlement: int | None = None
    unit_price: Decimal | None = None
    quantity: Decimal | None = None
    every_months: int | None = None
    number_id: int | None = None
    number: str | None = None
    feature_id: int | None = None
    close_id: int | None = None
    call_class: str | None = None
    band: str | None = None
    calls: int | None = None
    seconds: int | None = None
    units: int | None = None
    volume_bytes: int | None = None
    list_price: Decimal | None = None
    discount: Decimal | None = None
    net_exact: Decimal | None = None
    cost: Decimal | None = None
    adjustment_id: int | None = None
    adjusts: int | None = None
    plan: str = ""


def net_of(transactions: list[Transaction]) -> Decimal:
    """The sum of the nets, in pounds."""
    return sum((each.net for each in transactions), ZERO)
