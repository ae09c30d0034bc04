"""Records and events: CloudEvents 1.0 in Kafka's binary mode, written and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from contracts.base import Event

Headers = list[tuple[str, bytes]]


class Undecodable(Exception):
    """A record that no attempt can ever read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Received:
    """One event as it arrived. `time` is the sender's business time; `topic` is the shared topic, also on a retry."""

    id: UUID
    type: str
    topic: str
    partition: int
    offset: int
    event: Event
    key: str = ""
    source: str = ""
    time: datetime | None = None
    record: ConsumerRecord[Any, Any] | None = field(default=None, repr=False, compare=False)


def cloud_headers(*, id: UUID, type: str, source: str, time: datetime, subject: str) -> Headers:
    """The headers of an event (CloudEvents Kafka binding 1.0, binary mode). `source` is `/farthing/<service>`."""
    return [
        ("ce_id", str(id).encode()),
        ("ce_type", type.encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
        ("ce_specversion", b"1.0"),
        ("ce_subject", subject.encode()),
        ("content-type", b"application/json"),
    ]


def header_text(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers as text; bytes that are not UTF-8 are shown escaped, a header without value is empty."""
    return {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in headers}


def read_record(record: ConsumerRecord[Any, Any], topic: str, types: Mapping[str, type[Event]]) -> Received | None:
    """Read a record as one of these event types.

    Args:
        record: as aiokafka gives it.
        topic: the shared topic that the record belongs to (the record itself may come from a retry topic).
        types: event type to class; records of other types are None, as are tombstones.

    Raises:
        Undecodable: it has no type or id, or its value does not fit its contract.
    """
    headers = header_text(record.headers)
    if record.value is None:
        return None
    if not headers.get("ce_type") or not headers.get("ce_id"):
        raise Undecodable("the headers ce_type and ce_id are required (CloudEvents, binary mode)")
    kind = types.get(headers["ce_type"])
    if kind is None:
        return None
    return Received(
        id=_event_id(headers),
        type=headers["ce_type"],
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        event=_event(kind, record.value),
        key=(record.key or b"").decode("utf-8", "backslashreplace"),
        source=headers.get("ce_source", ""),
        time=_time(headers.get("ce_time", "")),
        record=record,
    )


def _event(kind: type[Event], value: bytes) -> Event:
    try:
        return kind.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "value"
        raise Undecodable(f"not a {kind.event_type}: {where}: {first['msg']} ({error.error_count()} errors)") from error


def _event_id(headers: Mapping[str, str]) -> UUID:
    """The event's id; another sender's id that is no UUID is mapped to one, always the same."""
    try:
        return UUID(headers["ce_id"])
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{headers.get('ce_source', '')}#{headers['ce_id']}")


def _time(text: str) -> datetime | None:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told.astimezone(UTC) if told.tzinfo else None
