"""A filled world: the database that every run begins with, and the load on `cdr.received`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.common.report import Report
from bench.rating import old, tables
from bench.rating.broker import Broker
from bench.rating.carrier import Carrier
from bench.rating.drain import SEALER
from bench.rating.load import Generator, Load, send_all
from bench.rating.options import Sizes
from bench.rating.world import World

from contracts.topics import CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from rating.service.keeping import SEAL_KEYS
from service_kit.database import bind

_LEAST_SHARE = 0.5
"""Of what a seal takes; a smaller load seals nothing."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What is to be worked off."""

    carrier: Carrier
    load: Load

    @property
    def sizes(self) -> Sizes:
        """The sizes."""
        return self.carrier.sizes

    @property
    def beside(self) -> tuple[tuple[str, ...], ...]:
        """What runs beside the workers: who seals, if the load is large enough for that."""
        return (SEALER,) if _begun(SEAL_KEYS, self.sizes.cdrs) else ()


def fill(world: World, broker: Broker, sizes: Sizes, seed: int, report: Report) -> Filled:
    """Make the database and the topics anew, and fill them."""
    carrier = Carrier(sizes, seed)
    with report.step("making the load"):
        load = Generator(carrier).load(sizes.load)
    _make_topics(world, broker, sizes.partitions)
    with report.step("filling the tables"):
        database = world.make_database()
        tables.fill_reference(database, carrier)
    with report.step("filling record ids and usage"):
        asyncio.run(_fill_history(database, carrier, load))
        tables.finish(database)
    with report.step("sending the load"):
        send_all(load, world.kafka.bootstrap)
    return Filled(carrier, load)


def _make_topics(world: World, broker: Broker, partitions: int) -> None:
    broker.delete_topics(CDR_RECEIVED, USAGE_RATED, USAGE_EXCEPTIONS)
    if partitions:
        broker.make_topic(CDR_RECEIVED, partitions)
    world.make_topics()


async def _fill_history(database: str, carrier: Carrier, load: Load) -> None:
    bound = bind(database)
    sizes = carrier.sizes
    try:
        blocks = min(sizes.old, _begun(SEAL_KEYS, sizes.cdrs))
        await old.fill_keys(sizes.old, blocks=blocks, come_again=load.old)
        await tables.fill_usage(database, carrier, open_rows=_begun(tables.SEAL_ROWS, sizes.cdrs))
    finally:
        await bound.close()


def _begun(seal: int, cdrs: int) -> int:
    """How much of a seal is there already when a run begins.

    In the long run as much is sealed as comes in. So that this holds for a single run too, it begins with what makes
    the first seal fall into its middle.
    """
    return 0 if cdrs < seal * _LEAST_SHARE else max(seal - cdrs // 2, seal // 2)
