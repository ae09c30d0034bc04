"""Kafka in: invoices that are to be sent, customers that are erased."""

from __future__ import annotations

from contracts.billing import InvoiceSent
from contracts.customers import CustomerErased
from contracts.topics import BILLING, CUSTOMERS
from notifications.service.erasing import take_in_erased
from notifications.service.taking import CONSUMER, take_in_sent
from service_kit.kafka import Subscriptions


def subscribe(subscriptions: Subscriptions) -> None:
    """What this service listens to. Erasures have a group of their own: bills do not wait for customers."""
    subscriptions.on(BILLING, CONSUMER, take_in_sent, types=[InvoiceSent], batch_size=200)
    subscriptions.on(CUSTOMERS, f"{CONSUMER}.erasures", take_in_erased, types=[CustomerErased])
