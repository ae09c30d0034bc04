"""How many records have which outcome, by source and local day of arrival, kept beside them (SPEC R3).

Every partition has rows of its own, so that batches side by side do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

BY_HAND = 0
"""The slot of whatever is not a partition's batch: retries, calls that change hands, closes."""
Counted: TypeAlias = tuple[str, date, str, str]
"""Source, day, outcome and reason."""
Counts: TypeAlias = dict[Counted, tuple[int, int]]
"""Records, and what they are charged in micro-pounds; negative for what is no longer so."""

_ADD = text(
    """
    INSERT INTO outcome_count AS stored (slot, source, received_on, outcome, reason, records, charge_micro)
    SELECT :slot, * FROM unnest(
        CAST(:sources AS text[]), CAST(:days AS date[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]),
        CAST(:records AS bigint[]), CAST(:charges AS numeric[]))
    ON CONFLICT (slot, source, received_on, outcome, reason) DO UPDATE
    SET records = stored.records + excluded.records, charge_micro = stored.charge_micro + excluded.charge_micro
    """
)


async def add(connection: AsyncConnection, slot: int, counts: Mapping[Counted, tuple[int, int]]) -> None:
    """Add to what is counted for a slot, in one order everywhere so that nobody waits in a circle."""
    if not counts:
        return
    rows = sorted(counts.items())
    values = {
        "slot": slot,
        "sources": [source for (source, _, _, _), _ in rows],
        "days": [day for (_, day, _, _), _ in rows],
        "outcomes": [outcome for (_, _, outcome, _), _ in rows],
        "reasons": [reason for (_, _, _, reason), _ in rows],
        "records": [records for _, (records, _) in rows],
        "charges": [charge for _, (_, charge) in rows],
    }
    await connection.execute(_ADD, values)
