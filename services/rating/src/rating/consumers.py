"""Kafka in, but for the CDR topics: each subscription hands its batches to one use case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from contracts import customers as told
from contracts.customers import ReferenceRunMarker, RunMarker
from contracts.reference import ReferenceUpdated
from contracts.topics import CUSTOMERS, REFERENCE
from rating.consumers_closes import subscribe_closes
from rating.service.readmodel import take_in_customers, take_in_reference
from service_kit.kafka import Received, Subscriptions

BATCH = 500
PASSED_AT_ONCE, PASSED_A_SECOND = 8, 4
"""So many batches pass the gate as they come; then so many a second, for what was judged is judged again after each.

What comes meanwhile passes together; a full batch does not wait.
"""
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


def handler_of_customers() -> Callable[[list[Received]], Awaitable[None]]:
    """Handles states of customers, numbers, assignments and features, and run markers."""
    passing = AsyncLimiter(PASSED_AT_ONCE, PASSED_AT_ONCE / PASSED_A_SECOND)

    async def handle(batch: list[Received]) -> None:
        if len(batch) < BATCH:
            await passing.acquire()
        await take_in_customers(batch)

    return handle


async def on_reference(batch: list[Received]) -> None:
    """Entries of reference lists, and run markers."""
    await take_in_reference(batch)


def subscribe(subscriptions: Subscriptions) -> None:
    """Everything that rating consumes through the factory."""
    subscriptions.on(
        CUSTOMERS, "rating.customers", handler_of_customers(), types=(*STATES, RunMarker), batch_size=BATCH
    )
    subscriptions.on(REFERENCE, "rating.reference", on_reference, types=(ReferenceUpdated, ReferenceRunMarker))
    subscribe_closes(subscriptions)
