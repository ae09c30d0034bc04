"""Held calls that are to be judged again, and who asked for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.cdr import Cdr
from rating.store.outcomes import cdr_of

RETRY_LOCK = 0x7265_7472_7920  # "retry "
Kind = Literal["number", "customer", "unpriced", "everything"]
RETRIED = ("suspended", "unpriced")
TOO_OLD = "too_old"
"""Why a call is held that could not be checked for a second copy: no change makes that good."""

_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(:lock)")
_REQUEST = text(
    """
    INSERT INTO retry_request (generation, kind, value)
    SELECT :generation, CAST(:kind AS text), value FROM unnest(CAST(:values AS text[])) AS value
    ON CONFLICT DO NOTHING
    """
)
_HELD_NUMBERS = text(
    """
    SELECT DISTINCT charged_number FROM held
    WHERE charged_number = ANY(:numbers) AND outcome = ANY(:outcomes) AND reason <> :too_old
    """
)
_NUMBERS_HELD_FOR = text(
    "SELECT DISTINCT charged_number FROM held WHERE outcome = 'suspended' AND reason = ANY(:reasons)"
)
_HELD_CUSTOMERS = text(
    "SELECT DISTINCT customer_id FROM held WHERE customer_id = ANY(:customers) AND outcome = ANY(:outcomes)"
)
_NUMBERS_OF = text("SELECT DISTINCT number FROM assignment WHERE customer_id = ANY(:customers)")
_UP_TO = text("SELECT EXISTS (SELECT FROM retry_request WHERE generation <= :generation)")
_NEXT = text(
    """
    SELECT generation, kind, value FROM retry_request
    WHERE kind = (SELECT kind FROM retry_request ORDER BY generation, kind LIMIT 1)
    ORDER BY generation, value LIMIT :limit
    """
)
_DONE = text(
    """
    DELETE FROM retry_request WHERE kind = :kind AND (generation, value) IN (
        SELECT * FROM unnest(CAST(:generations AS bigint[]), CAST(:values AS text[])))
    """
)
# What an open close charges for is left alone until the close is billed or released.
_NOT_CHARGED = "NOT EXISTS (SELECT FROM close_fallback WHERE close_fallback.usage_id = held.usage_id)"
_OF_NUMBERS = f"""
    SELECT held.* FROM held
    JOIN unnest(CAST(:values AS text[]), CAST(:generations AS bigint[])) AS asked (number, since)
      ON held.charged_number = asked.number AND held.generation < asked.since
    WHERE outcome = ANY(:outcomes) AND reason <> :too_old AND {_NOT_CHARGED}
"""
_OF_CUSTOMERS = f"""
    SELECT held.* FROM held
    JOIN unnest(CAST(:values AS bigint[]), CAST(:generations AS bigint[])) AS asked (customer, since)
      ON held.customer_id = asked.customer AND held.generation < asked.since
    WHERE outcome = ANY(:outcomes) AND reason <> :too_old AND {_NOT_CHARGED}
"""
_OLDER = f"""
    SELECT * FROM held WHERE outcome = '{{outcome}}' AND generation < :since AND reason <> :too_old AND {_NOT_CHARGED}
    ORDER BY generation, usage_id LIMIT :limit
"""
_LIMITED = "SELECT * FROM ({rows}) AS concerned ORDER BY usage_id LIMIT :limit"
_BY_KIND = {
    "number": text(_LIMITED.format(rows=_OF_NUMBERS)),
    "customer": text(_LIMITED.format(rows=_OF_CUSTOMERS)),
    "unpriced": text(_OLDER.format(outcome="unpriced")),
    "everything": text(" UNION ALL ".join(f"({_OLDER.format(outcome=each)})" for each in RETRIED) + " LIMIT :limit"),
}
_REMOVE = text("DELETE FROM held WHERE usage_id = ANY(:usage_ids)")
_UPDATED = {
    "usage_id": "usage_ids",
    "revision": "revisions",
    "outcome": "outcomes",
    "reason": "reasons",
    "detail": "details",
    "customer_id": "customers",
    "number_id": "numbers",
    "band": "bands",
}
_UPDATE = text(
    """
    UPDATE held SET outcome = told.outcome, reason = told.reason, detail = told.detail, generation = :generation,
                    customer_id = told.customer_id, number_id = told.number_id, revision = told.revision,
                    band = told.band
    FROM unnest(
        CAST(:usage_ids AS bigint[]), CAST(:revisions AS int[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]),
        CAST(:details AS text[]), CAST(:customers AS bigint[]), CAST(:numbers AS bigint[]), CAST(:bands AS text[])
    ) AS told (usage_id, revision, outcome, reason, detail, customer_id, number_id, band)
    WHERE held.usage_id = told.usage_id
    """
)


@dataclass(frozen=True, slots=True)
class Request:
    """Calls held under an older generation are to be judged again: of which number or customer, or all of them."""

    generation: int
    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A held call, as it is stored."""

    row: Mapping[str, Any]
    cdr: Cdr


