"""What goes of an erased customer, and what is counted of it (SPEC C17, R3). Each returns how many rows it took away.

`usage` and `held` are found by customer and local day, which are indexed: a step takes whole days, up to about `rows`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

_LEAVE = tuple(
    text(f"UPDATE {table} SET {what}, changed_in = :generation WHERE customer_id = ANY(:customers)")
    for table, what in (
        ("assignment", "removed = true"),
        ("number", "removed = true, rating = '{}'"),
        ("customer", "status_history = '[]', rating = '{}'"),
    )
)
_COUNT = """
    INSERT INTO outcome_erased AS kept (source, received_on, outcome, reason, records, charge_micro)
    SELECT source, received_on, outcome, reason, count(*), sum(charge_micro) FROM gone
    GROUP BY source, received_on, outcome, reason ORDER BY source, received_on, outcome, reason
    ON CONFLICT (source, received_on, outcome, reason) DO UPDATE
    SET records = kept.records + excluded.records, charge_micro = kept.charge_micro + excluded.charge_micro
    RETURNING 1
"""
"""Records that were received stay counted: `gone` says what they were."""


def _day_after(table: str) -> str:
    return f"SELECT local_date FROM {table} WHERE customer_id = :customer_id ORDER BY local_date OFFSET :rows LIMIT 1"


def _erase(table: str, outcome: str, reason: str, charge: str) -> str:
    """Take a customer's calls up to a day, with the second copies that came of them."""
    return f"""
        WITH taken AS (
            DELETE FROM {table} WHERE customer_id = :customer_id AND local_date <= :day
            RETURNING usage_id, source, received_on, {outcome} AS outcome, {reason} AS reason, {charge} AS charge_micro
        ), copies AS (
            DELETE FROM duplicate USING taken WHERE first_usage_id = taken.usage_id
            RETURNING duplicate.source, duplicate.received_on, 'duplicate',
                      CASE WHEN conflict THEN 'conflict' ELSE '' END, 0
        ), gone AS (
            SELECT source, received_on, outcome, reason, charge_micro FROM taken UNION ALL SELECT * FROM copies
        ), counted AS ({_COUNT})
        SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM counted)
    """


_USAGE_DAY, _HELD_DAY = text(_day_after("usage")), text(_day_after("held"))
_ERASE_USAGE = text(_erase("usage", "'rated'", "''", "charge_micro"))
_ERASE_HELD = text(_erase("held", "outcome", "reason", "0"))
# Of whom a number was on a day: the last who held it from then or before. Nobody's calls were theirs then.
_THEIRS = """
    (SELECT a.customer_id FROM assignment AS a
     WHERE a.number = {number} AND a.start_date <= {day} AND (NOT a.removed OR a.customer_id = :customer_id)
     ORDER BY a.start_date DESC, a.assignment_id DESC LIMIT 1) = :customer_id
"""
_ERASE_SUSPENDED = text(
    f"""
    WITH gone AS (
        DELETE FROM held WHERE usage_id IN (
            SELECT usage_id FROM held
            JOIN (SELECT DISTINCT number FROM assignment WHERE customer_id = :customer_id) AS n
              ON held.charged_number = n.number
            WHERE held.customer_id IS NULL AND {_THEIRS.format(number="n.number", day="held.local_date")} LIMIT :rows)
        RETURNING source, received_on, outcome, reason, 0 AS charge_micro
    ), counted AS ({_COUNT})
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM counted)
    """
)
# What could not be read is kept as it came: it is theirs where it says that one of their numbers is charged.
_ERASE_REJECTED = text(
    f"""
    WITH gone AS (
        DELETE FROM rejected WHERE usage_id IN (
            SELECT usage_id FROM rejected
            CROSS JOIN LATERAL (
                SELECT (regexp_match(encode(raw, 'escape'), '"charged_number" *: *"([^"]+)"'))[1] AS number) AS told
            JOIN (SELECT DISTINCT number FROM assignment WHERE customer_id = :customer_id) AS n
              ON length(n.number) >= 9 AND right(regexp_replace(told.number, '[^0-9]', '', 'g'), 9) = right(n.number, 9)
            WHERE {_THEIRS.format(number="n.number", day="rejected.received_on")} LIMIT :rows)
        RETURNING source, received_on, 'rejected' AS outcome, reason, 0 AS charge_micro
    ), counted AS ({_COUNT})
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM counted)
    """
)
_REMOVE = """
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {theirs} LIMIT :rows))
"""
_OF_CLOSES = "close_id IN (SELECT close_id FROM usage_close WHERE customer_id = :customer_id)"
_FORGOTTEN = text(
    """
    UPDATE holders_forgotten SET generation = greatest(generation, changed_in)
    FROM (SELECT max(changed_in) AS changed_in FROM assignment WHERE customer_id = :customer_id) AS theirs
    WHERE changed_in IS NOT NULL RETURNING generation
    """
)
_FORGET_FILES = text(
    """
    DELETE FROM cdr_file_chunk WHERE (file_id, number) IN (
        SELECT file_id, number FROM cdr_file_chunk JOIN cdr_file USING (file_id)
        WHERE state = 'published' AND published_at < :before LIMIT :rows)
    """
)


