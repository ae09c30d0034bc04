"""What must hold after a storm: every record once, as its number's holder says, stored and told alike."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from tests.rating.support.fleet import Fleet
from tests.support.storm.carrier import Carrier, Outcome

from contracts.topics import CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from service_kit.kafka import end_offsets, make_consumer

GROUP = "rating"
SLOT_SHIFT = 48
SHOWN = 5
"""Examples of a finding; there may be thousands."""
TABLES = ("usage", "held", "duplicate", "rejected")
Row = dict[str, Any]


@dataclass
class Read:
    """A record of a topic as a read-committed consumer got it."""

    partition: int
    offset: int
    event_id: str
    type: str
    value: bytes

    @cached_property
    def told(self) -> Row:
        """The value of an event."""
        return dict(json.loads(self.value))


async def read_all(kafka: str, topic: str) -> list[Read]:
    """All committed records of a topic, in the order of each partition."""
    ends = await end_offsets(topic, kafka=kafka)
    consumer = make_consumer(group=None, kafka=kafka)
    consumer.assign([TopicPartition(topic, partition) for partition in ends])
    await consumer.start()
    found: list[Read] = []
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                found += [_read(record) for record in records]
            reached = {tp.partition: await consumer.position(tp) for tp in consumer.assignment()}
            if all(reached[partition] >= end for partition, end in ends.items()):
                return found
    finally:
        await consumer.stop()


async def _committed(kafka: str) -> dict[int, int]:
    """How far each partition is read, as the worker's group says."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(GROUP)
    finally:
        await admin.close()
    return {tp.partition: each.offset for tp, each in offsets.items() if tp.topic == CDR_RECEIVED}


def _read(record: Any) -> Read:
    headers = dict(record.headers)
    event_id, kind = (headers.get(name, b"").decode() for name in ("ce_id", "ce_type"))
    return Read(record.partition, record.offset, event_id, kind, record.value or b"")


