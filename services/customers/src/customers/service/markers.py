"""The answer to a billing run: a marker on every partition of what this service tells (DESIGN, "The cut")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.billing import BillingRunRequested
from customers.domain.events import run_markers
from service_kit.database import transaction
from service_kit.kafka import Received

CONSUMER = "customers.markers"


@dataclass(frozen=True)
class Partitions:
    """How many partitions the two marked topics have."""

    customers: int
    reference: int


async def mark_runs(received: Sequence[Received], partitions: Partitions) -> None:
    """Write the markers of the runs that were requested; a request that was taken in before is passed over.

    A marker promises: every change committed before the run was requested lies before it on its partition. It holds
    because

    1. such a change was committed before this transaction began, for the request was made after it and reached us
       later still; so its outbox row is visible to whoever sees the markers;
    2. its row's `seq` was drawn before that commit, ours after it, from one sequence: it is the lower one;
    3. one relay at a time reads the unsent rows that it sees in the order of `seq`. When it sees the markers it sees
       the change's row too: sent already, or sent before them;
    4. one producer sends them in that order, and a partition keeps it.

    A transaction that is still open may hold lower `seq`s and be sent after the markers. Its change was committed
    after the request, so it is not part of the cut.
    """
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in received])
        for each in received:
            if each.id in fresh and isinstance(each.event, BillingRunRequested):
                for marker in run_markers(each.event, partitions.customers, partitions.reference):
                    await tx.publish(marker, partition=marker.partition)
