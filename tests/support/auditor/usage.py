"""Records and usage in rating's database: each counted, charged and closed once (SPEC R1, R3, Z2, Z3, Z7, Z21)."""

from __future__ import annotations

from tests.support.auditor.checks import Check


def _check(query: str, words: str, *, at_rest: bool = False) -> Check:
    return Check("rating", query, words, at_rest)


SLOT_BITS = 48
"""A usage id is the slot of its input partition, and in the lower bits the record's offset."""

_OUTCOMES = """
    outcomes AS (
        SELECT usage_id, 'rated' AS outcome FROM usage
        UNION ALL SELECT usage_id, outcome FROM held
        UNION ALL SELECT usage_id, 'duplicate' FROM duplicate
        UNION ALL SELECT usage_id, 'rejected' FROM rejected)
"""
_CLOSED_BY = """
    closed_by AS (
        SELECT u.usage_id, min(c.close_id) AS close_id FROM usage u JOIN usage_close c
          ON c.customer_id = u.customer_id AND c.state <> 'released'
         AND u.local_date <= c.bill_to AND u.generation <= c.generation
        GROUP BY u.usage_id)
"""
"""Each call belongs to the first close, of those not released, whose rectangle it lies in."""

ONE_OUTCOME = _check(
    f"""
    WITH {_OUTCOMES} SELECT usage_id, string_agg(outcome, ', ' ORDER BY outcome) AS outcomes FROM outcomes
    GROUP BY usage_id HAVING count(*) > 1
    """,
    "record {usage_id} has several outcomes: {outcomes}",
)
WITHIN_POSITION = _check(
    f"""
    WITH {_OUTCOMES}, stored AS (
        SELECT usage_id >> {SLOT_BITS} AS slot, max(usage_id & ((1::bigint << {SLOT_BITS}) - 1)) AS last,
               count(*) AS records FROM outcomes GROUP BY 1)
    SELECT slot, last, records, position FROM stored LEFT JOIN input_position USING (slot)
    WHERE position IS NULL OR last >= position OR records > position
    """,
    "input {slot} stands at {position}, but {records} records are stored, the last at offset {last}",
)
CHARGED_ONCE = _check(
    """
    SELECT source, record_id, count(*) AS times FROM (
        SELECT source, record_id FROM usage UNION ALL SELECT source, record_id FROM held) AS kept
    GROUP BY source, record_id HAVING count(*) > 1
    """,
    "record {source}/{record_id} is kept {times} times as a first copy",
)
NEGATIVE = _check(
    "SELECT usage_id, seconds, billed_seconds FROM usage WHERE seconds < 0 OR billed_seconds < 0",
    "record {usage_id} lasted {seconds} s and is billed {billed_seconds} s",
)
_MAY_HAVE_MOVED = """
    EXISTS (
        SELECT FROM usage_close AS given_up
        WHERE given_up.customer_id = usage.customer_id AND given_up.state = 'released' AND given_up.reopened
          AND usage.local_date <= given_up.bill_to AND usage.generation > given_up.generation)
"""
"""Calls of a close that was reopened and released count as stored then: when they were allocated is not known."""
ALLOCATED_AFTER_DROP = _check(
    f"""
    WITH charged AS (
        SELECT customer_id, local_date, max(generation) AS generation, count(*) AS calls FROM usage
        WHERE NOT {_MAY_HAVE_MOVED} GROUP BY customer_id, local_date)
    SELECT customer_id, local_date, then_status, c.status AS now_status, calls
    FROM charged JOIN customer c USING (customer_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT e ->> 'status' FROM jsonb_array_elements(c.status_history) AS e
             WHERE (e ->> 'effective_from')::date <= local_date ORDER BY (e ->> 'effective_from')::date DESC LIMIT 1),
            c.status_history -> 0 ->> 'status', c.status) AS then_status) AS history
    LEFT JOIN reference_entry t ON t.list = 'statuses' AND t.code = then_status
    LEFT JOIN reference_entry n ON n.list = 'statuses' AND n.code = c.status
    WHERE charged.generation >= greatest(c.changed_in, t.changed_in, n.changed_in)
      AND (coalesce((n.entry -> 'status' ->> 'dropped')::boolean, true)
           OR NOT coalesce((t.entry -> 'status' ->> 'accumulates_charges')::boolean, false))
    """,
    "customer {customer_id} is {now_status} and was {then_status} on {local_date}, but has {calls} calls charged",
)
ALLOCATED_WITHOUT_PLAN = _check(
    """
    WITH charged AS (
        SELECT number_id, local_date, max(generation) AS generation, count(*) AS calls FROM usage
        GROUP BY number_id, local_date)
    SELECT number_id, local_date, calls FROM charged
    WHERE NOT EXISTS (
        SELECT FROM assignment a WHERE a.number_id = charged.number_id
          AND (a.changed_in > charged.generation
               OR (NOT a.removed AND a.start_date <= local_date AND coalesce(a.end_date, local_date) >= local_date)))
    """,
    "number {number_id} has {calls} calls charged on {local_date}, when it had no active call plan",
)
CLOSE_IS_ITS_CALLS = _check(
    f"""
    WITH {_CLOSED_BY}, within AS (
        SELECT close_id, usage_id, seconds, charge_micro FROM closed_by JOIN usage USING (usage_id)
        UNION ALL
        SELECT close_id, usage_id, seconds, charge_micro FROM close_fallback JOIN held USING (usage_id)
        UNION ALL
        SELECT close_id, usage_id, seconds, charge_micro FROM usage_taken_off
    ), found AS (
        SELECT close_id, count(*) AS calls, sum(seconds) AS seconds,
               sum(charge_micro - coalesce(discount_micro, 0)) AS net_micro
        FROM within LEFT JOIN close_discount USING (close_id, usage_id) GROUP BY close_id)
    SELECT c.close_id, c.calls, c.seconds, c.net_micro, coalesce(f.calls, 0) AS found_calls,
           coalesce(f.seconds, 0) AS found_seconds, coalesce(f.net_micro, 0) AS found_micro
    FROM usage_close c LEFT JOIN found f USING (close_id)
    WHERE c.state <> 'released' AND (c.calls, c.seconds, c.net_micro)
          <> (coalesce(f.calls, 0), coalesce(f.seconds, 0), coalesce(f.net_micro, 0))
    """,
    "close {close_id} says {calls} calls, {seconds} s, {net_micro} micro-pounds; there are {found_calls}, "
    "{found_seconds} s, {found_micro}",
)
ONE_OPEN_CLOSE = _check(
    """
    SELECT customer_id, count(*) AS closes FROM usage_close WHERE state = 'closed' AND NOT reopened
    GROUP BY customer_id HAVING count(*) > 1
    """,
    "customer {customer_id} has {closes} closes that are neither billed nor released",
)

