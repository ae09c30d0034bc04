"""Sends the month's records in: files to rating's API, the stream to Kafka with an ordinary client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from examples.demo.driver.api import Api, DemoError, wait_until
from examples.demo.driver.screen import Step

TOPIC = "cdr.received"
CHUNK_BYTES = 1 << 20
SECONDS_A_THOUSAND_RECORDS, LEAST_SECONDS = 2.0, 300.0
"""How long is waited for records to be taken in before the demo gives up."""
FLUSH_SECONDS = 120.0
CRITICAL = 2


def patience(records: int) -> float:
    """Seconds to wait for so many records, generously."""
    return max(LEAST_SECONDS, records / 1000 * SECONDS_A_THOUSAND_RECORDS)


def upload(rating: Api, folder: Path, step: Step) -> list[int]:
    """Upload every file. Returns their ids."""
    files = json.loads((folder / "cdr-files.json").read_text(encoding="utf-8"))
    step.total(len(files))
    ids = []
    for entry in files:
        path = folder / entry["file"]
        parameters = {"source": entry["source"], "mapping": entry["mapping"], "name": path.name}
        headers = {"Content-Type": "text/csv"}
        answer = rating.post("/cdr-files", params=parameters, headers=headers, content=_chunks(path))
        ids.append(int(answer["file_id"]))
        step.advance(1)
    step.note = f"{len(ids)} files"
    return ids


def produce(kafka: str, path: Path, step: Step) -> int:
    """Send every line of the stream, in order, acknowledged by all replicas. Returns how many."""
    failures: list[str] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failures.append(str(error))

    producer = Producer({**client_settings(kafka), "enable.idempotence": True, "linger.ms": 20})
    count = 0
    with path.open("rb") as lines:
        for line in lines:
            value = line.rstrip(b"\n")
            _send(producer, value, delivered)
            count += 1
            if count % 1000 == 0:
                step.done(count)
    if producer.flush(FLUSH_SECONDS) or failures:
        raise DemoError(f"Kafka did not take all of the stream: {failures[:3] or 'no answer'}")
    step.done(count)
    return count


def _send(producer: Producer, value: bytes, delivered: Any) -> None:
    key = _key(value)
    while True:
        try:
            producer.produce(TOPIC, value, key=key, on_delivery=delivered)
        except BufferError:
            producer.poll(1.0)
        else:
            producer.poll(0)
            return


def _key(value: bytes) -> bytes | None:
    """The charged number, as the AsyncAPI page asks; none where the record has no readable one."""
    try:
        number = json.loads(value)["charged_number"]
    except (ValueError, KeyError, TypeError):
        return None
    return number.encode() if isinstance(number, str) else None


def client_settings(kafka: str) -> dict[str, Any]:
    """Failures come as errors; the client's own log would only add that the broker left when we stopped it."""
    return {"bootstrap.servers": kafka, "log_level": CRITICAL}


def wait_published(rating: Api, ids: list[int], seconds: float) -> None:
    """Wait until rating says of every file that all its rows are on the topic.

    Raises:
        DemoError: a file failed, or it took too long.
    """
    waiting = list(ids)

    def published() -> bool:
        while waiting:
            file = rating.get(f"/cdr-files/{waiting[0]}")
            if file["state"] not in ("received", "publishing", "published"):
                raise DemoError(f"rating: file {waiting[0]} is {file['state']}: {file}")
            if file["state"] != "published":
                return False
            waiting.pop(0)
        return True

    wait_until("Publishing the files", published, seconds)


def ends(kafka: str) -> dict[int, int]:
    """The end offset of each partition of the topic, as the broker says now."""
    consumer = Consumer({**client_settings(kafka), "group.id": "farthing-demo", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=30)[1]
            for number in partitions
        }
    finally:
        consumer.close()


def wait_rated(rating: Api, wanted: dict[int, int], seconds: float, step: Step) -> None:
    """Wait until rating has stored everything up to the given offsets."""
    step.total(sum(wanted.values()))

    def passed() -> bool:
        positions = {
            entry["partition"]: entry["position"]
            for entry in rating.get("/positions")["items"]
            if entry["topic"] == TOPIC
        }
        step.done(sum(min(positions.get(number, 0), end) for number, end in wanted.items()))
        return all(positions.get(number, 0) >= end for number, end in wanted.items())

    wait_until("Rating the records", passed, seconds)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
