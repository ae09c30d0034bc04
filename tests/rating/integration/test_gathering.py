"""Changes of reference data that come one by one, while calls are rated."""

from __future__ import annotations

import asyncio

import pytest
from tests.rating.support.carriers import customer, received

from rating import consumers
from service_kit.database import Database


async def test_changes_that_keep_coming_are_gathered_before_they_pass_the_gate(
    rating_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN "Rating at volume": a few pass as they come, and a batch that is full; others wait for their turn."""
    monkeypatch.setattr(consumers, "PASSED_AT_ONCE", 2)
    monkeypatch.setattr(consumers, "PASSED_A_SECOND", 1 / 60)
    monkeypatch.setattr(consumers, "BATCH", 3)
    handle = consumers.handler_of_customers()
    for number in (1, 2):
        await asyncio.wait_for(handle(received([customer(number)])), 20)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(handle(received([customer(3)])), 0.3)
    await asyncio.wait_for(handle(received([customer(number) for number in (4, 5, 6)])), 20)
