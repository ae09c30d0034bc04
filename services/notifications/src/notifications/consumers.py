"""Kafka in: invoices that are to be sent."""

from __future__ import annotations

from contracts.billing import InvoiceSent
from contracts.topics import BILLING
from notifications.service.taking import CONSUMER, take_in_sent
from service_kit.kafka import Subscriptions


def subscribe(subscriptions: Subscriptions) -> None:
    """What this service listens to."""
    subscriptions.on(BILLING, CONSUMER, take_in_sent, types=[InvoiceSent], batch_size=200)
