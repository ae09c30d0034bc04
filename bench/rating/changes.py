"""Changes of customers and numbers on the topic `customers`, at an even pace, until it is told to end.

`python -m bench.rating.changes KAFKA PER_SECOND NUMBERS CUSTOMERS`: of ten changes six are of a number's choice of
tariff, two of an assignment, two of a customer. Nothing that was to be rated becomes anything else by them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import date
from itertools import count
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from bench.rating.carrier import BUSINESS, STANDARD, number_of

from contracts.customers import AssignmentUpdated, CustomerUpdated, Markups, NumberUpdated, StatusPeriod
from contracts.topics import CUSTOMERS
from service_kit import clock
from service_kit.kafka import cloud_headers, make_producer, partition_for
from service_kit.repeating import rest

_PER_TICK_S = 0.05
_STEP = 7_919
_START = date(2020, 1, 1)
Change = NumberUpdated | AssignmentUpdated | CustomerUpdated


def change(number: int, numbers: int, customers: int) -> Change:
    """The change with a number: of one entity after another, in a version that grows from round to round."""
    number_id = 1 + number * _STEP % numbers
    # Numbers that have had two holders are left alone: their assignments are not all alike.
    number_id += number_id % 100 == 1
    version, customer_id = 2 + number // min(numbers, customers), 1 + number_id % customers
    if number % 10 < 6:
        tariff = (STANDARD, BUSINESS)[version % 2]
        return NumberUpdated(
            customer_id=customer_id,
            number_id=number_id,
            version=version,
            number=f"+{number_of(number_id)}",
            number_type="geographic",
            start=_START,
            rating=Markups(tariff=tariff),
        )
    if number % 10 < 8:
        return AssignmentUpdated(
            customer_id=customer_id,
            assignment_id=number_id,
            version=version,
            number_id=number_id,
            number=f"+{number_of(number_id)}",
            call_plan="standard",
            start=_START,
        )
    return CustomerUpdated(
        customer_id=customer_id,
        version=version,
        account_number=f"B{customer_id}",
        name="Benchmark",
        status="active",
        status_history=(StatusPeriod(status="active", effective_from=date(2019, 1, 1)),),
        rating=Markups(tariff=STANDARD),
    )


async def send(producer: AIOKafkaProducer, told: Change) -> None:
    """Hand an event to the producer, in the partition of its customer."""
    partitions = len(await producer.partitions_for(CUSTOMERS))
    headers = cloud_headers(
        id=uuid4(), type=told.event_type, source="/farthing/customers", time=clock.now(), subject=told.key()
    )
    partition = partition_for(told.customer_id, partitions)
    await producer.send(CUSTOMERS, told.model_dump_json().encode(), told.key().encode(), partition, headers=headers)


async def run(kafka: str, per_second: int, numbers: int, customers: int) -> None:
    """Send until SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    producer = make_producer(kafka=kafka, client_id="farthing-bench-changes")
    await producer.start()
    try:
        began = loop.time()
        for number in count():
            while not stop.is_set() and number >= (loop.time() - began) * per_second:
                await rest(_PER_TICK_S, stop)
            if stop.is_set():
                return
            await send(producer, change(number, numbers, customers))
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], *map(int, sys.argv[2:])))
