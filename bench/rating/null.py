"""The null pipeline: rating's worker without rating. `python -m bench.rating.null --roles worker`.

It fetches the same records in the same way, and stores and sends what was recorded of them: the same rows by COPY into
the same table, the same events, in the same transactions, with the same position. It decodes, checks, judges and
counts nothing, and keeps no record ids: what is left is what no rating engine on this Kafka and this Postgres can save.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from aiokafka import ConsumerRecord, TopicPartition
from bench.rating.recording import Recorded, load_recorded

from contracts.topics import CDR_RECEIVED
from rating.config import RatingSettings
from rating.domain.segments import leaf_of
from rating.main import SCHEMA_REVISION, app
from rating.store import gate, outcomes, positions
from rating.worker import Partition, Worker
from service_kit.database import reading, transaction
from service_kit.host import Service, run

RECORDING = "FARTHING_BENCH_RECORDING"
"""The folder of what was recorded."""


class NullWorker(Worker):
    """A worker that knows beforehand what comes of each record."""

    def __init__(self, settings: RatingSettings, folder: Path, leaf: str) -> None:
        super().__init__(settings)
        self._folder, self._leaf = folder, leaf
        self._recorded: dict[TopicPartition, Recorded] = {}

    async def _open(self, tp: TopicPartition) -> None:
        if tp.topic == CDR_RECEIVED and tp not in self._recorded:
            gc.disable()
            self._recorded[tp] = await asyncio.to_thread(load_recorded, self._folder, tp.partition)
            gc.freeze()
            gc.enable()
        await super()._open(tp)

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        given = list(partitions)
        await super()._give_up(given)
        for tp in given:
            self._recorded.pop(tp, None)

    async def _batch(self, mine: Partition, records: Sequence[ConsumerRecord], next_offset: int) -> None:  # noqa: ARG002
        recorded = self._recorded[mine.tp]
        began = mine.position.position
        async with transaction() as tx:
            await outcomes.copy_usage(tx.connection, recorded.frame(began, next_offset), self._leaf)
            await positions.advance(tx.connection, mine.position.slot, events_from=began, position=next_offset)
        await self._send(mine, recorded.events(began, next_offset), next_offset)
        mine.position = replace(mine.position, position=next_offset, events_from=began)


async def worker(stop: asyncio.Event) -> None:
    """The role."""
    async with reading() as connection:
        leaf = leaf_of(await gate.generation(connection))
    await NullWorker(RatingSettings(), Path(os.environ[RECORDING]), leaf).run(stop)


def main() -> None:
    """Host the role as rating does."""
    run(Service("rating", RatingSettings, SCHEMA_REVISION, app, workers={"worker": worker}))


if __name__ == "__main__":
    main()