async def leave(connection: AsyncConnection, customers: Collection[int], generation: int) -> None:
    """From this generation on no call is these customers'; the numbers stay until what was held of them is found."""
    for statement in _LEAVE:
        await connection.execute(statement, {"customers": list(customers), "generation": generation})


async def usage(connection: AsyncConnection, customer_id: int, rows: int) -> int:
    """Take calls that were charged away."""
    day = await connection.scalar(_USAGE_DAY, {"customer_id": customer_id, "rows": rows})
    return await _gone(connection, _ERASE_USAGE, customer_id=customer_id, day=day or date.max)


async def held(connection: AsyncConnection, customer_id: int, rows: int) -> int:
    """Take calls away that are held for the customer."""
    day = await connection.scalar(_HELD_DAY, {"customer_id": customer_id, "rows": rows})
    return await _gone(connection, _ERASE_HELD, customer_id=customer_id, day=day or date.max)


async def suspended(connection: AsyncConnection, customer_id: int, rows: int) -> int:
    """Take calls away that are held for nobody, of numbers that the customer held last."""
    return await _gone(connection, _ERASE_SUSPENDED, customer_id=customer_id, rows=rows)


async def rejected(connection: AsyncConnection, customer_id: int, rows: int) -> int:
    """Take records away that could not be read and say that a number of theirs is charged. Reads all records."""
    return await _gone(connection, _ERASE_REJECTED, customer_id=customer_id, rows=rows)


async def _gone(connection: AsyncConnection, statement: TextClause, **values: object) -> int:
    return int((await connection.execute(statement, values)).one()[0])


async def of_customer(connection: AsyncConnection, table: str, customer_id: int, rows: int) -> int:
    """Take rows of a table away that has a customer id, and is not `usage` or `held`."""
    return await _removed(connection, table, "customer_id = :customer_id", customer_id, rows)


async def note_forgotten(connection: AsyncConnection, customer_id: int) -> bool:
    """Let who has not read yet that the customer's numbers left read everything. Returns whether there are any."""
    return (await connection.execute(_FORGOTTEN, {"customer_id": customer_id})).rowcount > 0


async def of_closes(connection: AsyncConnection, table: str, customer_id: int, rows: int) -> int:
    """Take rows of a table away that belong to the customer's closes."""
    return await _removed(connection, table, _OF_CLOSES, customer_id, rows)


async def retries(connection: AsyncConnection, customer_id: int, rows: int) -> int:
    """Take requests away to judge calls of the customer's numbers again."""
    numbers = "kind = 'number' AND value IN (SELECT number FROM assignment WHERE customer_id = :customer_id)"
    return await _removed(connection, "retry_request", numbers, customer_id, rows)


async def _removed(connection: AsyncConnection, table: str, theirs: str, customer_id: int, rows: int) -> int:
    statement = text(_REMOVE.format(table=table, theirs=theirs))
    return (await connection.execute(statement, {"customer_id": customer_id, "rows": rows})).rowcount


async def forget_files(connection: AsyncConnection, now: datetime, kept: timedelta, rows: int) -> int:
    """Take the contents of files away that were published so long ago; what they were, and their hashes, stay."""
    return (await connection.execute(_FORGET_FILES, {"before": now - kept, "rows": rows})).rowcount
