"""Rating's part in billing runs, with the other services, the stream and the roles played by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from contracts.base import Event
from contracts.billing import BillingRunRequested
from contracts.closing import UsageCloseBilled, UsageClosed, UsageCloseReleased, UsageCloseRequested
from contracts.customers import ReferenceRunMarker, RunMarker
from contracts.events import EVENTS
from contracts.topics import MAX_PART_LINES
from rating.service.closes import answer_next, take_in_closing
from rating.service.cuts import note_markers, take_cut, take_in_runs
from rating.store import gate
from service_kit.database import reading, transaction
from service_kit.kafka import Received

PARTITIONS = 2
NUMBER = "442079460001"
_USAGE = text(
    """
    INSERT INTO usage (
        usage_id, revision, customer_id, number_id, call_class, destination, band, tariff, prefix, step, billed_seconds,
        charge_micro, cost_micro, source, record_id, charged_number, other_party, direction, service_type, started,
        local_date, seconds, units, volume_bytes, currency, received_on, generation)
    SELECT usage_id, 1, customer_id, number_id, call_class, 'Leeds', band, 'standard', '44113', 1, seconds,
           charge_micro, cost_micro, 'northstar', CAST(usage_id AS text), charged_number, '441134960000', 'outbound',
           'voice', started, local_date, seconds, 0, 0, 'GBP', local_date, :generation
    FROM jsonb_to_recordset(CAST(:calls AS jsonb)) AS call (
        usage_id bigint, customer_id bigint, number_id bigint, call_class text, band text, charge_micro bigint,
        cost_micro bigint, charged_number text, started timestamptz, local_date date, seconds bigint)
    """
)


def received(*events: Event) -> list[Received]:
    """These events as they would arrive, each with an id of its own."""
    return [
        Received(id=uuid4(), type=event.event_type, topic=event.topic, partition=0, offset=offset, event=event)
        for offset, event in enumerate(events)
    ]


def requested(run_id: int, bill_to: date) -> BillingRunRequested:
    """The run as invoicing tells of it."""
    return BillingRunRequested(
        run_id=run_id, version=2, state="requested", bill_to=bill_to, invoice_date=bill_to, customers=(1,)
    )


def markers(run_id: int) -> list[RunMarker]:
    """All markers of a run."""
    kinds = {"customers": RunMarker, "reference": ReferenceRunMarker}
    return [
        kind(run_id=run_id, marked_topic=topic, partition=partition, partitions=PARTITIONS)  # type: ignore[arg-type]
        for topic, kind in kinds.items()
        for partition in range(PARTITIONS)
    ]


def call(customer_id: int = 1, day: date = date(2025, 1, 10), micro: int = 123_456, **other: Any) -> dict[str, Any]:
    """A priced call; a usage id is given when it is stored."""
    usual = {
        "customer_id": customer_id,
        "number_id": customer_id * 10,
        "call_class": "National",
        "band": "peak",
        "charge_micro": micro,
        "cost_micro": 1_000,
        "charged_number": NUMBER,
        "started": datetime.combine(day, time(12), UTC),
        "local_date": day,
        "seconds": 60,
    }
    return {**usual, **other}


class World:
    """Plays whoever rating hears from; every step is one use case of rating."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self._usage_ids = itertools.count(1)

    async def store(self, calls: Iterable[dict[str, Any]]) -> list[int]:
        """Store calls as a worker does, under the gate. Returns their usage ids."""
        rows = [{"usage_id": next(self._usage_ids), **each} for each in calls]
        async with transaction() as tx:
            generation = await gate.pass_shared(tx.connection)
            await tx.connection.execute(_USAGE, {"calls": json.dumps(rows, default=str), "generation": generation})
        return [row["usage_id"] for row in rows]

    async def mark(self, events: Sequence[Event]) -> None:
        """The read model's consumer meets these markers."""
        async with transaction() as tx:
            await note_markers(tx, events)

    async def stand_at_ends(self, run_id: int) -> None:
        """The workers have stored all input up to the ends that the cut noted."""
        ends = (await rows("SELECT ends FROM cut WHERE run_id = :run_id", run_id=run_id))[0]["ends"]
        for topic, partitions in ends.items():
            for partition, end in partitions.items():
                await put_position(topic, int(partition), end)

    async def cut(self, run_id: int, bill_to: date = date(2025, 1, 31)) -> None:
        """A run that is requested and cut."""
        await take_in_runs(received(requested(run_id, bill_to)), self.kafka)
        await self.mark(markers(run_id))
        await self.stand_at_ends(run_id)
        assert await take_cut(run_id)

    async def ask(self, run_id: int, customers: Sequence[int] = (1,), bill_to: date = date(2025, 1, 31)) -> None:
        """Invoicing asks for closes."""
        whole = {"run_id": run_id, "bill_to": bill_to, "partition": 0, "part": 1, "parts": 1}
        for start in range(0, len(customers), MAX_PART_LINES):
            members = tuple(customers[start : start + MAX_PART_LINES])
            await self.hear(UsageCloseRequested(customers=members, **whole))

    async def hear(self, *events: Event) -> None:
        """Events of `usage.closing` arrive."""
        await take_in_closing(received(*events))

    async def answer(self) -> None:
        """The closer answers until nothing is left."""
        while await answer_next():
            pass

    async def close(
        self, run_id: int, customers: Sequence[int] = (1,), bill_to: date = date(2025, 1, 31)
    ) -> list[UsageClosed]:
        """A whole run, up to rating's answers. Returns what it answered."""
        await self.cut(run_id, bill_to)
        await self.ask(run_id, customers, bill_to)
        await self.answer()
        return await self.closed(run_id)

    async def bill(self, *closes: UsageClosed) -> None:
        """Invoicing bills these closes."""
        await self.hear(
            *(
                UsageCloseBilled(
                    customer_id=each.customer_id, run_id=each.run_id, close_id=each.close_id, invoice_id=each.close_id
                )
                for each in closes
            )
        )

    async def release(self, *closes: UsageClosed) -> None:
        """Invoicing releases these closes."""
        await self.hear(
            *(
                UsageCloseReleased(customer_id=each.customer_id, run_id=each.run_id, close_id=each.close_id)
                for each in closes
            )
        )

    async def closed(self, run_id: int) -> list[UsageClosed]:
        """What rating answered for a run, in the order of its sending."""
        return [each for each in await told(UsageClosed) if each.run_id == run_id]


async def told(kind: type[Event]) -> list[Any]:
    """The events of a type in the outbox, in their order."""
    found = await rows("SELECT type, payload FROM outbox WHERE type = :type ORDER BY seq", type=kind.event_type)
    return [EVENTS[row["type"]].model_validate(row["payload"]) for row in found]


async def rows(statement: str, **values: Any) -> list[dict[str, Any]]:
    """What a query gives, as dicts."""
    async with reading() as connection:
        return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


async def put_position(topic: str, partition: int, position: int, topic_id: str = "one") -> None:
    """A worker's stored position."""
    statement = text(
        """
        INSERT INTO input_position (topic, topic_id, partition, position)
        VALUES (:topic, :topic_id, :partition, :position)
        ON CONFLICT (topic, partition, topic_id) DO UPDATE SET position = excluded.position
        """
    )
    values = {"topic": topic, "topic_id": topic_id, "partition": partition, "position": position}
    async with transaction() as tx:
        await tx.connection.execute(statement, values)
