"""Kafka in, but for the CDR topics: each subscription hands its batches to one use case."""

from __future__ import annotations

from contracts import customers as told
from contracts.customers import ReferenceRunMarker, RunMarker
from contracts.reference import ReferenceUpdated
from contracts.topics import CUSTOMERS, REFERENCE
from rating.consumers_closes import subscribe_closes
from rating.service.readmodel import take_in_customers, take_in_reference
from service_kit.kafka import Received, Subscriptions

STATES = (
    told.CustomerCreated,
    told.CustomerUpdated,
    told.CustomerStatusChanged,
    told.CustomerFinalBilled,
    told.CustomerDropped,
    told.CustomerReinstated,
    told.CustomerDeletionRequested,
    told.CustomerDeletionCancelled,
    told.CustomerErased,
    told.NumberCreated,
    told.NumberUpdated,
    told.NumberRemoved,
    told.AssignmentCreated,
    told.AssignmentUpdated,
    told.AssignmentRemoved,
    told.FeatureCreated,
    told.FeatureUpdated,
    told.FeatureRemoved,
)


async def on_customers(batch: list[Received]) -> None:
    """States of customers, numbers, assignments and features, and run markers."""
    await take_in_customers(batch)


async def on_reference(batch: list[Received]) -> None:
    """Entries of reference lists, and run markers."""
    await take_in_reference(batch)


def subscribe(subscriptions: Subscriptions) -> None:
    """Everything that rating consumes through the factory."""
    subscriptions.on(CUSTOMERS, "rating.customers", on_customers, types=(*STATES, RunMarker))
    subscriptions.on(REFERENCE, "rating.reference", on_reference, types=(ReferenceUpdated, ReferenceRunMarker))
    subscribe_closes(subscriptions)
