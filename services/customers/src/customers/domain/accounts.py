"""What is known of a customer's account from other services, and how it stands to its credit limit (SPEC C13, Z23)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

from contracts.base import Event
from contracts.billing import AccountBalanceChanged, CreditLimitReached, InvoiceState, PaymentState
from contracts.closing import UsageUnbilled

Standing = Literal["over", "near", "under", "unknown", "no_limit"]
Part = Literal["balance", "unbilled_usage", "unbilled_charges"]

NEAR_PERCENT = 80
LATEST = 12
"""So many invoices and payments of each customer are kept."""


@dataclass(frozen=True)
class Account:
    """A customer's account. Money in pounds with VAT but for `unbilled_net`; None is what no service has told yet.

    Attributes:
        balance: approved invoices less credit notes and payments; what the customer owes is positive.
        unbilled_usage: with the VAT of the customer's rate of today, rounded once.
        unbilled_charges: charges that are on no approved invoice, as invoicing tells.
        exposure: what of these is known, together.
        unbilled_net, unbilled_calls, unbilled_as_of: the usage as rating told it: exact, without VAT.
        notice: the last `credit.limit.reached`.
    """

    customer_id: int
    credit_limit: Decimal | None = None
    currency: str = "GBP"
    balance: Decimal | None = None
    unbilled_usage: Decimal | None = None
    unbilled_charges: Decimal | None = None
    exposure: Decimal | None = None
    unbilled_net: Decimal | None = None
    unbilled_calls: int | None = None
    unbilled_as_of: datetime | None = None
    notice: dict[str, Any] | None = None

    @property
    def headroom(self) -> Decimal | None:
        """What may still be charged up to the limit, negative where it is passed."""
        if self.credit_limit is None or self.exposure is None:
            return None
        return self.credit_limit - self.exposure

    @property
    def used_percent(self) -> Decimal | None:
        """How much of the limit is used; None of a limit of 0 too."""
        if not self.credit_limit or self.exposure is None:
            return None
        return self.exposure * 100 / self.credit_limit

    @property
    def standing(self) -> Standing:
        """SPEC Z23: above the limit is over, from 80 % of it near. Who owes nothing is under a limit of 0."""
        if self.credit_limit is None:
            return "no_limit"
        if self.exposure is None:
            return "unknown"
        if self.exposure > self.credit_limit:
            return "over"
        return "near" if self.credit_limit and self.exposure * 100 >= self.credit_limit * NEAR_PERCENT else "under"

    @property
    def not_known(self) -> tuple[Part, ...]:
        """The parts that are missing in the exposure."""
        parts: tuple[Part, ...] = ("balance", "unbilled_usage", "unbilled_charges")
        return tuple(part for part in parts if getattr(self, part) is None)


@dataclass(frozen=True)
class KnownInvoice:
    """An invoice or credit note as invoicing last told it; `document_url` once it was sent."""

    invoice_id: int
    number: str | None
    kind: str
    status: str
    bill_to: date
    invoice_date: date
    due_date: date | None
    currency: str
    net: Decimal
    vat: Decimal
    gross: Decimal
    document_url: str | None
    document_name: str | None


@dataclass(frozen=True)
class KnownPayment:
    """A payment as invoicing last told it; `state` is received, reversed or refunded."""

    payment_id: int
    state: str
    amount: Decimal
    currency: str
    received_on: date
    method: str | None
    reference: str


@dataclass(frozen=True)
class Told:
    """What a batch of events says in the end: of each kind the newest of each entity."""

    balances: list[AccountBalanceChanged] = field(default_factory=list)
    usages: list[UsageUnbilled] = field(default_factory=list)
    notices: list[CreditLimitReached] = field(default_factory=list)
    invoices: list[InvoiceState] = field(default_factory=list)
    payments: list[PaymentState] = field(default_factory=list)

    @property
    def customers(self) -> list[int]:
        """Whom it is about, in the order of their ids."""
        kinds: tuple[list[Any], ...] = (self.balances, self.usages, self.notices, self.invoices, self.payments)
        return sorted({event.customer_id for events in kinds for event in events})


_Told = TypeVar("_Told", bound=Event)


def gathered(events: Iterable[Event]) -> Told:
    """The newest state of everything that these events tell of."""
    events = list(events)
    return Told(
        balances=_newest(events, AccountBalanceChanged, _customer, _version),
        usages=_newest(events, UsageUnbilled, _customer, _version),
        notices=_newest(events, CreditLimitReached, _customer, lambda notice: notice.as_of),
        invoices=_newest(events, InvoiceState, lambda invoice: invoice.invoice_id, _version),
        payments=_newest(events, PaymentState, lambda payment: payment.payment_id, _version),
    )


def _customer(event: Any) -> int:
    return int(event.customer_id)


def _version(event: Any) -> int:
    return int(event.version)


def _newest(
    events: Iterable[Event], kind: type[_Told], key: Callable[[_Told], int], age: Callable[[_Told], Any]
) -> list[_Told]:
    newest: dict[int, _Told] = {}
    for event in events:
        if isinstance(event, kind):
            known = newest.get(key(event))
            if known is None or age(event) > age(known):
                newest[key(event)] = event
    return [newest[each] for each in sorted(newest)]
