"""Who is charged for which call, and what was told of it, while numbers and customers change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import text
from tests.rating.support.carriers import assignment, number, tell

from rating.service.guiding_again import guide_again_next
from rating.service.retrying import retry_next
from rating.service.storing import Piece, store_batch
from rating.store.positions import Position
from service_kit.database import reading

OURS, OTHER = "442079460001", "442079460002"


async def store(at: Position, values: Sequence[bytes]) -> Position:
    """Store records from the position on."""
    end = at.position + len(values)
    await store_batch([Piece(at, [at.position + index for index in range(len(values))], values, end)])
    return replace(at, position=end)


async def work_off() -> None:
    """What the role `retry` does, until there is nothing left that can be done."""
    while await guide_again_next(batch=2) or await retry_next():
        pass


async def rows(statement: str) -> list[dict[str, Any]]:
    """Rows of the database."""
    async with reading() as connection:
        return [dict(row) for row in (await connection.execute(text(statement))).mappings()]


async def charged() -> dict[str, int]:
    """Who is charged for each call."""
    found = await rows("SELECT record_id, customer_id FROM usage ORDER BY record_id")
    return {row["record_id"]: row["customer_id"] for row in found}


async def told() -> list[tuple[str, int, str]]:
    """Type, revision and reason or charge of the events that the outbox holds about calls."""
    found = await rows(
        "SELECT type, payload FROM outbox WHERE type LIKE 'usage.%' ORDER BY payload -> 'revision', type"
    )
    return [(row["type"], row["payload"]["revision"], row["payload"].get("reason", "")) for row in found]


async def counted() -> dict[tuple[str, str], tuple[int, int]]:
    """Records and charges by outcome and reason."""
    found = await rows(
        "SELECT outcome, reason, sum(records)::int AS records, sum(charge_micro)::int AS charge FROM outcome_count"
        " GROUP BY 1, 2 HAVING sum(records) <> 0"
    )
    return {(row["outcome"], row["reason"]): (row["records"], row["charge"]) for row in found}


MOVED = date(2025, 1, 15)


async def move_ours(*, customer_id: int = 2) -> None:
    """Customer 2 holds the number from 15 January on."""
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 14)))
    await tell(number(3, customer_id, OURS), assignment(3, customer_id, OURS, start=MOVED))
