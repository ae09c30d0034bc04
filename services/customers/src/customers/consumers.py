"""Kafka in: billing runs that were requested, and what is told of accounts."""

from __future__ import annotations

from contracts import billing
from contracts.billing import BillingRunRequested
from contracts.closing import UsageUnbilled
from contracts.topics import BILLING, CUSTOMERS, REFERENCE, USAGE_CLOSING
from customers.service.accounts import CONSUMER as ACCOUNTS
from customers.service.accounts import take_in
from customers.service.markers import Partitions, mark_runs
from service_kit.kafka import Received, Subscriptions, partitions_of

GROUP = "customers"
ACCOUNT_EVENTS = (
    billing.AccountBalanceChanged,
    billing.CreditLimitReached,
    billing.InvoiceCreated,
    billing.InvoiceUpdated,
    billing.InvoiceApproved,
    billing.InvoiceUnapproved,
    billing.InvoiceRemoved,
    billing.InvoiceSent,
    billing.CreditNoteIssued,
    billing.PaymentReceived,
    billing.PaymentReversed,
    billing.PaymentRefunded,
)


def subscribe(subscriptions: Subscriptions) -> None:
    """What this service listens to. Accounts have a group of their own: a run's markers do not wait behind them."""
    subscriptions.on(BILLING, GROUP, on_billing, types=[BillingRunRequested])
    subscriptions.on(BILLING, ACCOUNTS, take_in, types=ACCOUNT_EVENTS)
    subscriptions.on(USAGE_CLOSING, ACCOUNTS, take_in, types=[UsageUnbilled])


async def on_billing(received: list[Received]) -> None:
    """Runs that were requested get their markers. The partitions are counted each time: a topic may have grown."""
    await mark_runs(received, Partitions(await partitions_of(CUSTOMERS), await partitions_of(REFERENCE)))
