"""Usage that is to be guided again, and who asked for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

GUIDING_LOCK = 0x7265_6775_6964  # "reguid"
_HOLDERS = text("SELECT DISTINCT number, customer_id FROM assignment WHERE number = ANY(:numbers)")
_REQUEST = text(
    """
    INSERT INTO reguide_request (generation, customer_id, number, from_day)
    SELECT :generation, customer_id, number, from_day
    FROM unnest(CAST(:customers AS bigint[]), CAST(:numbers AS text[]), CAST(:days AS date[]))
         AS asked (customer_id, number, from_day)
    ON CONFLICT (generation, customer_id, number)
    DO UPDATE SET from_day = least(reguide_request.from_day, excluded.from_day)
    """
)
# A customer's open close may yet be released: until then nobody can say whether its usage is billed.
CAN_BE_WORKED_OFF = """
    NOT EXISTS (SELECT FROM usage_close AS open
                WHERE open.customer_id = reguide_request.customer_id AND open.state = 'closed')
"""
_UP_TO = text(f"SELECT EXISTS (SELECT FROM reguide_request WHERE generation <= :generation AND {CAN_BE_WORKED_OFF})")
_NEXT = text(
    f"""
    SELECT generation, customer_id, number, from_day, after FROM reguide_request WHERE {CAN_BE_WORKED_OFF}
    ORDER BY generation, customer_id, number LIMIT :limit
    """
)
# In the order of the index of sealed usage, and asked for its bill only when it is chosen.
_CONCERNED = text(
    """
    SELECT usage.*, covering.close_id FROM (
        SELECT theirs.*
        FROM unnest(CAST(:customers AS bigint[]), CAST(:numbers AS text[]), CAST(:days AS date[]),
                    CAST(:afters AS bigint[])) AS asked (customer_id, number, from_day, after)
        CROSS JOIN LATERAL (
            SELECT * FROM usage
            WHERE usage.customer_id = asked.customer_id AND usage.local_date >= asked.from_day
              AND (usage.local_date > asked.from_day OR usage.usage_id > asked.after)
              AND (asked.number = '' OR usage.charged_number = asked.number)
            ORDER BY usage.local_date, usage.usage_id LIMIT :limit) AS theirs
        ORDER BY local_date, usage_id LIMIT :limit) AS usage
    LEFT JOIN LATERAL (
        SELECT close_id FROM usage_close AS done
        WHERE done.customer_id = usage.customer_id AND done.state <> 'released'
          AND usage.generation <= done.generation AND usage.local_date <= done.bill_to
        ORDER BY close_id LIMIT 1) AS covering ON true
    ORDER BY local_date, usage_id
    """
)
_DONE = text(
    """
    DELETE FROM reguide_request WHERE (generation, customer_id, number) IN (
        SELECT * FROM unnest(CAST(:generations AS bigint[]), CAST(:customers AS bigint[]), CAST(:numbers AS text[])))
    """
)
_ADVANCE = text(
    """
    UPDATE reguide_request SET from_day = :day, after = :after
    WHERE generation = :generation AND customer_id = :customer_id AND number = :number
    """
)
_SETTLED = text("SELECT customer_id FROM customer WHERE customer_id = ANY(:ids) AND dropped_by_run IS NOT NULL")
_BILLED = text("SELECT close_id FROM usage_close WHERE close_id = ANY(:ids) AND state = 'billed' FOR SHARE")
# Of the column's own type the ids are looked up by their hash; an open segment has no index to find them by.
_REMOVE = text(
    "DELETE FROM usage WHERE usage_id = ANY(CAST(:usage_ids AS bigint[])) AND generation = ANY(:generations)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """Usage of a customer from a local day on is to be guided again, for a change that made a generation.

    `number` is the charged number's digits, empty for all of the customer's. It is done for the days before
    `from_day`, and on that day up to the usage id `after`.
    """

    generation: int
    customer_id: int
    number: str
    from_day: date
    after: int = -1


async def holders_of(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, set[int]]:
    """The customers who hold, held or will hold each of these numbers, as far as is known now."""
    found: dict[str, set[int]] = {number: set() for number in numbers}
    if numbers:
        for row in await connection.execute(_HOLDERS, {"numbers": list(numbers)}):
            found[row.number].add(row.customer_id)
    return found


async def add_requests(connection: AsyncConnection, generation: int, days: Mapping[tuple[int, str], date]) -> None:
    """Ask for usage to be guided again: the first day of each (customer, number)."""
    if not days:
        return
    asked = sorted(days)
    values = {
        "generation": generation,
        "customers": [customer for customer, _ in asked],
        "numbers": [number for _, number in asked],
        "days": [days[each] for each in asked],
    }
    await connection.execute(_REQUEST, values)


async def requests_up_to(connection: AsyncConnection, generation: int) -> bool:
    """Whether a request of this generation or before can be worked off and is not yet."""
    return bool((await connection.execute(_UP_TO, {"generation": generation})).scalar_one())


async def next_requests(connection: AsyncConnection, limit: int) -> list[Request]:
    """The requests to be worked off next; none of a customer with an open close."""
    return [Request(**row) for row in (await connection.execute(_NEXT, {"limit": limit})).mappings()]


async def concerned(connection: AsyncConnection, requests: Sequence[Request], limit: int) -> list[RowMapping]:
    """Usage that these requests concern, day by day, each with the `close_id` that it is billed by, or None."""
    values = {
        "customers": [each.customer_id for each in requests],
        "numbers": [each.number for each in requests],
        "days": [each.from_day for each in requests],
        "afters": [each.after for each in requests],
        "limit": limit,
    }
    return list((await connection.execute(_CONCERNED, values)).mappings())


async def settled(connection: AsyncConnection, customers: Collection[int]) -> set[int]:
    """Those of these customers whom a billing run dropped because nothing was left (SPEC C14)."""
    return set((await connection.execute(_SETTLED, {"ids": list(customers)})).scalars())


async def still_billed(connection: AsyncConnection, closes: Collection[int]) -> bool:
    """Whether all of these closes are billed; until this transaction ends they stay so."""
    return set((await connection.execute(_BILLED, {"ids": sorted(closes)})).scalars()) == set(closes)


async def remove_requests(connection: AsyncConnection, requests: Sequence[Request]) -> None:
    """These requests are worked off."""
    values = {
        "generations": [each.generation for each in requests],
        "customers": [each.customer_id for each in requests],
        "numbers": [each.number for each in requests],
    }
    await connection.execute(_DONE, values)


async def advance(connection: AsyncConnection, request: Request, last: RowMapping) -> None:
    """A request is worked off up to this usage."""
    values = {"generation": request.generation, "customer_id": request.customer_id, "number": request.number}
    await connection.execute(_ADVANCE, {**values, "day": last["local_date"], "after": last["usage_id"]})


async def remove_usage(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
    """These calls are not charged any more; their generations say in which segments they lie."""
    values = {
        "usage_ids": [row["usage_id"] for row in rows],
        "generations": sorted({row["generation"] for row in rows}),
    }
    await connection.execute(_REMOVE, values)
