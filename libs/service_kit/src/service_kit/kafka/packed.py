"""Batches whose records the sender has laid out itself, for who sends them by the hundred thousand."""

from __future__ import annotations

from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy

LARGEST_PACKED_BYTES = 900_000
"""Records of one batch before they are compressed; brokers refuse 1,048,588."""
_MAGIC = 2


class PackedBatch(BatchBuilder):  # type: ignore[misc]
    """A batch for `AIOKafkaProducer.send_batch` of a transactional producer, compressed as `make_producer` does it.

    aiokafka's own builder takes records one by one, which costs more than rating them. Its producer asks a batch for
    no more than what is defined here; a test sends one through a broker and reads it again.
    """

    def __init__(self, records: bytes | memoryview, count: int, timestamp_ms: int) -> None:
        """
        Args:
            records: in Kafka's format of records (version 2), with offsets 0, 1 ... and no time behind `timestamp_ms`.
            count: how many they are, one at least.
            timestamp_ms: of all of them, milliseconds since 1970.
        """
        codec = DefaultRecordBatch.CODEC_LZ4
        super().__init__(LARGEST_PACKED_BYTES, codec, is_transactional=True)
        packed = _DefaultRecordBatchBuilderPy(_MAGIC, codec, True, -1, -1, 0, LARGEST_PACKED_BYTES)
        packed._buffer += records
        packed._num_records, packed._last_offset = count, count - 1
        packed._first_timestamp = packed._max_timestamp = timestamp_ms
        self._builder: Any = packed
        self._relative_offset = count
        self.close()

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._builder.set_producer_state(producer_id, producer_epoch, base_sequence)
