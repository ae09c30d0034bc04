"""Rows as the events that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Row

from contracts.billing import (
    BillingRunState,
    CreditNoteIssued,
    InvoiceApproved,
    InvoiceState,
    RunTotals,
    VatLine,
)
from invoicing.domain.runs import Run
from invoicing.store.runs import Progress
from money.rounding import to_pennies

_RunEvent = TypeVar("_RunEvent", bound=BillingRunState)

INVOICE_FIELDS = [
    "invoice_id",
    "version",
    "customer_id",
    "run_id",
    "number",
    "kind",
    "final",
    "status",
    "bill_to",
    "invoice_date",
    "tax_point",
    "due_date",
    "currency",
    "net",
    "vat",
    "gross",
    "paid",
]

_invoice_fields = attrgetter(*INVOICE_FIELDS)


def run_event(kind: type[_RunEvent], run: Run, progress: Progress | None = None) -> _RunEvent:
    """A run as it is now."""
    return kind(
        run_id=run.run_id,
        version=run.version,
        kind=run.kind,
        state=run.state,
        bill_to=run.bill_to,
        invoice_date=run.invoice_date,
        due_date=run.due_date,
        message=run.message,
        cycles=run.cycles,
        customers=run.customers,
        totals=run_totals(progress) if progress else RunTotals(),
    )


def run_totals(progress: Progress) -> RunTotals:
    """What a run came to."""
    counts = progress.customers
    return RunTotals(
        customers=sum(counts.values()),
        drafted=counts.get("drafted", 0),
        skipped=counts.get("skipped", 0),
        parked=counts.get("parked", 0),
        **{name: to_pennies(value) for name, value in progress.totals.items()},
    )


def invoice_values(row: Row[Any], vat_lines: Sequence[VatLine]) -> dict[str, Any]:
    """An invoice's fields as every event about it has them."""
    return dict(zip(INVOICE_FIELDS, _invoice_fields(row), strict=True), vat_lines=tuple(vat_lines))


def approved_event(row: Row[Any], vat_lines: Sequence[VatLine]) -> InvoiceState:
    """SPEC Z14: an invoice is approved, a credit note issued."""
    kind = CreditNoteIssued if row.kind == "credit_note" else InvoiceApproved
    return kind(**invoice_values(row, vat_lines))
