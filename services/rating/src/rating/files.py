"""The role `files`: rows of CDR files to `cdr.received`, each once, wherever the process is killed (SPEC R2).

A file's progress is an offset of its own consumer group, committed in the Kafka transaction of the rows that it counts
(docs/decisions/0007).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from contracts.topics import CDR_RECEIVED
from rating.config import RatingSettings
from rating.domain.mapped_rows import RowReader
from rating.domain.rows import FileRows, Lines, Record
from rating.sending import send_values
from rating.service.files import Claimed, claimed_file, finish_file, pieces_of
from rating.store.files import CdrFile
from service_kit.faults import crash_point
from service_kit.kafka import group_offsets, make_producer
from service_kit.repeating import repeat

_IDLE_S = 0.5
_ROWS_AT_ONCE = 500
"""Rows that are converted before the event loop gets its turn: some 5 ms."""
_PROGRESS = TopicPartition(CDR_RECEIVED, 0)
_encode = msgspec.json.Encoder().encode


async def files(stop: asyncio.Event) -> None:
    """The role: publishes the files that are waiting, one after another, until `stop`."""
    settings = RatingSettings()

    async def step() -> bool:
        async with claimed_file() as claimed:
            if claimed is not None:
                await Publication(claimed, settings).run(stop)
            return claimed is not None

    await repeat(step, stop, idle_s=_IDLE_S)


class Publication:
    """One file on its way to the topic."""

    def __init__(self, claimed: Claimed, settings: RatingSettings) -> None:
        self._file = claimed.file
        self._rows = FileRows(RowReader(claimed.mapping), claimed.file.source, claimed.file.file_id)
        self._kafka = settings.kafka
        self._batch_rows = settings.file_batch_rows
        self._once = identity(claimed.file)
        self._counts = {True: 0, False: 0}

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what is not published yet, and say so; returns early when asked to stop."""
        # Its start fences a producer that another process left behind, and ends that one's transaction: only then
        # is what it committed final.
        producer = make_producer(f"rating-file-{self._once}", kafka=self._kafka, client_id="farthing-rating-files")
        await producer.start()
        try:
            done = (await group_offsets(progress_group(self._once), CDR_RECEIVED, kafka=self._kafka)).get(
                _PROGRESS.partition, 0
            )
            async for last_row, records in self._batches(done):
                if stop.is_set():
                    return
                if last_row > done:
                    await self._send(producer, records, last_row)
        finally:
            await producer.stop()
        await finish_file(self._file.file_id, accepted=self._counts[True], rejected=self._counts[False])

    async def _batches(self, done: int) -> AsyncIterator[tuple[int, list[Record]]]:
        """Every row is read and counted; the records of those behind row `done` come in batches, with its last row."""
        records: list[Record] = []
        row = 0
        async for lines in self._lines():
            for line in lines:
                row += 1
                record = self._rows.record(line, row)
                if record is not None:
                    self._counts[record.accepted] += 1
                    if row > done:
                        records.append(record)
                if row % self._batch_rows == 0:
                    yield row, records
                    records = []
            await asyncio.sleep(0)
        if records:
            yield row, records

    async def _lines(self) -> AsyncIterator[Sequence[str]]:
        """The lines behind the header, some at once."""
        lines = Lines()
        header = 1
        async for piece in pieces_of(self._file.file_id):
            found = lines.feed(piece)
            for at in range(0, len(found), _ROWS_AT_ONCE):
                yield found[at + header : at + _ROWS_AT_ONCE]
                header = 0
        yield lines.end()[header:]

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Record], last_row: int) -> None:
        """Rows and the number of the last one, in one Kafka transaction."""
        async with producer.transaction():
            await send_values(producer, ((record.key, _encode(record.value)) for record in records))
            crash_point("rating.file.sending")
            await producer.send_offsets_to_transaction({_PROGRESS: last_row}, progress_group(self._once))
        crash_point("rating.file.sent")


def progress_group(once: str) -> str:
    """The consumer group whose offset is a file's progress."""
    return f"rating.file.{once}"


def identity(file: CdrFile) -> str:
    """A name for this file that no other has, not even one of another database on the same Kafka, with the same id."""
    told = f"{file.file_id} {file.sha256} {file.received_at.isoformat()}"
    return f"{file.file_id}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