GUIDED_AGAIN = _check(
    """
    SELECT customer_id, count(*) AS requests FROM reguide_request r
    WHERE NOT EXISTS (SELECT FROM usage_close c WHERE c.customer_id = r.customer_id AND c.state = 'closed')
    GROUP BY customer_id
    """,
    "{requests} times the calls of customer {customer_id} are still to be guided again",
    at_rest=True,
)
ADJUSTMENTS_ARE_TOLD = _check(
    """
    SELECT a.adjustment_id, a.close_id, a.told, count(o.usage_id) AS calls
    FROM usage_adjustment a LEFT JOIN usage_taken_off o USING (adjustment_id)
    WHERE NOT EXISTS (SELECT FROM reguide_request r WHERE r.customer_id = a.customer_id)
    GROUP BY a.adjustment_id, a.close_id, a.told HAVING NOT a.told OR count(o.usage_id) = 0
    """,
    "adjustment {adjustment_id} of close {close_id} takes off {calls} calls, told: {told}",
)
TAKEN_OFF_IS_NO_USAGE_OF_ITS_CLOSE = _check(
    f"""
    WITH {_CLOSED_BY} SELECT usage_id, o.close_id FROM usage_taken_off o JOIN closed_by USING (usage_id)
    WHERE o.close_id = closed_by.close_id
    """,
    "record {usage_id} was taken off close {close_id} and is charged by it still",
)
FALLBACK_OF_OPEN_CLOSES = _check(
    """
    SELECT f.usage_id, f.close_id, c.state, h.outcome FROM close_fallback f JOIN usage_close c USING (close_id)
    LEFT JOIN held h ON h.usage_id = f.usage_id
    WHERE c.state <> 'closed' OR h.outcome IS DISTINCT FROM 'unpriced' OR h.customer_id IS DISTINCT FROM c.customer_id
       OR EXISTS (SELECT FROM close_fallback o WHERE o.usage_id = f.usage_id AND o.close_id <> f.close_id)
    """,
    "record {usage_id} is charged by close {close_id}, which is {state}, and is held as {outcome}",
)
DRAWS_ARE_THOSE_OF_CALLS = _check(
    """
    WITH of_calls AS (
        SELECT close_id, each ->> 'plan' AS plan, each ->> 'pool' AS pool,
               sum(CAST(each ->> 'amount' AS numeric)) AS drawn
        FROM close_discount CROSS JOIN LATERAL jsonb_array_elements(draws) AS each GROUP BY 1, 2, 3
    ), kept AS (
        SELECT close_id, plan, pool, sum(drawn) AS drawn FROM close_draw WHERE pool <> '' GROUP BY close_id, plan, pool)
    SELECT close_id, plan, pool, coalesce(k.drawn, 0) AS kept, coalesce(c.drawn, 0) AS of_calls
    FROM kept k FULL JOIN of_calls c USING (close_id, plan, pool) WHERE k.drawn IS DISTINCT FROM c.drawn
    """,
    "close {close_id} drew {kept} on {pool} of {plan}, its calls {of_calls}",
)

