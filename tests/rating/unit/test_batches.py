"""Records of Kafka that are laid out as columns are what aiokafka's own reader takes for those that were sent."""

from __future__ import annotations

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from rating.batches import Batch, Outgoing, Records, batches_of
from rating.pieces import texts
from service_kit.kafka import LARGEST_PACKED_BYTES, PackedBatch

COMMON = [("ce_type", b"usage.rated"), ("ce_source", b"/farthing/rating")]
NOW_MS = 1_700_000_000_000
IDS = st.one_of(st.integers(1, 9), st.integers(1, 2**63 - 1))
VALUES = st.one_of(st.binary(max_size=9), st.sampled_from([b"x" * 63, b"x" * 64, b"y" * 8_192, b"z" * 70_000]))


def records_of(told: list[tuple[int, bytes]]) -> Records:
    ids = texts([b"%036d" % row for row in range(len(told))])
    customers = np.array([customer for customer, _ in told], dtype=np.int64)
    return Records(customers, texts([value for _, value in told]), ids, COMMON)


def read_again(batch: Batch) -> list[Outgoing]:
    packed = PackedBatch(batch.records, batch.count, NOW_MS)
    packed._set_producer_state(7, 1, 3)
    read = DefaultRecordBatch(bytes(packed._build()))
    assert read.validate_crc()
    assert (read.is_transactional, read.producer_id, read.producer_epoch, read.base_sequence) == (True, 7, 1, 3)
    records = list(read)
    assert [each.offset for each in records] == list(range(batch.count)) == list(range(packed.record_count()))
    assert {each.timestamp for each in records} == {NOW_MS}
    return [(each.key, each.value, list(each.headers)) for each in records]


@given(st.lists(st.tuples(IDS, VALUES), max_size=40), st.sampled_from([1, 500, 20_000, LARGEST_PACKED_BYTES]))
def test_every_record_is_in_the_batch_of_its_partition_in_order(told: list[tuple[int, bytes]], largest: int) -> None:
    """DESIGN, Events: all of one customer's events on a topic stay in order, and none is lost."""
    records = records_of(told)
    sent: dict[int, list[Outgoing]] = {0: [], 1: [], 2: []}
    for batch in batches_of(records, lambda customer: customer % 3, largest):
        sent[batch.partition] += read_again(batch)
        assert batch.count == 1 or len(batch.records) <= largest
    listed = records.listed()
    wanted = {part: [each for each in listed if int(each[0]) % 3 == part] for part in sent}
    assert sent == wanted


def test_headers_are_the_events_own_and_those_in_common() -> None:
    """E1: CloudEvents in Kafka's binary mode."""
    (batch,) = batches_of(records_of([(12, b"{}")]), lambda _: 4, LARGEST_PACKED_BYTES)
    assert batch.partition == 4
    own = [("ce_id", b"%036d" % 0), ("ce_subject", b"12")]
    assert read_again(batch) == [(b"12", b"{}", [*own, *COMMON])]
