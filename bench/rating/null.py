"""The null pipeline: rating's worker without rating. `python -m bench.rating.null --roles worker`.

It fetches the same records in the same way, and stores and sends what was recorded of them: the same rows by COPY into
the same table, the same events, in the same transactions, with the same positions. It decodes, checks, judges and
counts nothing, and keeps no record ids: what is left is what no rating engine on this Kafka and this Postgres can save.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from aiokafka import TopicPartition
from bench.rating.recording import Recorded, events_of_all, frame_of_all, load_recorded

from contracts.topics import CDR_RECEIVED
from rating.config import RatingSettings
from rating.domain.segments import leaf_of
from rating.main import SCHEMA_REVISION, app
from rating.service.storing import Events, Piece
from rating.store import gate, outcomes, positions
from rating.worker import Worker
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

    async def _open(self, partitions: Sequence[TopicPartition]) -> None:
        for tp in partitions:
            if tp.topic == CDR_RECEIVED and tp not in self._recorded:
                gc.disable()
                self._recorded[tp] = await asyncio.to_thread(load_recorded, self._folder, tp.partition)
                gc.freeze()
                gc.enable()
        await super()._open(partitions)

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        given = list(partitions)
        await super()._give_up(given)
        for tp in given:
            self._recorded.pop(tp, None)

    async def _store(self, pieces: Mapping[TopicPartition, Piece]) -> Events:
        known = [(self._recorded[tp], each.position.position, each.next_offset) for tp, each in pieces.items()]
        slots = {each.position.slot: each.next_offset for each in pieces.values()}
        async with transaction() as tx:
            await outcomes.copy_usage(tx.connection, frame_of_all(known), self._leaf)
            await positions.advance(tx.connection, slots)
        return events_of_all(known)


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
