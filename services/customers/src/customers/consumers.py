"""Kafka in: billing runs that were requested, settled customers, erasures, and what is told of accounts."""

from __future__ import annotations

from contracts import billing
from contracts.billing import BillingRunRequested, CustomerSettled
from contracts.closing import UsageUnbilled
from contracts.erasures import ErasureConfirmed
from contracts.topics import BILLING, CUSTOMERS, ERASURES, REFERENCE, USAGE_CLOSING
from customers.service.accounts import CONSUMER as ACCOUNTS
from customers.service.accounts import take_in
from customers.service.dropping import take_in_settled
from customers.service.erasing import take_in_confirmed
from customers.service.markers import Partitions, mark_runs
from service_kit.kafka import Received, Subscriptions, partitions_of

GROUP = "customers"
LIFECYCLE = "customers.lifecycle"
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
    subscriptions.on(BILLING, LIFECYCLE, take_in_settled, types=[CustomerSettled])
    subscriptions.on(ERASURES, LIFECYCLE, take_in_confirmed, types=[ErasureConfirmed])


async def on_billing(received: list[Received]) -> None:
    """Runs that were requested get their markers. The partitions are counted each time: a topic may have grown."""
    await mark_runs(received, Partitions(await partitions_of(CUSTOMERS), await partitions_of(REFERENCE)))
