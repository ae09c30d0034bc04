"""Running totals of what customers have on no bill: what was stored since is added, what left it taken off (SPEC C13).

Rows of `unbilled_change` are written in the transaction of what they tell of, and read and removed by one reader in a
snapshot; so a total is what the rows of that snapshot come to, whatever happens meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

UNBILLED_LOCK = 0x756E_6269_6C6C  # "unbill"

_CHANGED = text("INSERT INTO unbilled_change (customer_id) SELECT unnest(CAST(:customers AS bigint[]))")
# Calls that become usage only now, or that were taken off before, are not the close's totals.
_BILLED = text(
    """
    INSERT INTO unbilled_change (customer_id, calls, net_micro)
    SELECT customer_id, CASE WHEN plain THEN -usage_calls END, CASE WHEN plain THEN -usage_micro END
    FROM usage_close CROSS JOIN LATERAL (
        SELECT NOT reopened
               AND NOT EXISTS (SELECT FROM close_fallback AS priced WHERE priced.close_id = usage_close.close_id)
            AS plain) AS what
    WHERE close_id = ANY(:closes)
    """
)
_IS_DUE = text(
    "SELECT folded_at + make_interval(secs => CAST(:every_s AS float)) <= clock_timestamp() FROM unbilled_folded"
)
_ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_FOLD = text(
    """
    WITH changed AS (
        DELETE FROM unbilled_change RETURNING customer_id, calls, net_micro
    ), doubtful AS (
        SELECT DISTINCT customer_id FROM changed WHERE calls IS NULL
    ), stored AS (
        SELECT customer_id, count(*) AS calls, sum(charge_micro) AS net_micro FROM usage
        WHERE generation > (SELECT generation FROM unbilled_folded) AND generation <= :generation
        GROUP BY customer_id
    ), difference AS (
        SELECT customer_id, sum(calls) AS calls, sum(net_micro) AS net_micro FROM (
            SELECT * FROM stored UNION ALL SELECT * FROM changed WHERE calls IS NOT NULL) AS each
        WHERE customer_id NOT IN (SELECT customer_id FROM doubtful) GROUP BY customer_id
    ), counted AS (
        SELECT customer_id, count(charge_micro) AS calls, coalesce(sum(charge_micro), 0) AS net_micro
        FROM doubtful LEFT JOIN LATERAL (
            SELECT charge_micro FROM usage LEFT JOIN LATERAL (
                SELECT state FROM usage_close AS done
                WHERE done.customer_id = usage.customer_id AND done.state <> 'released'
                  AND usage.generation <= done.generation AND usage.local_date <= done.bill_to
                ORDER BY close_id LIMIT 1) AS covering ON true
            WHERE usage.customer_id = doubtful.customer_id AND usage.generation <= :generation
              AND covering.state IS DISTINCT FROM 'billed') AS call ON true
        GROUP BY customer_id
    ), added AS (
        INSERT INTO unbilled_total AS total (customer_id, calls, net_micro, version)
        SELECT customer_id, calls, net_micro, 1 FROM difference
        ON CONFLICT (customer_id) DO UPDATE
        SET calls = total.calls + excluded.calls, net_micro = total.net_micro + excluded.net_micro,
            version = total.version + 1
        WHERE (excluded.calls, excluded.net_micro) <> (0, 0)
    )
    INSERT INTO unbilled_total AS total (customer_id, calls, net_micro, version)
    SELECT customer_id, calls, net_micro, 1 FROM counted
    ON CONFLICT (customer_id) DO UPDATE
    SET calls = excluded.calls, net_micro = excluded.net_micro, version = total.version + 1
    WHERE (excluded.calls, excluded.net_micro) <> (total.calls, total.net_micro)
    """
)
_FOLDED = text("UPDATE unbilled_folded SET generation = :generation, folded_at = clock_timestamp()")
_UNTOLD = text(
    """
    UPDATE unbilled_total SET told_version = version
    WHERE customer_id IN (SELECT customer_id FROM unbilled_total WHERE version > told_version
                          ORDER BY customer_id LIMIT :limit)
    RETURNING customer_id, version, calls, net_micro
    """
)


@dataclass(frozen=True, slots=True)
class Total:
    """What a customer has on no bill; `net_micro` in micro-pounds. The version grows."""

    customer_id: int
    version: int
    calls: int
    net_micro: int


async def note_changed(connection: AsyncConnection, customers: Collection[int]) -> None:
    """What these customers have on no bill is to be counted anew, once this transaction is committed."""
    if customers:
        await connection.execute(_CHANGED, {"customers": sorted(customers)})


async def note_billed(connection: AsyncConnection, closes: Sequence[int]) -> None:
    """The calls of these closes are on a bill now; before those priced by a fallback markup become usage."""
    if closes:
        await connection.execute(_BILLED, {"closes": list(closes)})


async def is_due(connection: AsyncConnection, every_s: float) -> bool:
    """Whether it is so long since the totals were brought up to date."""
    return bool((await connection.execute(_IS_DUE, {"every_s": every_s})).scalar_one())


async def one_snapshot(connection: AsyncConnection) -> None:
    """All of this transaction, which has read nothing yet, sees the database at one moment."""
    await connection.execute(_ONE_SNAPSHOT)


async def fold(connection: AsyncConnection, generation: int) -> None:
    """Bring the totals up to date with what is stored up to a generation that the gate has left behind."""
    await connection.execute(_FOLD, {"generation": generation})
    await connection.execute(_FOLDED, {"generation": generation})


async def untold(connection: AsyncConnection, limit: int) -> list[Total]:
    """Totals that have changed since they were told; from now on they are told."""
    rows = (await connection.execute(_UNTOLD, {"limit": limit})).mappings()
    return [Total(**{**row, "net_micro": int(row["net_micro"])}) for row in rows]
