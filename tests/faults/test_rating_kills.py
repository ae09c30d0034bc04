"""A short storm over two workers, killed at every seam; and the same checks on what is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.rating.support.carriers import cdr
from tests.support.storm.checks import Found
from tests.support.storm.run import BATCHES, OUTSIDE, Plan, Storm
from tests.support.storm.servers import make_topics_again

from contracts.topics import CDR_RECEIVED

SHORT = Plan(
    seed=1,
    records=3_000,
    kills=("rating.assigned", *BATCHES, "rating.guided-again", OUTSIDE, "rating.sealing", "rating.retried", OUTSIDE),
    batch=100,
    chance=0.25,
    seal=300,
    change_every_s=0.1,
)
MESS = {
    "nothing made good": Plan(2, 2_000, ("rating.stored",), batch=100, chance=0.3, broken="nothing made good"),
    "offset outside": Plan(3, 2_000, ("rating.emitted",), batch=100, chance=0.3, broken="offset outside"),
    "no gate": Plan(4, 10_000, batch=50, change_every_s=0.02, broken="no gate"),
    "old picture": Plan(6, 4_000, batch=50, change_every_s=0.02, broken="old picture"),
    "no second look": Plan(5, 6_000, batch=50, copies=0.6, broken="no second look"),
}
NOTICED = {
    "nothing made good": "stored, but told otherwise or not at all",
    "offset outside": "told twice",
    "no gate": "calls that are not what their number's holder says",
    "old picture": "calls judged by an old picture",
    "no second look": "record ids kept twice or not at all",
}


async def test_a_short_storm_does_no_harm(storm_of: Callable[[Plan], Storm]) -> None:
    """R1, R3, B5, E1: stored = distinct = told, as the holder of each number says."""
    storm = storm_of(SHORT)
    await storm.prepare()
    await storm.rage()
    print(storm.figures())
    assert set(SHORT.kills) <= {each.point for each in storm.killed}
    assert all(each.waiting for each in storm.killed)
    assert storm.fleet.complaints() == []
    assert (await Found.of(storm.fleet, storm.carrier)).findings() == []


@pytest.mark.faults
@pytest.mark.parametrize("broken", MESS)
async def test_the_same_checks_notice_what_is_broken(broken: str, storm_of: Callable[[Plan], Storm]) -> None:
    """STYLE, "Tests must be able to fail": each way to do without what holds it together leaves its mark."""
    storm = storm_of(MESS[broken])
    await storm.prepare()
    await storm.rage()
    findings = (await Found.of(storm.fleet, storm.carrier)).findings()
    print(storm.figures(), *findings, sep="\n")
    assert any(NOTICED[broken] in each for each in findings), findings


@pytest.mark.faults
async def test_a_topic_that_was_made_again_stops_the_worker(storm_of: Callable[[Plan], Storm]) -> None:
    """DESIGN "Rating at volume": its offsets are of other records; the service ends and says what to do."""
    fleet = storm_of(SHORT).fleet
    service = ["-m", "rating", "--roles", "worker"]
    fleet.run(service)
    await fleet.take([cdr("again", f"{n}", "442079460001") for n in range(12)])
    await fleet.until_stored()
    assert fleet.stop() == [0]
    await make_topics_again(fleet.kafka, CDR_RECEIVED)
    await fleet.take([cdr("again", "other", "442079460001")])
    assert fleet.ended(fleet.run(service)) == 1
    assert "the topic was made again, or this is another cluster" in fleet.told()
    assert "Point FARTHING_KAFKA at the right cluster" in fleet.told()
    assert fleet.rows("SELECT sum(position) AS stored FROM input_position") == [{"stored": 12}]
