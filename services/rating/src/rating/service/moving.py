"""Storing calls that become something else by themselves: held calls that are priced, usage that changes hands.

Their events go through the outbox, with a higher revision than what was told of them before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.base import Event
from rating.service.events import exception_event, rated_event
from rating.store import counts, outcomes
from rating.store.outcomes import Row
from service_kit.database import Transaction


async def store_usage(tx: Transaction, rows: Sequence[Row]) -> None:
    """Rows of `usage` that calls are from now on; what they were has been removed and counted off."""
    events: list[Event] = [rated_event(row) for row in rows]
    await outcomes.add_usage(tx.connection, rows)
    await counts.add(tx.connection, counts.BY_HAND, counted(rows))
    await tx.publish_many(events)


async def store_held(tx: Transaction, rows: Sequence[Row]) -> None:
    """Rows of `held` that calls are from now on; what they were has been removed and counted off."""
    events: list[Event] = [exception_event(row) for row in rows]
    await outcomes.add_held(tx.connection, rows)
    await counts.add(tx.connection, counts.BY_HAND, counted(rows))
    await tx.publish_many(events)


def counted(rows: Iterable[Row], sign: int = 1) -> counts.Counts:
    """SPEC R3: rows of `usage` or `held` by source, day, outcome and reason; a `sign` of -1 takes them off."""
    found: counts.Counts = {}
    for row in rows:
        key = (row["source"], row["received_on"], row.get("outcome", "rated"), row.get("reason", ""))
        records, charge = found.get(key, (0, 0))
        found[key] = (records + sign, charge + sign * row.get("charge_micro", 0))
    return found
