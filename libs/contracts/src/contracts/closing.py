"""How a billing run asks rating for usage, and what it answers (SPEC I4, Z2, Z3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from contracts import topics
from contracts.base import Amount, Contract, CustomerEvent, Event, Id, Instant, Money


class UsageCloseRequested(Event):
    """Invoicing asks rating to close the usage of a run's customers up to the bill-to date.

    One per partition of the topic, in parts of at most 2,000 customers; its partition is that of its customers.
    """

    event_type: ClassVar[str] = "usage.close.requested"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    run_id: Id
    bill_to: date
    partition: int = Field(ge=0)
    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    customers: tuple[Id, ...] = Field(max_length=topics.MAX_PART_LINES)

    def key(self) -> str:
        return f"{self.run_id}/{self.partition}"


class UsageLine(Contract):
    """One usage transaction of a bill: a number's calls of one class in one band (SPEC Z2).

    `plan` names the discount plan that priced them, empty for the part priced by tariff or markup. `list_price`,
    `discount` and `net_exact` are exact sums, `net_exact` = `list_price` - `discount`; `net` is `net_exact` rounded
    once to the penny, half up.
    """

    number_id: Id
    number: str
    call_class: str
    band: str
    plan: str = ""
    calls: int = Field(ge=0)
    seconds: int = Field(ge=0)
    units: int = Field(default=0, ge=0)
    volume_bytes: int = Field(default=0, ge=0)
    list_price: Amount
    discount: Amount = Field(default=Decimal("0"))
    net_exact: Amount
    net: Money
    cost: Amount | None = None


class ControlTotals(Contract):
    """SPEC I4, Z2: calls, seconds of duration and the exact unrounded sum."""

    calls: int
    seconds: int
    net_exact: Amount


class UsageClosed(CustomerEvent):
    """Rating's answer for one customer. Asked twice, it answers the same.

    Lines come in parts; `totals` are over all parts and stand in each. `unpriced` counts the customer's calls up to
    the bill-to date that are held as unpriced and so are not in it.
    """

    event_type: ClassVar[str] = "usage.closed"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    run_id: Id
    close_id: Id
    bill_to: date
    generation: int = Field(ge=0)
    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    lines: tuple[UsageLine, ...] = Field(max_length=topics.MAX_PART_LINES)
    totals: ControlTotals
    unpriced: int = Field(default=0, ge=0)


class UsageCloseBilled(CustomerEvent):
    """The close is on an approved invoice; its calls will never be in another."""

    event_type: ClassVar[str] = "usage.close.billed"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    run_id: Id
    close_id: Id
    invoice_id: Id


class UsageCloseReleased(CustomerEvent):
    """The close is as if it never was; its calls go to the next one."""

    event_type: ClassVar[str] = "usage.close.released"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    run_id: Id
    close_id: Id


class UsageCloseReopened(CustomerEvent):
    """The invoice of a billed close was unapproved: the close is open again, to be billed or released."""

    event_type: ClassVar[str] = "usage.close.reopened"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    run_id: Id
    close_id: Id
    invoice_id: Id


class UsageAdjusted(CustomerEvent):
    """A correction of usage that was billed already: lines to refund or to charge, shaped like a close (SPEC Z9).

    One for each close concerned. Counts are of the calls concerned; money is below zero where it is given back.
    """

    event_type: ClassVar[str] = "usage.adjusted"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    adjustment_id: Id
    close_id: Id | None = None
    invoice_id: Id | None = None
    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    lines: tuple[UsageLine, ...] = Field(max_length=topics.MAX_PART_LINES)
    totals: ControlTotals
    reason: str


class UsageUnbilled(CustomerEvent):
    """A customer's running total of usage not yet on a bill, at most once a minute (SPEC C13)."""

    event_type: ClassVar[str] = "usage.unbilled"
    topic: ClassVar[str] = topics.USAGE_CLOSING

    version: int = Field(ge=1)
    as_of: Instant
    calls: int = Field(ge=0)
    net_exact: Amount
