"""The calls of closes, as SQL: what closes, and what discount plans that are decided with them, are put together of."""

from __future__ import annotations

from collections.abc import Collection

OF_LINES = (
    "number_id",
    "charged_number",
    "call_class",
    "band",
    "seconds",
    "units",
    "volume_bytes",
    "charge_micro",
    "cost_micro",
)
"""What the lines of a close are made of. A sealed leaf's index has all of it, so that closing reads no rows: those of a
customer lie far apart."""

# Earlier closes of a customer are billed or released for good: the answer never changes. The last of them has nearly
# always all of the others in it, so what it left is found by its day, or by its generation; `others` are the rest.
# Sealed leaves are read by their index, one customer after the other, the others once for all customers: a plan that
# did it the other way round would read all usage for a few customers, or a leaf as often as there are customers.
_NOT_IN_OTHERS = """
    (cardinality(mine.other_days) = 0 OR NOT EXISTS (
        SELECT FROM unnest(mine.other_days, mine.other_generations) AS other (day, generation)
        WHERE usage.local_date <= other.day AND usage.generation <= other.generation))
"""
_OF_FALLBACK = {
    "usage_id": "usage_id",
    "call_class": "call_class",
    "tariff": "tariff",
    "rate_id": "CAST(NULL AS bigint)",
    **{name: f"priced.{name}" for name in ("number_id", "band", "billed_seconds", "charge_micro", "cost_micro")},
}


def calls_of_closes(columns: Collection[str]) -> tuple[str, str]:
    """A WITH clause and a table of the calls of the closes in `:closes`, each with its `close_id` and these columns.

    `:unindexed` is the first generation that is in no sealed leaf.

    Args:
        columns: of `usage`, not `local_date`, `customer_id` or `generation`.
    """
    call = ", ".join(columns)
    of_fallback = ", ".join(f"{_OF_FALLBACK.get(name, f'held.{name}')} AS {name}" for name in columns)
    mine = f"""
    WITH mine AS MATERIALIZED (
        SELECT close_id, customer_id, each.bill_to, each.generation, last_day, last_generation, other_days,
               other_generations
        FROM usage_close AS each
        CROSS JOIN LATERAL (
            SELECT coalesce((array_agg(bill_to ORDER BY generation DESC, bill_to DESC))[1], '-infinity') AS last_day,
                   coalesce(max(generation), -1) AS last_generation
            FROM usage_close AS earlier
            WHERE earlier.customer_id = each.customer_id AND earlier.close_id < each.close_id AND state <> 'released'
        ) AS before
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(bill_to), '{{}}') AS other_days,
                   coalesce(array_agg(generation), '{{}}') AS other_generations
            FROM usage_close AS earlier
            WHERE earlier.customer_id = each.customer_id AND earlier.close_id < each.close_id AND state <> 'released'
              AND earlier.bill_to > last_day
        ) AS others
        WHERE close_id = ANY(:closes)
    ), unindexed AS MATERIALIZED (
        SELECT customer_id, local_date, generation, {call} FROM usage
        WHERE generation >= :unindexed AND customer_id IN (SELECT customer_id FROM mine)
    )
    """
    calls = f"""
    (
        SELECT close_id, found.* FROM mine CROSS JOIN LATERAL (
            SELECT local_date, {call} FROM usage
            WHERE customer_id = mine.customer_id AND local_date > mine.last_day AND local_date <= mine.bill_to
              AND generation <= mine.generation AND generation < :unindexed AND {_NOT_IN_OTHERS}
            UNION ALL
            SELECT local_date, {call} FROM usage
            WHERE customer_id = mine.customer_id AND local_date <= least(mine.last_day, mine.bill_to)
              AND generation > mine.last_generation AND generation <= mine.generation AND generation < :unindexed
              AND mine.last_generation >= 0 AND {_NOT_IN_OTHERS}
            OFFSET 0
        ) AS found
        UNION ALL
        SELECT close_id, local_date, {call} FROM mine JOIN unindexed AS usage USING (customer_id)
        WHERE local_date <= mine.bill_to AND usage.generation <= mine.generation
          AND (local_date > mine.last_day OR usage.generation > mine.last_generation) AND {_NOT_IN_OTHERS}
        UNION ALL
        SELECT close_id, local_date, {call} FROM usage_taken_off WHERE close_id = ANY(:closes)
        UNION ALL
        SELECT close_id, held.local_date, {of_fallback}
        FROM close_fallback AS priced JOIN held USING (usage_id) WHERE close_id = ANY(:closes)
    )
    """
    return mine, calls
