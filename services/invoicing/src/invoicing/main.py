"""The one entry point: which roles invoicing has, and what each is made of."""

from __future__ import annotations

from fastapi import FastAPI

from contracts import billing, closing, erasures
from invoicing import api, worker
from invoicing.config import InvoicingSettings
from invoicing.consumers import subscribe
from service_kit.host import Service, run
from service_kit.http import create_app

SCHEMA_REVISION = "0010"
PUBLISHES = (
    billing.BillingRunRequested,
    billing.BillingRunStarted,
    billing.BillingRunCompleted,
    billing.BillingRunCancelled,
    billing.InvoiceCreated,
    billing.InvoiceUpdated,
    billing.InvoiceApproved,
    billing.CreditNoteIssued,
    billing.InvoiceSent,
    billing.InvoiceUnapproved,
    billing.InvoiceRemoved,
    billing.PaymentReceived,
    billing.PaymentReversed,
    billing.PaymentRefunded,
    billing.AccountBalanceChanged,
    billing.CreditLimitReached,
    billing.CustomerSettled,
    closing.UsageCloseRequested,
    closing.UsageCloseBilled,
    closing.UsageCloseReleased,
    closing.UsageCloseReopened,
    erasures.ErasureConfirmed,
)


def make_app() -> FastAPI:
    """The HTTP app."""
    return create_app(
        "invoicing",
        title="Farthing invoicing",
        description="Transactions, billing runs, invoices, documents, VAT, payments and balances.",
        routers=api.ROUTERS,
    )


def main() -> None:
    """Host the roles named on the command line: api, consumers, relay, runner, documents, credit, eraser."""
    service = Service(
        name="invoicing",
        settings=InvoicingSettings,
        schema_revision=SCHEMA_REVISION,
        app=make_app,
        subscribe=subscribe,
        workers={
            "runner": worker.runner,
            "documents": worker.documents,
            "credit": worker.credit,
            "eraser": worker.eraser,
        },
        publishes=PUBLISHES,
    )
    run(service)
