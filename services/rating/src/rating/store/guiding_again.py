"""Unbilled usage that is to be guided again, and who asked for it."""

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
_NO_OPEN_CLOSE = """
    NOT EXISTS (SELECT FROM usage_close AS open
                WHERE open.customer_id = reguide_request.customer_id AND open.state = 'closed')
"""
_UP_TO = text(f"SELECT EXISTS (SELECT FROM reguide_request WHERE generation <= :generation AND {_NO_OPEN_CLOSE})")
_NEXT = text(
    f"""
    SELECT generation, customer_id, number, from_day, after FROM reguide_request WHERE {_NO_OPEN_CLOSE}
    ORDER BY generation, customer_id, number LIMIT :limit
    """
)
_CONCERNED = text(
    """
    SELECT usage.* FROM usage
    JOIN unnest(CAST(:customers AS bigint[]), CAST(:numbers AS text[]), CAST(:days AS date[]),
                CAST(:generations AS bigint[]), CAST(:afters AS bigint[]))
         AS asked (customer_id, number, from_day, since, after)
      ON usage.customer_id = asked.customer_id AND usage.local_date >= asked.from_day
     AND usage.generation < asked.since AND usage.usage_id > asked.after
     AND (asked.number = '' OR usage.charged_number = asked.number)
    WHERE NOT EXISTS (
        SELECT FROM usage_close AS done
        WHERE done.customer_id = usage.customer_id AND done.state <> 'released'
          AND usage.generation <= done.generation AND usage.local_date <= done.bill_to)
    ORDER BY usage_id LIMIT :limit
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
    UPDATE reguide_request SET after = :after
    WHERE generation = :generation AND customer_id = :customer_id AND number = :number
    """
)
_REMOVE = text("DELETE FROM usage WHERE usage_id = ANY(:usage_ids) AND generation = ANY(:generations)")


@dataclass(frozen=True, slots=True)
class Request:
    """Usage of a customer from a local day on, stored before a generation, is to be guided again.

    `number` is the charged number's digits, empty for all of the customer's. `after` is the usage id up to which it
    is done.
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
    """Unbilled usage that these requests concern, by usage id."""
    values = {
        "customers": [each.customer_id for each in requests],
        "numbers": [each.number for each in requests],
        "days": [each.from_day for each in requests],
        "generations": [each.generation for each in requests],
        "afters": [each.after for each in requests],
        "limit": limit,
    }
    return list((await connection.execute(_CONCERNED, values)).mappings())


async def remove_requests(connection: AsyncConnection, requests: Sequence[Request]) -> None:
    """These requests are worked off."""
    values = {
        "generations": [each.generation for each in requests],
        "customers": [each.customer_id for each in requests],
        "numbers": [each.number for each in requests],
    }
    await connection.execute(_DONE, values)


async def advance(connection: AsyncConnection, request: Request, after: int) -> None:
    """A request is worked off up to this usage id."""
    values = {"generation": request.generation, "customer_id": request.customer_id, "number": request.number}
    await connection.execute(_ADVANCE, {**values, "after": after})


async def remove_usage(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
    """These calls are not charged any more; their generations say in which segments they lie."""
    values = {
        "usage_ids": [row["usage_id"] for row in rows],
        "generations": sorted({row["generation"] for row in rows}),
    }
    await connection.execute(_REMOVE, values)
