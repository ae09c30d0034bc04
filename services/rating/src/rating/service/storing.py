"""Storing a batch of one input partition: every record's outcome, the position and the events, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rating.domain.cdr import Cdr
from rating.domain.judging import Held, Rated, judge
from rating.domain.picture import Picture
from rating.events import Encoded, held_event, packed, rated_event, rejected_event
from rating.intake import Read, Unread, read
from rating.service.pictures import pictures
from rating.store import gate, outcomes, positions
from rating.store.outcomes import Key
from rating.store.positions import Position
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point

SLOT_SHIFT = 48
"""A usage id is the slot of its input partition, and below it the record's offset."""
REVISION = 1


class WrongPosition(Exception):
    """Another process stored for this partition meanwhile: what was read is to be read again."""


class ForeignTopic(Exception):
    """The topic is not the one that this database has been reading; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it was read from the topic."""

    offset: int
    value: bytes | None


@dataclass(slots=True)
class Outcomes:
    """The rows and events of a batch."""

    usage: list[tuple[Any, ...]] = field(default_factory=list)
    held: list[tuple[Any, ...]] = field(default_factory=list)
    duplicates: list[tuple[Any, ...]] = field(default_factory=list)
    rejected: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[Encoded] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, read: usage id and CDR of those that are one, usage id and reason of the others."""

    calls: list[tuple[int, Read]]
    unread: list[tuple[int, Unread]]
    raw: dict[int, bytes]


async def open_partition(topic: str, topic_id: str, partition: int, end: int) -> Position:
    """Where a partition stands, when a worker is given it.

    Args:
        end: the partition's end offset now.

    Raises:
        ForeignTopic: this database has read another topic of that name, or more than the topic holds.
    """
    async with reading() as connection:
        foreign = await positions.foreign_ids(connection, topic, topic_id)
    if foreign:
        raise ForeignTopic(
            f"topic {topic} has the id {topic_id}, but this database has been reading {', '.join(foreign)}: the topic "
            "was made again, or this is another cluster. Nothing is read from it, for its records cannot be told from "
            "those stored. Point FARTHING_KAFKA at the right cluster; if the topic was made again on purpose, remove "
            "the old rows of input_position once their offsets are of no use."
        )
    async with transaction() as tx:
        position = await positions.open_position(tx.connection, topic, topic_id, partition)
    if end < position.position:
        raise ForeignTopic(
            f"{topic} partition {partition} ends at {end}, but {position.position} records of it are stored: the topic "
            "was cut short or restored from an older copy. Nothing is read from it until that is put right."
        )
    return position


async def store_batch(position: Position, records: Sequence[Raw], next_offset: int) -> list[Encoded]:
    """Judge and store records, move the position to `next_offset`, keep the events.

    Args:
        position: of the partition; its `position` is the first offset of the batch.
        records: in the order of their offsets, none before the position.
        next_offset: the offset after the last one, which may be a gap of aborted transactions.

    Returns: the events, to be sent in this order.

    Raises:
        WrongPosition: the stored position is another; nothing was stored.
    """
    batch = _read(position.slot, records)
    picture = pictures.latest
    judged_in, judgements = picture.generation, _judge(batch, picture)
    async with transaction() as tx:
        generation = await gate.pass_shared(tx.connection)
        if generation != judged_in:
            judgements = _judge(batch, await pictures.at(tx.connection, generation))
        if await positions.lock_position(tx.connection, position.slot) != position.position:
            raise WrongPosition(f"slot {position.slot} does not stand at {position.position} any more")
        stored = await _outcomes(tx, batch, judgements, generation)
        await outcomes.add_usage(tx.connection, stored.usage)
        await outcomes.add_held(tx.connection, stored.held)
        await outcomes.add_duplicates(tx.connection, stored.duplicates)
        await outcomes.add_rejected(tx.connection, stored.rejected)
        crash_point("rating.copied")
        await positions.advance(
            tx.connection,
            position.slot,
            events_from=position.position,
            position=next_offset,
            events=packed(stored.events),
        )
    crash_point("rating.stored")
    return stored.events


def _read(slot: int, records: Sequence[Raw]) -> Batch:
    calls: list[tuple[int, Read]] = []
    unread: list[tuple[int, Unread]] = []
    raw: dict[int, bytes] = {}
    for record in records:
        usage_id = (slot << SLOT_SHIFT) + record.offset
        told = read(record.value)
        if isinstance(told, Read):
            calls.append((usage_id, told))
            raw[usage_id] = record.value or b""
        else:
            unread.append((usage_id, told))
    return Batch(calls, unread, raw)


def _judge(batch: Batch, picture: Picture) -> list[Rated | Held]:
    return [judge(told.cdr, picture) for _, told in batch.calls]


async def _outcomes(tx: Transaction, batch: Batch, judgements: Sequence[Rated | Held], generation: int) -> Outcomes:
    """SPEC Z22: rejected, then duplicate, then as judged."""
    now, received_on = clock.now(), clock.today()
    stored = Outcomes()
    for usage_id, unread in batch.unread:
        stored.rejected.append(_rejected_row(usage_id, unread, received_on))
        stored.events.append(rejected_event(usage_id, unread, received_on, now))
    first = await _first_copies(tx, batch, received_on, stored)
    for (usage_id, told), judgement in zip(batch.calls, judgements, strict=True):
        if usage_id not in first:
            continue
        if isinstance(judgement, Rated):
            row = outcomes.usage_row(usage_id, REVISION, judgement, told.cdr, received_on, generation)
            stored.usage.append(row)
            stored.events.append(rated_event(usage_id, judgement, told.cdr, now))
        else:
            stored.held.append(outcomes.held_row(usage_id, REVISION, judgement, told.cdr, received_on, generation))
            stored.events.append(held_event(usage_id, judgement, told.cdr, received_on, now))
    return stored


def _rejected_row(usage_id: int, unread: Unread, received_on: date) -> tuple[Any, ...]:
    return (
        usage_id,
        unread.source,
        unread.record_id,
        unread.reason,
        unread.field,
        unread.detail,
        unread.raw,
        unread.file_id,
        unread.file_row,
        received_on,
    )


async def _first_copies(tx: Transaction, batch: Batch, received_on: date, stored: Outcomes) -> set[int]:
    """SPEC R1, Z21: claim the record ids; those that somebody has, here or elsewhere, become duplicates.

    Returns: the usage ids of the records that are the first of their id.
    """
    in_batch: dict[tuple[str, str], Key] = {}
    keys = [_key(usage_id, told.cdr, told.content) for usage_id, told in batch.calls]
    for key in keys:
        in_batch.setdefault((key.source, key.record_id), key)
    claimed = await outcomes.claim(tx.connection, list(in_batch.values()), received_on) if in_batch else set()
    again = [key for key in keys if key.usage_id not in claimed]
    held_by = await outcomes.holders(tx.connection, again) if again else {}
    for key in again:
        first_usage_id, content = held_by[key.source, key.record_id]
        stored.duplicates.append(
            (
                key.usage_id,
                key.source,
                key.record_id,
                first_usage_id,
                content != key.content,
                batch.raw[key.usage_id],
                received_on,
            )
        )
    return claimed


def _key(usage_id: int, cdr: Cdr, content: bytes) -> Key:
    return Key(cdr.source, cdr.record_id, usage_id, content)