COUNTS_ARE_THE_RECORDS = _check(
    """
    WITH stored AS (
        SELECT source, received_on, 'rated' AS outcome, '' AS reason, 1 AS records, charge_micro FROM usage
        UNION ALL SELECT source, received_on, outcome, reason, 1, 0 FROM held
        UNION ALL
        SELECT source, received_on, 'duplicate', CASE WHEN conflict THEN 'conflict' ELSE '' END, 1, 0 FROM duplicate
        UNION ALL SELECT source, received_on, 'rejected', reason, 1, 0 FROM rejected
        UNION ALL SELECT source, received_on, outcome, reason, records, charge_micro FROM outcome_erased
        UNION ALL
        SELECT source, received_on, outcome, reason, -records, -charge_micro FROM outcome_count)
    SELECT source, received_on, outcome, reason, sum(records) AS records, sum(charge_micro) AS micro FROM stored
    GROUP BY source, received_on, outcome, reason HAVING (sum(records), sum(charge_micro)) <> (0, 0)
    """,
    "{source} on {received_on}: {records} more records are stored as {outcome} {reason} than are counted, and "
    "{micro} more micro-pounds",
)

CHECKS = (
    ONE_OUTCOME,
    COUNTS_ARE_THE_RECORDS,
    DRAWS_ARE_THOSE_OF_CALLS,
    WITHIN_POSITION,
    CHARGED_ONCE,
    NEGATIVE,
    ALLOCATED_AFTER_DROP,
    ALLOCATED_WITHOUT_PLAN,
    CLOSE_IS_ITS_CALLS,
    ONE_OPEN_CLOSE,
    ADJUSTMENTS_ARE_TOLD,
    GUIDED_AGAIN,
    TAKEN_OFF_IS_NO_USAGE_OF_ITS_CLOSE,
    FALLBACK_OF_OPEN_CLOSES,
)
CLOSED_BY = _CLOSED_BY
OUTCOMES = _OUTCOMES