@dataclass
class Found:
    """What a storm left behind, in the database and on the topics."""

    carrier: Carrier
    messages: dict[int, bytes]
    tables: dict[str, list[Row]]
    counts: list[Row]
    events: list[Read]
    stands: dict[int, int]
    committed: dict[int, int]

    @classmethod
    async def of(cls, fleet: Fleet, carrier: Carrier) -> Found:
        """Read everything; the workers have ended."""
        slots = fleet.rows("SELECT partition, slot FROM input_position WHERE topic = 'cdr.received'")
        slot = {row["partition"]: row["slot"] for row in slots}
        messages = {
            (slot.get(each.partition, 0) << SLOT_SHIFT) + each.offset: each.value
            for each in await read_all(fleet.kafka, CDR_RECEIVED)
        }
        events = [each for topic in (USAGE_RATED, USAGE_EXCEPTIONS) for each in await read_all(fleet.kafka, topic)]
        tables = {table: fleet.rows(f"SELECT * FROM {table}") for table in TABLES}
        counts = fleet.rows(
            "SELECT outcome, reason, sum(records)::bigint AS records, sum(charge_micro)::bigint AS charge_micro"
            " FROM outcome_count GROUP BY outcome, reason"
        )
        return cls(carrier, messages, tables, counts, events, fleet.positions(), await _committed(fleet.kafka))

    @cached_property
    def calls(self) -> dict[int, Row]:
        """The records that rating can read, by usage id."""
        read = ((usage_id, _call(value)) for usage_id, value in self.messages.items())
        return {usage_id: call for usage_id, call in read if call is not None}

    def findings(self) -> list[str]:
        """What does not hold; nothing after a storm that did no harm."""
        checks = {
            "records without an outcome, or with two": self._outcomes(),
            "record ids kept twice or not at all": self._record_ids(),
            "calls that are not what their number's holder says": self._judged(),
            "calls judged by an old picture": self._old_pictures(),
            "copies of something else": self._copies(),
            "counts that are not those of the tables": self._counts(),
            "partitions whose offset is not where the database stands": self._offsets(),
            "told twice": self._told_twice(),
            "stored, but told otherwise or not at all": self._told(),
            "customers whose sums differ": self._sums(),
        }
        listed = {name: [str(each) for each in found] for name, found in checks.items()}
        return [f"{len(found)} {name}: {'; '.join(found[:SHOWN])}" for name, found in listed.items() if found]

    def _outcomes(self) -> Iterator[object]:
        """Stored = distinct: each record of the topic is in one table, and nothing else is."""
        seen = Counter(row["usage_id"] for rows in self.tables.values() for row in rows)
        yield from (usage_id for usage_id in self.messages if seen[usage_id] != 1)
        yield from (usage_id for usage_id in seen if usage_id not in self.messages)

    def _kept(self) -> Iterator[tuple[str, Row]]:
        return ((table, row) for table in ("usage", "held") for row in self.tables[table])

    def _record_ids(self) -> Iterator[object]:
        sent = {call["record_id"] for call in self.calls.values()}
        kept = Counter(row["record_id"] for _, row in self._kept())
        yield from (record_id for record_id in sent | kept.keys() if kept[record_id] != 1 or record_id not in sent)

    def _judged(self) -> Iterator[object]:
        for table, row in self._kept():
            call = self.calls.get(row["usage_id"])
            if call is None or _stored(table, row) != self.carrier.outcome(call):
                yield row["usage_id"], _stored(table, row), call

    def _old_pictures(self) -> Iterator[object]:
        """Whoever stored a call under a generation knew all that was said up to that one."""
        for table, row in self._kept():
            call = self.calls.get(row["usage_id"])
            if call is None or _stored(table, row) != self.carrier.outcome(call, row["generation"]):
                yield row["usage_id"], row["generation"], _stored(table, row)

    def _copies(self) -> Iterator[object]:
        first = {row["record_id"]: row["usage_id"] for _, row in self._kept()}
        for row in self.tables["duplicate"]:
            usage_id, kept = row["usage_id"], first.get(row["record_id"])
            copy, call = (self.calls.get(each or 0) for each in (usage_id, kept))
            if row["first_usage_id"] != kept or row["conflict"] != (copy != call):
                yield usage_id, kept

    def _counts(self) -> Iterator[object]:
        stored: Counter[tuple[str, str]] = Counter()
        charged = sum(row["charge_micro"] for row in self.tables["usage"])
        stored["rated", ""] = len(self.tables["usage"])
        stored.update((row["outcome"], row["reason"]) for row in self.tables["held"])
        stored.update(("duplicate", "conflict" if row["conflict"] else "") for row in self.tables["duplicate"])
        stored.update(("rejected", row["reason"]) for row in self.tables["rejected"])
        counted = {(row["outcome"], row["reason"]): row for row in self.counts}
        for key in stored.keys() | counted.keys():
            row = counted.get(key, {"records": 0, "charge_micro": 0})
            if (row["records"], row["charge_micro"]) != (stored[key], charged if key[0] == "rated" else 0):
                yield key, stored[key], row

    def _offsets(self) -> Iterator[object]:
        """The consumer's offset goes with the events, in one transaction of Kafka."""
        for partition in self.stands.keys() | self.committed.keys():
            if self.stands.get(partition, 0) != self.committed.get(partition, 0):
                yield partition, self.stands.get(partition), self.committed.get(partition)

    def _told_twice(self) -> Iterator[object]:
        """The workers tell once; the outbox may repeat what it told before, with the same id (SPEC B5)."""
        ids: dict[tuple[int, int], list[str]] = defaultdict(list)
        for each in self.events:
            ids[each.told["usage_id"], each.told["revision"]].append(each.event_id)
        for (usage_id, revision), event_ids in ids.items():
            if len(event_ids) > 1 and (revision == 1 or len(set(event_ids)) > 1):
                yield usage_id, revision, event_ids

    @cached_property
    def last_told(self) -> dict[int, tuple[str, Row]]:
        """By usage id, what the highest revision says."""
        last: dict[int, tuple[str, Row]] = {}
        for each in self.events:
            told = each.told
            if told["usage_id"] not in last or told["revision"] > last[told["usage_id"]][1]["revision"]:
                last[told["usage_id"]] = each.type, told
        return last

    def _told(self) -> Iterator[object]:
        last = {usage_id: _event(kind, told) for usage_id, (kind, told) in self.last_told.items()}
        stored = {row["usage_id"]: (row["revision"], _stored(table, row)) for table, row in self._kept()}
        stored |= {row["usage_id"]: (1, Outcome(reason=row["reason"])) for row in self.tables["rejected"]}
        for usage_id in last.keys() | stored.keys():
            if last.get(usage_id) != stored.get(usage_id):
                yield usage_id, "told", last.get(usage_id), "stored", stored.get(usage_id)

    def _sums(self) -> Iterator[object]:
        """What each customer pays for distinct calls: by the reference, by the tables, by the events."""
        calls = (self.calls.get(row["usage_id"]) for _, row in self._kept())
        judged = map(self.carrier.outcome, filter(None, calls))
        expected = _summed((each.customer, each.charge_micro) for each in judged)
        stored = _summed((row["customer_id"], row["charge_micro"]) for row in self.tables["usage"])
        told = _summed(
            (event["customer_id"], micro_of(event["charge"]))
            for kind, event in self.last_told.values()
            if kind == "usage.rated"
        )
        for customer in expected.keys() | stored.keys() | told.keys():
            sums = expected[customer], stored[customer], told[customer]
            if len(set(sums)) > 1:
                yield customer, sums


def micro_of(pounds: str) -> int:
    """Micro-pounds of an amount as it is written."""
    return int(Decimal(pounds) * 10**6)


def _summed(charges: Iterable[tuple[int | None, int]]) -> Counter[int]:
    sums: Counter[int] = Counter()
    for customer, micro in charges:
        if customer is not None:
            sums[customer] += micro
    return sums


def _call(value: bytes) -> Row | None:
    """A record that rating can read."""
    try:
        call = json.loads(value)
    except ValueError:
        return None
    return call if call["record_id"] else None


def _stored(table: str, row: Row) -> Outcome:
    return Outcome(row["customer_id"], row["charge_micro"]) if table == "usage" else Outcome(reason=row["reason"])


def _event(kind: str, told: Row) -> tuple[int, Outcome]:
    if kind == "usage.rated":
        return told["revision"], Outcome(told["customer_id"], micro_of(told["charge"]))
    return told["revision"], Outcome(reason=told["reason"])
