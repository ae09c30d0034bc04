"""Customer 1 with two numbers and priced calls of January, for whatever happens to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.rating.integration.hands import OTHER, OURS, store
from tests.rating.support.carriers import assignment, cdr, customer, in_february, number, tariff, tell, tell_reference

from rating.service import fallback, guiding_again, retrying, storing
from rating.service.keeping import Ledger
from rating.service.pictures import Pictures
from rating.service.storing import open_partition
from rating.store.positions import Position
from service_kit.database import bind


@pytest.fixture
async def partition(
    service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Position]:
    """Customer 1 holds two numbers since New Year, customer 2 none; calls of 10 and 20 January are priced 12p each."""
    in_february(monkeypatch, tmp_path)
    dsn = service_database("rating")
    database = bind(dsn)
    pictures = Pictures()
    for module in (storing, retrying, guiding_again, fallback):
        monkeypatch.setattr(module, "pictures", pictures)
    monkeypatch.setattr(storing, "ledger", Ledger())
    tariff(dsn, [("44", 120_000)])
    await tell_reference()
    await tell(customer(1), customer(2))
    await tell(number(1, 1, OURS), assignment(1, 1, OURS), number(2, 1, OTHER), assignment(2, 1, OTHER))
    await pictures.refresh()
    await storing.ledger.refresh()
    made = await open_partition("cdr.received", "the topic's id", 0, 10**6)
    calls = [
        cdr("a", f"{charged}/{day}", charged, start=f"2025-01-{day}T09:30:00Z")
        for charged in (OURS, OTHER)
        for day in (10, 20)
    ]
    yield await store(made, calls)
    await database.close()
