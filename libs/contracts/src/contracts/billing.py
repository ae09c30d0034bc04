"""Billing runs, invoices, payments and balances (SPEC I1 to I10)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from contracts import topics
from contracts.base import Amount, Code, Contract, CustomerEvent, Event, Id, Instant, Money
from contracts.customers import Address
from contracts.reference import BillStyle, VatTreatment

RunKind = Literal["cycles", "list", "manual", "recreation"]
"""By cycles; by a list of customers; one invoice by hand; a draft made again from current data."""
RunState = Literal["draft", "requested", "running", "completed", "completed_with_errors", "cancelled"]
InvoiceStatus = Literal["draft", "approved", "sent", "part_paid", "paid", "removed"]


class RunTotals(Contract):
    """What a run came to so far; money in pounds."""

    customers: int = 0
    drafted: int = 0
    skipped: int = 0
    parked: int = 0
    net: Money = Field(default=Decimal("0.00"))
    vat: Money = Field(default=Decimal("0.00"))
    gross: Money = Field(default=Decimal("0.00"))


class BillingRunState(Event):
    """A billing run as it is now (SPEC I3). Without `customers` it takes those whose cycle is due."""

    topic: ClassVar[str] = topics.BILLING

    run_id: Id
    version: int = Field(ge=1)
    kind: RunKind = "cycles"
    state: RunState
    bill_to: date
    invoice_date: date
    due_date: date | None = None
    message: str = ""
    cycles: tuple[Code, ...] = ()
    customers: tuple[Id, ...] | None = None
    totals: RunTotals = RunTotals()

    def key(self) -> str:
        return str(self.run_id)


class BillingRunRequested(BillingRunState):
    """The run's dates are locked; customers and rating answer with the cut."""

    event_type: ClassVar[str] = "billing.run.requested"


class BillingRunStarted(BillingRunState):
    """The run's customers are fixed."""

    event_type: ClassVar[str] = "billing.run.started"


class BillingRunCompleted(BillingRunState):
    """Every customer of the run is drafted, skipped or parked."""

    event_type: ClassVar[str] = "billing.run.completed"


class BillingRunCancelled(BillingRunState):
    """The run was cancelled and its drafts removed."""

    event_type: ClassVar[str] = "billing.run.cancelled"


class VatLine(Contract):
    """Net and VAT at one rate entry (SPEC Z13)."""

    vat_rate: Code
    name: str
    treatment: VatTreatment
    percent: Amount
    net: Money
    vat: Money
    statement: str = ""


class InvoiceState(CustomerEvent):
    """An invoice as it is now. Money in `currency`; `number` is given at approval.

    `paid` is what payments and credit notes have paid of it; of a credit note, below zero, what was used of it.
    `final` is an invoice of a customer on Final Bill (SPEC C14).
    """

    topic: ClassVar[str] = topics.BILLING

    invoice_id: Id
    version: int = Field(ge=1)
    run_id: Id | None = None
    number: str | None = None
    kind: Literal["invoice", "credit_note"] = "invoice"
    final: bool = False
    status: InvoiceStatus
    bill_to: date
    invoice_date: date
    tax_point: date
    due_date: date | None = None
    currency: str = "GBP"
    net: Money
    vat: Money
    gross: Money
    paid: Money = Field(default=Decimal("0.00"))
    vat_lines: tuple[VatLine, ...]


class InvoiceCreated(InvoiceState):
    """A draft was made."""

    event_type: ClassVar[str] = "invoice.created"


class InvoiceUpdated(InvoiceState):
    """A draft was made again or its VAT recomputed; or what is paid of an approved invoice changed."""

    event_type: ClassVar[str] = "invoice.updated"


class InvoiceApproved(InvoiceState):
    """The invoice is numbered and locked."""

    event_type: ClassVar[str] = "invoice.approved"


class InvoiceUnapproved(InvoiceState):
    """An approved, unsent invoice is a draft again; its number stays with it."""

    event_type: ClassVar[str] = "invoice.unapproved"


class InvoiceRemoved(InvoiceState):
    """A draft without a number was removed."""

    event_type: ClassVar[str] = "invoice.removed"


class InvoiceSent(InvoiceState):
    """The invoice goes to the customer: once per `request_id`, with the PDF at `document_url` (SPEC N1).

    `recipients` may be empty: then nothing is emailed. `document_sha256` is the hex digest of the PDF's bytes.
    """

    event_type: ClassVar[str] = "invoice.sent"

    request_id: Id
    recipients: tuple[str, ...]
    customer_name: str
    company_name: str = ""
    account_number: str
    billing_address: Address = Address()
    bill_style: BillStyle
    document_url: str
    document_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    document_name: str


class CreditNoteIssued(InvoiceState):
    """An invoice with a negative total was issued as a credit note (SPEC Z14)."""

    event_type: ClassVar[str] = "credit_note.issued"


class PaymentState(CustomerEvent):
    """A payment as it is now (SPEC I9). `refunded` is what was given back of it in all; `on` is the day of what
    happened: received, reversed, or refunded this time.
    """

    topic: ClassVar[str] = topics.BILLING

    payment_id: Id
    version: int = Field(ge=1)
    amount: Money
    currency: str = "GBP"
    received_on: date
    method: Code | None = None
    reference: str = ""
    refunded: Money = Field(default=Decimal("0.00"))
    on: date | None = None
    reason: str = ""


class PaymentReceived(PaymentState):
    """A payment was recorded."""

    event_type: ClassVar[str] = "payment.received"


class PaymentReversed(PaymentState):
    """A payment was reversed: the bank took it back."""

    event_type: ClassVar[str] = "payment.reversed"


class PaymentRefunded(PaymentState):
    """A payment, or a part of it, was given back to the customer."""

    event_type: ClassVar[str] = "payment.refunded"


class AccountBalanceChanged(CustomerEvent):
    """Approved invoices less credit notes and payments (SPEC I9).

    `unbilled_charges` is what stands on no approved invoice but for usage, with VAT; None where it was not worked out.
    """

    event_type: ClassVar[str] = "account.balance_changed"
    topic: ClassVar[str] = topics.BILLING

    version: int = Field(ge=1)
    balance: Money
    currency: str = "GBP"
    unbilled_charges: Money | None = None


class CustomerSettled(CustomerEvent):
    """A Final Bill customer has nothing left; customers drops it if it is still at that version (SPEC C14)."""

    event_type: ClassVar[str] = "customer.settled"
    topic: ClassVar[str] = topics.BILLING

    run_id: Id
    customer_version: int = Field(ge=1)
    bill_to: date


class CreditLimitReached(CustomerEvent):
    """Unbilled plus balance passed 80 % of the limit, or the limit (SPEC C13, Z23)."""

    event_type: ClassVar[str] = "credit.limit.reached"
    topic: ClassVar[str] = topics.BILLING

    level: Literal["warning", "limit"]
    limit: Money
    unbilled: Money
    balance: Money
    as_of: Instant
