"""A close of a customer with very many numbers: in parts, none of which waits for the others in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from tests.rating.integration.closing_world import World, call

from contracts.base import Event
from contracts.closing import UsageClosed
from contracts.topics import MAX_PART_LINES
from service_kit.database import Transaction, bind

NUMBERS = 21_001
MOST_LINES = 5 * MAX_PART_LINES


@pytest.fixture
async def world(kafka: str, service_database: Callable[[str], str]) -> AsyncIterator[World]:
    database = bind(service_database("rating"))
    yield World(kafka)
    await database.close()


async def test_a_close_of_very_many_lines_is_told_piece_by_piece(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """I4: memory does not grow with a customer's numbers: what is made is written before more is read."""
    written: list[int] = []
    publish_many = Transaction.publish_many

    async def noted(self: Transaction, events: Iterable[Event], *, partition: int | None = None) -> object:
        told = list(events)
        written.append(sum(len(each.lines) for each in told if isinstance(each, UsageClosed)))
        return await publish_many(self, told, partition=partition)

    monkeypatch.setattr(Transaction, "publish_many", noted)
    await world.store(
        call(1, number_id=index + 1, charged_number=f"4420{79_460_000 + index}") for index in range(NUMBERS)
    )
    parts = await world.close(1)
    assert [each.part for each in parts] == list(range(1, 12))
    assert {each.parts for each in parts} == {11}
    assert {line.number_id for each in parts for line in each.lines} == set(range(1, NUMBERS + 1))
    assert {each.totals.calls for each in parts} == {NUMBERS}
    assert sum(written) == NUMBERS
    assert max(written) <= MOST_LINES
