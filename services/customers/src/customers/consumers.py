"""Kafka in: billing runs that were requested."""

from __future__ import annotations

from contracts.billing import BillingRunRequested
from contracts.topics import BILLING, CUSTOMERS, REFERENCE
from customers.service.markers import Partitions, mark_runs
from service_kit.kafka import Received, Subscriptions, partitions_of

GROUP = "customers"


def subscribe(subscriptions: Subscriptions) -> None:
    """What this service listens to."""
    subscriptions.on(BILLING, GROUP, on_billing, types=[BillingRunRequested])


async def on_billing(received: list[Received]) -> None:
    """Runs that were requested get their markers. The partitions are counted each time: a topic may have grown."""
    await mark_runs(received, Partitions(await partitions_of(CUSTOMERS), await partitions_of(REFERENCE)))
