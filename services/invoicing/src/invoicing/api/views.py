"""What the API answers with. Money is decimal strings in pounds, days are local dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import Row

from contracts.base import Amount, Money
from contracts.billing import InvoiceState, RunKind, RunState, RunTotals
from contracts.customers import Address
from invoicing.domain.progress import StageName
from invoicing.domain.runs import Run
from invoicing.domain.transactions import Transaction
from invoicing.service.events import invoice_values
from invoicing.service.reports import InvoiceReport, RunReport

Item = TypeVar("Item")
After = Annotated[int, Field(ge=0, lt=2**63, description="the `next` of the page before")]


class Page(BaseModel, Generic[Item]):
    """A part of a list; `next` is what to give as `after` for the part that follows, null at the end."""

    items: list[Item]
    next: int | None


class RunView(BaseModel):
    """A billing run (SPEC I3)."""

    run_id: int
    kind: RunKind = Field(description="by cycles, by a list, one invoice by hand, or drafts made again")
    state: RunState
    bill_to: date
    invoice_date: date
    due_date: date | None
    message: str
    cycles: list[str]
    customers: list[int] | None = Field(description="the list it was made for; null where it goes by cycles")
    problem: str = Field(description="why it does not go on, where something failed; it is tried again by itself")


class ProgressView(BaseModel):
    """How many of a run's customers are where."""

    stage: str = Field(
        description="draft, waiting_for_cut, waiting_for_usage, drafting, approving, cancelling, or how it ended"
    )
    customers: int
    waiting: int
    closed: int
    drafted: int
    skipped: int
    parked: int


class StageView(BaseModel):
    """A stage of a run: how many of how many are through it, and how long ago it began."""

    stage: StageName
    done: int
    of: int = Field(description="of markers: 0 until the first has come")
    since: datetime | None = Field(description="null before it began")
    seconds: int | None


class RunDetails(RunView):
    """A billing run with how far it is."""

    progress: ProgressView
    stages: list[StageView]
    totals: RunTotals
    approved: int
    sent: int
    not_emailed: int = Field(description="sent, but the customer has no email address")
    failed_documents: int
    unpriced: int = Field(description="calls up to the bill-to date that no price was found for: they are not billed")


class RunCustomerView(BaseModel):
    """What became of a customer in a run."""

    customer_id: int
    state: str
    reason: str
    close_id: int | None
    invoice_id: int | None
    unpriced: int


class TransactionView(BaseModel):
    """A charge or refund. `net_exact` is the unrounded sum of a usage line's calls."""

    transaction_id: int
    customer_id: int
    invoice_id: int | None
    kind: str
    description: str
    net: Money
    vat_rate: str | None
    first_day: date | None
    last_day: date | None
    charge_id: int | None
    unit_price: Amount | None
    quantity: Amount | None
    every_months: int | None
    number_id: int | None
    number: str | None
    feature_id: int | None
    close_id: int | None
    call_class: str | None
    band: str | None
    calls: int | None
    seconds: int | None
    units: int | None
    volume_bytes: int | None
    list_price: Amount | None
    discount: Amount | None
    net_exact: Amount | None
    plan: str = Field(description="the discount plan that priced a usage line; empty where none did")


class InvoiceView(InvoiceState):
    """An invoice (SPEC I6, I7)."""

    account_number: str
    customer_name: str
    close_id: int | None
    problem: str = Field(description="why it could not be approved")
    remade_by: int | None = Field(description="the run that is to make this draft again; it has no lines until then")
    unusual: str = Field(description="why a person has to look at it first; approve it with confirm_unusual=true")
    approved_at: datetime | None
    sent_at: datetime | None


class InvoiceDetails(InvoiceView):
    """An invoice with its lines."""

    company_name: str
    billing_address: Address
    vat_number: str
    changed: list[str] = Field(
        description="of a draft, what is printed of the customer or its supplier and is another now: make it again",
        examples=[["name", "billing_address"]],
    )
    lines: list[TransactionView]


def page_of(items: Iterable[Item], limit: int, key: str) -> Page[Item]:
    """A page, whose `next` is the last item's key where the page is full."""
    listed = list(items)
    return Page(items=listed, next=getattr(listed[-1], key) if len(listed) == limit else None)


def run_view(run: Run) -> RunView:
    """A run as the API shows it."""
    return RunView(**_run_values(run))


def _run_values(run: Run) -> dict[str, Any]:
    values = {name: getattr(run, name) for name in RunView.model_fields}
    return {**values, "cycles": list(run.cycles), "customers": None if run.customers is None else list(run.customers)}


def run_details(report: RunReport) -> RunDetails:
    """A run and its progress as the API shows them."""
    counts: Mapping[str, int] = report.progress.customers
    states = {name: counts.get(name, 0) for name in ("waiting", "closed", "drafted", "skipped", "parked")}
    return RunDetails(
        **_run_values(report.run),
        progress=ProgressView(stage=report.stage, customers=sum(counts.values()), **states),
        stages=[StageView.model_validate(each, from_attributes=True) for each in report.stages],
        totals=report.totals,
        approved=report.progress.approved,
        sent=report.progress.sent,
        not_emailed=report.progress.not_emailed,
        failed_documents=report.failed_documents,
        unpriced=report.progress.unpriced,
    )


def transaction_view(transaction: Transaction) -> TransactionView:
    """A transaction as the API shows it."""
    return TransactionView(**{name: getattr(transaction, name) for name in TransactionView.model_fields})


def invoice_view(report: InvoiceReport) -> InvoiceView:
    """An invoice as the API shows it, without lines."""
    return InvoiceView(**_invoice_values(report))


def invoice_details(report: InvoiceReport) -> InvoiceDetails:
    """An invoice as the API shows it."""
    printed = report.invoice.particulars
    return InvoiceDetails(
        **_invoice_values(report),
        company_name=printed["company_name"],
        billing_address=printed["billing_address"],
        vat_number=printed["vat_number"],
        changed=report.changed,
        lines=[transaction_view(line) for line in report.lines],
    )


def _invoice_values(report: InvoiceReport) -> dict[str, Any]:
    invoice: Row[Any] = report.invoice
    return {
        **invoice_values(invoice, report.vat_lines),
        "account_number": invoice.particulars["account_number"],
        "customer_name": invoice.particulars["name"],
        **{
            name: getattr(invoice, name)
            for name in ("close_id", "problem", "remade_by", "unusual", "approved_at", "sent_at")
        },
    }
