"""The long storm: 300,000 records, two workers killed at every seam and from outside, servers crashed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.support.seeds import seeds
from tests.support.storm.checks import Found
from tests.support.storm.run import BATCHES, EVERYWHERE, MOVES, OUTSIDE, Plan, Storm


def plan_of(seed: int) -> Plan:
    """Every seam twice or more, a quarter from outside, in an order of the seed's."""
    kills = [*EVERYWHERE, *EVERYWHERE, *BATCHES, *MOVES, *[OUTSIDE] * 12]
    random.Random(seed).shuffle(kills)
    return Plan(seed, 300_000, kills, outages={10: "postgres", 20: "kafka", 30: "postgres"})


@pytest.mark.faults
@pytest.mark.parametrize("seed", seeds(1))
async def test_a_long_storm_does_no_harm(seed: int, storm_of: Callable[[Plan], Storm]) -> None:
    """R1, R3, B5, E1: stored = distinct = told to a read-committed reader, as the holder of each number says."""
    plan = plan_of(seed)
    storm = storm_of(plan)
    await storm.prepare()
    await storm.rage()
    print(storm.figures())
    assert Counter(each.point for each in storm.killed) >= Counter(plan.kills)
    assert len(storm.killed) >= 40
    assert all(each.waiting for each in storm.killed), "a worker that was killed had nothing to do"
    went_on = [before.stored < after.stored for before, after in pairwise(storm.killed)]
    assert sum(went_on) >= len(went_on) / 2, "most of the time nothing was stored between two kills"
    assert storm.fleet.complaints() == []
    assert (await Found.of(storm.fleet, storm.carrier)).findings() == []
