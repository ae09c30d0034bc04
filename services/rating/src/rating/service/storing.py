"""Storing a batch of some input partitions: every record's outcome and the positions, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from money.dates import add_months
from rating.batches import Outgoing, Records
from rating.config import settings
from rating.domain.calendars import EPOCH
from rating.domain.calls import Int
from rating.domain.cdr import record_of
from rating.domain.judgements import Judgements
from rating.domain.judging import judge
from rating.domain.picture import Picture
from rating.domain.recordkeys import Keys, keys_of
from rating.domain.segments import leaf_of
from rating.domain.verdicts import Held, held_rows
from rating.events import held_event_of_row, rejected_event_of_row, usage_events, usage_events_of_rows
from rating.intake import Read, read_batch
from rating.rated_calls import RatedCalls
from rating.service.keeping import Checked, Raced, ledger
from rating.service.pictures import pictures
from rating.store import counts, gate, outcomes, positions
from rating.store.frames import usage_frame
from rating.store.outcomes import Row
from rating.store.positions import Position
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point

SLOT_SHIFT = 48
"""A usage id is the slot of its input partition, and below it the record's offset."""
FIRST_REVISION = 1


class WrongPosition(Exception):
    """Another process stored for this partition meanwhile: what was read is to be read again."""


class ForeignTopic(Exception):
    """The topic is not the one that this database has been reading; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is stored together of one partition.

    Attributes:
        position: where the partition stands, as its worker has it.
        offsets, values: of the records as they were read, in the order of their offsets, none before the position.
        next_offset: the offset after the last one, which may be a gap of aborted transactions.
    """

    position: Position
    offsets: Sequence[int]
    values: Sequence[bytes | None]
    next_offset: int

    @property
    def usage_ids(self) -> Int:
        """The usage ids that its records have or would have."""
        return np.array(self.offsets, dtype=np.int64) + (self.position.slot << SLOT_SHIFT)

    @property
    def stored(self) -> Position:
        """Where the partition stands when this is stored."""
        return replace(self.position, position=self.next_offset, events_from=self.position.position)


