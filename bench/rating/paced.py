"""Sends CDRs at an even pace. `python -m bench.rating.paced FOLDER KAFKA PER_SECOND SECONDS NUMBERS`.

Record ids are the numbers 0, 1, 2 ... behind `LATENCY`; `sent.npy` in the folder has when each was given to the
producer, on the clock that all processes of a machine share.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from bench.rating.carrier import number_of
from bench.rating.load import SOURCES
from confluent_kafka import Producer

from contracts.topics import CDR_RECEIVED
from service_kit import clock
from service_kit.kafka import partition_for

LATENCY = "latency-"
SENT = "sent.npy"
_TICK_S = 0.01
_encode = msgspec.json.Encoder().encode


def messages(count: int, numbers: int, partitions: int) -> list[tuple[bytes, bytes, int]]:
    """Key, value and partition of each record; made beforehand, so that sending is all that is done in time."""
    start = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    made = []
    for each in range(count):
        number = f"+{number_of(1 + each * 7_919 % numbers)}"
        record = {
            "source": SOURCES[0],
            "record_id": f"{LATENCY}{each}",
            "charged_number": number,
            "other_party": f"+4416329601{each % 100:02d}",
            "start": start,
            "duration_seconds": 1 + each % 600,
            "cdr_cost": "0.0123",
        }
        made.append((number.encode(), _encode(record), partition_for(number, partitions)))
    return made


def send(producer: Any, made: list[tuple[bytes, bytes, int]], per_second: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Send messages at a pace; what is late is sent as soon as it can be. Returns when each was, in nanoseconds."""
    sent = np.zeros(len(made), dtype=np.int64)
    began, done = time.monotonic(), 0
    while done < len(made):
        due = min(len(made), int((time.monotonic() - began) * per_second))
        for place in range(done, due):
            key, value, partition = made[place]
            sent[place] = time.monotonic_ns()
            producer.produce(CDR_RECEIVED, value, key, partition)
        done = due
        producer.poll(0)
        time.sleep(_TICK_S)
    producer.flush(30)
    return sent


def main(arguments: list[str]) -> None:
    """Send, and write down when."""
    folder, kafka = Path(arguments[0]), arguments[1]
    per_second, seconds, numbers = map(int, arguments[2:])
    settings = {"bootstrap.servers": kafka, "acks": "all", "enable.idempotence": True, "linger.ms": 2}
    producer = Producer({**settings, "compression.type": "lz4", "log_level": 2})
    partitions = len(producer.list_topics(CDR_RECEIVED, timeout=15).topics[CDR_RECEIVED].partitions)
    made = messages(per_second * seconds, numbers, partitions)
    np.save(folder / SENT, send(producer, made, per_second))


if __name__ == "__main__":
    main(sys.argv[1:])
