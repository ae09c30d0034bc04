"""Processes that take billed usage off its bill are killed at every step; what is given back is given back once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.rating.integration.closing_world import World, call, rows, told
from tests.rating.integration.hands import OTHER, OURS, work_off
from tests.rating.integration.test_adjusting import drop, findings
from tests.rating.support.fleet import Fleet
from tests.support.auditor import usage as audited

from contracts.closing import UsageAdjusted
from rating.store.positions import Position
from service_kit.database import bound

NUMBERS, CALLS, WITHIN_S = 30, 900, 120.0


@pytest.fixture
def fleet(kafka: str, partition: Position, tmp_path: Path) -> Iterator[Fleet]:
    """Processes on the database of this test."""
    dsn = bound().engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    made = Fleet(kafka, dsn, tmp_path / "processes.log")
    yield made
    made.kill()


async def done() -> bool:
    """Whether nothing is left to be guided again."""
    return not await rows("SELECT * FROM reguide_request")


async def test_killed_at_every_step_it_gives_back_once(kafka: str, fleet: Fleet) -> None:
    """Z9, B1: two processes side by side, one killed at least; sums, lines and calls are exact."""
    await work_off()
    world = World(kafka)
    digits = [f"4420794610{index:02}" for index in range(NUMBERS)]
    calls = [
        call(1, date(2025, 1, 20), 1_001 + index, charged_number=digits[index % NUMBERS], usage_id=index + 1)
        for index in range(CALLS)
    ]
    await world.store(calls)
    for close in await world.close(1):
        await world.bill(close)
    await drop()
    killed, deadline = 0, time.monotonic() + WITHIN_S
    while not await done():
        assert time.monotonic() < deadline, fleet.told()
        while len(fleet.running) < 2:
            chance = 0.25 if killed else 1
            fleet.start("", ROLES="guide", GUIDED="180", FARTHING_CRASH_POINTS=f"rating.guided-again={chance}")
        ended = [process for process in fleet.running if process.poll() is not None]
        killed += sum(fleet.killed(process) for process in ended)
        await asyncio.sleep(0.05)
    assert killed >= 1
    fleet.kill()
    (adjusted,) = await told(UsageAdjusted)
    given_back = Decimal(sum(each["charge_micro"] for each in calls)).scaleb(-6) + 2 * Decimal("0.12")
    assert adjusted.totals.net_exact == -given_back
    expected = {**{"+" + each: CALLS // NUMBERS for each in digits}, "+" + OURS: 1, "+" + OTHER: 1}
    assert {line.number: line.calls for line in adjusted.lines} == expected
    assert await findings(without=audited.COUNTS_ARE_THE_RECORDS) == []  # `World.store` counts nothing