@dataclass(frozen=True, slots=True)
class Events:
    """The records of a batch for the topics `usage.rated` and `usage.exceptions`."""

    usage: Records
    exceptions: list[Outgoing]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of some partitions, read. `usage_ids` and `keys` are of the calls, `unread_ids` of the other records."""

    read: Read
    usage_ids: Int
    keys: Keys
    unread_ids: list[int]
    values: Sequence[bytes | None]
    received_on: date


@dataclass(slots=True)
class Prepared:
    """What a batch comes to under one generation: rows to store, counts and events."""

    generation: int
    usage: bytes | None
    held: list[Row]
    duplicates: list[Row]
    rejected: list[Row]
    counts: counts.Counts
    events: Events


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


async def take_over(position: Position, worker: str) -> Position | None:
    """Have a worker work on a partition in the place of the one that `position` names, which is fenced.

    Returns: where it stands now; None where it is yet another's by now: that one is to be fenced first.
    """
    async with transaction() as tx:
        return await positions.take(tx.connection, position.slot, position.worker, worker)


async def let_go(slots: Collection[int], worker: str) -> None:
    """A worker is done with these partitions, and has told all that was stored of them."""
    async with transaction() as tx:
        await positions.let_go(tx.connection, slots, worker)


async def store_batch(pieces: Sequence[Piece]) -> Events:
    """Judge and store records, and move the positions of their partitions.

    Args:
        pieces: one at least, each of another partition.

    Returns: the events, to be sent in this order.

    Raises:
        WrongPosition: a stored position is another, or another worker's; nothing was stored.
    """
    batch = _read(pieces)
    checked = await _claim(batch)
    crash_point("rating.claimed")
    return await _store(pieces, batch, checked)


async def _claim(batch: Batch) -> Checked:
    """SPEC R1: say whose each record id is, before anything is stored; a batch that is read again finds its own."""
    while True:
        try:
            async with transaction() as tx:
                checked = await ledger.check(tx.connection, batch.keys)
                checked, claimed = await ledger.claim(tx.connection, checked, batch.received_on)
        except Raced:
            continue
        ledger.settle(claimed)
        return checked


def _read(pieces: Sequence[Piece]) -> Batch:
    values = [value for piece in pieces for value in piece.values]
    read = read_batch(values)
    ids = np.concatenate([piece.usage_ids for piece in pieces])
    keys = keys_of(read.calls, ids[read.rows], read.content, ledger.seed)
    unread_ids = [int(ids[place]) for place, _ in read.unread]
    return Batch(read, ids[read.rows], keys, unread_ids, values, clock.today())


async def _store(pieces: Sequence[Piece], batch: Batch, checked: Checked) -> Events:
    prepared = _prepare(batch, checked, await pictures.newest())
    async with transaction() as tx:
        generation = await gate.pass_shared(tx.connection)
        crash_point("rating.gate")
        if prepared.generation != generation:
            prepared = _prepare(batch, checked, await pictures.at(tx.connection, generation))
        await _lock(tx, pieces)
        await _write(tx, pieces[0].position.slot, prepared)
        crash_point("rating.copied")
        await positions.advance(tx.connection, {each.position.slot: each.next_offset for each in pieces})
    crash_point("rating.stored")
    return prepared.events


async def _lock(tx: Transaction, pieces: Sequence[Piece]) -> None:
    stored = await positions.lock_positions(tx.connection, [each.position.slot for each in pieces])
    for each in pieces:
        here, found = each.position, stored[each.position.slot]
        if (found.position, found.worker) != (here.position, here.worker):
            raise WrongPosition(f"slot {here.slot} does not stand at {here.position} with {here.worker} any more")


async def _write(tx: Transaction, slot: int, prepared: Prepared) -> None:
    """`slot` is one that this transaction has locked: nobody else counts under it meanwhile."""
    if prepared.usage is not None:
        await outcomes.copy_usage(tx.connection, prepared.usage, leaf_of(prepared.generation))
    await outcomes.add_held(tx.connection, prepared.held)
    await outcomes.add_duplicates(tx.connection, prepared.duplicates)
    await outcomes.add_rejected(tx.connection, prepared.rejected)
    await counts.add(tx.connection, slot, prepared.counts)


def _prepare(batch: Batch, checked: Checked, picture: Picture) -> Prepared:
    """SPEC Z22: rejected, then duplicate, then as judged. Never awaits, so it sees one generation from end to end."""
    calls = batch.read.calls
    judged = judge(calls, picture, oldest_day=_oldest_day(batch.received_on))
    rows = np.flatnonzero(checked.is_first & judged.is_rated)
    waiting = np.flatnonzero(checked.is_first & ~judged.is_rated)
    rated = RatedCalls(calls, judged, rows, batch.usage_ids, picture.names)
    held = held_rows(calls, judged, picture, waiting)
    waits = [_held_row(batch, told, row, picture.generation) for told, row in zip(held, waiting.tolist(), strict=True)]
    duplicates = [_duplicate_row(batch, checked, row) for row in np.flatnonzero(~checked.is_first).tolist()]
    rejected = _rejected_rows(batch)
    now = clock.now()
    return Prepared(
        generation=picture.generation,
        usage=usage_frame(rated, received_on=batch.received_on) if len(rated) else None,
        held=waits,
        duplicates=duplicates,
        rejected=rejected,
        counts=_counted(batch, judged, rows, (waits, duplicates, rejected)),
        events=Events(usage_events(rated, time=now), _exceptions(waits, rejected, now)),
    )


def _oldest_day(today: date) -> int:
    """SPEC R1: what started before is too old to check, for record ids may be forgotten."""
    return (add_months(today, -settings().record_ids_kept_months) - EPOCH).days


def _held_row(batch: Batch, told: Held, row: int, generation: int) -> Row:
    cdr, usage_id = record_of(batch.read.calls, row), int(batch.usage_ids[row])
    return outcomes.held_row(usage_id, FIRST_REVISION, told, cdr, batch.received_on, generation)


def _duplicate_row(batch: Batch, checked: Checked, row: int) -> Row:
    calls, holder = batch.read.calls, checked.holder[row]
    return {
        "usage_id": int(batch.usage_ids[row]),
        "source": calls.kinds[int(calls.kind[row])].source,
        "record_id": calls.record_ids[row],
        "first_usage_id": int(holder["usage_id"]),
        "conflict": bool(holder["content"] != checked.keys["content"][row]),
        "raw": batch.values[int(batch.read.rows[row])] or b"",
        "received_on": batch.received_on,
    }


def _rejected_rows(batch: Batch) -> list[Row]:
    told = zip(batch.unread_ids, batch.read.unread, strict=True)
    return [outcomes.rejected_row(usage_id, unread, batch.received_on) for usage_id, (_, unread) in told]


def _exceptions(held_rows: Iterable[Row], rejected: Iterable[Row], now: datetime) -> list[Outgoing]:
    of_rejected = [rejected_event_of_row(row, time=now) for row in rejected]
    return of_rejected + [held_event_of_row(row, time=now) for row in held_rows]


def _counted(
    batch: Batch, judged: Judgements, rated: Int, others: tuple[Sequence[Row], Sequence[Row], Sequence[Row]]
) -> counts.Counts:
    """SPEC R3: received is the sum of these."""
    found: counts.Counts = {}

    def add(source: str, outcome: str, reason: str, records: int = 1, charge: int = 0) -> None:
        key = (source, batch.received_on, outcome, reason)
        before = found.get(key, (0, 0))
        found[key] = (before[0] + records, before[1] + charge)

    calls = batch.read.calls
    kind, charge = calls.kind[rated], judged.charge[rated]
    for number in np.unique(kind).tolist():
        of_kind = charge[kind == number]
        add(calls.kinds[number].source, "rated", "", len(of_kind), sum(of_kind.tolist()))
    held_rows, duplicates, rejected = others
    for row in held_rows:
        add(row["source"], row["outcome"], row["reason"])
    for row in duplicates:
        add(row["source"], "duplicate", "conflict" if row["conflict"] else "")
    for row in rejected:
        add(row["source"], "rejected", row["reason"])
    return found


async def events_of(position: Position) -> Events:
    """The events of the batch that moved a position last, derived from what it stored.

    What has become something else since has been told with a higher revision; its first event is not told any more.
    """
    first, last = ((position.slot << SLOT_SHIFT) + at for at in (position.events_from, position.position - 1))
    now = clock.now()
    async with reading() as connection:
        usage = await outcomes.stored_usage(connection, first, last, FIRST_REVISION)
        held_rows = await outcomes.stored_held(connection, first, last, FIRST_REVISION)
        rejected = await outcomes.stored_rejected(connection, first, last)
    return Events(usage_events_of_rows(usage, time=now), _exceptions(held_rows, rejected, now))
