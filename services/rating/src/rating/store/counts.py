"""How many records have which outcome, by source and local day of arrival, kept beside them (SPEC R3).

Every partition has rows of its own, so that batches side by side do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypeAlias

from sqlalchemy import RowMapping, text
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
_TOTALS = text(
    """
    SELECT source, received_on AS day, outcome, reason, sum(records) AS records, sum(charge_micro) AS charge_micro
    FROM outcome_count
    WHERE received_on BETWEEN coalesce(CAST(:first AS date), '-infinity') AND coalesce(CAST(:last AS date), 'infinity')
    GROUP BY source, received_on, outcome, reason HAVING sum(records) <> 0
    ORDER BY source, day, outcome, reason
    """
)
_RECOUNT = text(
    """
    WITH stored AS (
        SELECT source, received_on AS day, 'rated' AS outcome, '' AS reason, count(*) AS records,
               sum(charge_micro) AS charge_micro
        FROM usage GROUP BY source, received_on
        UNION ALL
        SELECT source, received_on, outcome, reason, count(*), 0 FROM held
        GROUP BY source, received_on, outcome, reason
        UNION ALL
        SELECT source, received_on, 'duplicate', CASE WHEN conflict THEN 'conflict' ELSE '' END, count(*), 0
        FROM duplicate GROUP BY source, received_on, conflict
        UNION ALL
        SELECT source, received_on, 'rejected', reason, count(*), 0 FROM rejected GROUP BY source, received_on, reason
        UNION ALL
        SELECT source, received_on, outcome, reason, records, charge_micro FROM outcome_erased
    ), records AS (
        SELECT source, day, outcome, reason, sum(records) AS records, sum(charge_micro) AS charge_micro FROM stored
        GROUP BY source, day, outcome, reason
    ), counted AS (
        SELECT source, received_on AS day, outcome, reason, sum(records) AS records, sum(charge_micro) AS charge_micro
        FROM outcome_count GROUP BY source, received_on, outcome, reason
    ), both_ways AS (
        SELECT source, day, outcome, reason,
               coalesce(counted.records, 0) AS records, coalesce(counted.charge_micro, 0) AS charge_micro,
               coalesce(stored.records, 0) AS stored_records, coalesce(stored.charge_micro, 0) AS stored_micro
        FROM records AS stored FULL JOIN counted USING (source, day, outcome, reason)
    )
    SELECT * FROM both_ways WHERE (records, charge_micro) <> (stored_records, stored_micro)
    ORDER BY source, day, outcome, reason
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


async def totals(connection: AsyncConnection, first: date | None, last: date | None) -> Sequence[RowMapping]:
    """`records` and `charge_micro` by source, local `day` of arrival, outcome and reason, between two days."""
    return (await connection.execute(_TOTALS, {"first": first, "last": last})).mappings().all()


async def recount(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Where the counts differ from the records as they are stored or were erased: none, ever. Reads all records."""
    return (await connection.execute(_RECOUNT)).mappings().all()