async def only_one(connection: AsyncConnection) -> bool:
    """Whether this transaction is the one that works requests off."""
    return bool((await connection.execute(_ONE_AT_A_TIME, {"lock": RETRY_LOCK})).scalar_one())


async def add_requests(connection: AsyncConnection, generation: int, kind: Kind, values: Iterable[str]) -> None:
    """Ask for calls to be judged again."""
    rows = {"generation": generation, "kind": kind, "values": sorted(values)}
    await connection.execute(_REQUEST, rows)


async def held_numbers(connection: AsyncConnection, numbers: Collection[str]) -> set[str]:
    """Those of these numbers of which calls are held."""
    values = {"numbers": list(numbers), "outcomes": list(RETRIED), "too_old": TOO_OLD}
    return set((await connection.execute(_HELD_NUMBERS, values)).scalars())


async def numbers_held_for(connection: AsyncConnection, reasons: Collection[str]) -> set[str]:
    """The numbers of which calls are in suspense for one of these reasons."""
    return set((await connection.execute(_NUMBERS_HELD_FOR, {"reasons": list(reasons)})).scalars())


async def held_customers(connection: AsyncConnection, customers: Collection[int]) -> set[int]:
    """Those of these customers to whom held calls are allocated."""
    values = {"customers": list(customers), "outcomes": list(RETRIED)}
    return set((await connection.execute(_HELD_CUSTOMERS, values)).scalars())


async def numbers_of(connection: AsyncConnection, customers: Collection[int]) -> set[str]:
    """The numbers that these customers hold or held, as digits."""
    rows = await connection.execute(_NUMBERS_OF, {"customers": list(customers)})
    return set(rows.scalars())


async def requests_up_to(connection: AsyncConnection, generation: int) -> bool:
    """Whether any request of this generation or before is still to be worked off."""
    return bool((await connection.execute(_UP_TO, {"generation": generation})).scalar_one())


async def next_requests(connection: AsyncConnection, limit: int) -> list[Request]:
    """The requests to be worked off next, all of one kind."""
    return [Request(**row) for row in (await connection.execute(_NEXT, {"limit": limit})).mappings()]


async def remove_requests(connection: AsyncConnection, requests: Sequence[Request]) -> None:
    """These requests, all of one kind, are worked off."""
    values = {"generations": [each.generation for each in requests], "values": [each.value for each in requests]}
    await connection.execute(_DONE, {**values, "kind": requests[0].kind})


async def concerned(connection: AsyncConnection, requests: Sequence[Request], limit: int) -> list[Call]:
    """Calls that these requests, all of one kind, concern and that are judged under an older generation."""
    since = {each.value: each.generation for each in requests}  # the newest of each value: they come in that order
    kind = requests[0].kind
    values: dict[str, Any] = {"limit": limit, "too_old": TOO_OLD}
    if kind in ("number", "customer"):
        asked = [int(each) for each in since] if kind == "customer" else list(since)
        values |= {"values": asked, "generations": list(since.values()), "outcomes": list(RETRIED)}
    else:
        values["since"] = max(since.values())
    return [_call(row) for row in (await connection.execute(_BY_KIND[kind], values)).mappings()]


def _call(row: RowMapping) -> Call:
    return Call(dict(row), cdr_of(row))


async def remove(connection: AsyncConnection, usage_ids: Sequence[int]) -> None:
    """These calls are not held any more."""
    await connection.execute(_REMOVE, {"usage_ids": list(usage_ids)})


async def judged_again(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], generation: int) -> None:
    """Calls that stay held, as they are now."""
    columns = {plural: [row[name] for row in rows] for name, plural in _UPDATED.items()}
    await connection.execute(_UPDATE, {**columns, "generation": generation})
