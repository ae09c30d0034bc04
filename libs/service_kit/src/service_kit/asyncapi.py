"""The AsyncAPI document of a service: what it sends and receives, complete enough to build on without asking (SPEC E1).

FastStream generates servers and schemas from a broker that has the service's subscribers and publishers. It leaves out
headers, Kafka bindings and what an outbox sends, and describes a batch as one message; these parts are written here,
from contracts' table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from inspect import getdoc
from operator import or_
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse
from faststream.kafka import KafkaBroker
from faststream.specification.asyncapi import AsyncAPI

from contracts.base import Event
from contracts.topics import BY_NAME
from service_kit.asyncapi_page import page
from service_kit.kafka.subscriptions import Subscription

JsonObject = dict[str, Any]
_BINDING = "0.4.0"
_HEADERS: JsonObject = {
    "type": "object",
    "required": ["ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion", "ce_subject", "content-type"],
    "properties": {
        "ce_id": {"type": "string", "format": "uuid", "description": "The event's id: drop one seen before."},
        "ce_type": {"type": "string", "description": "The event type; pass over those you do not know."},
        "ce_source": {
            "type": "string",
            "examples": ["/farthing/customers"],
            "description": "The service that sent it.",
        },
        "ce_time": {"type": "string", "format": "date-time", "description": "Business time, UTC."},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_subject": {"type": "string", "description": "What it is about."},
        "content-type": {"type": "string", "const": "application/json"},
    },
}

_READING = (
    "Some senders use Kafka transactions: read with isolation level read_committed. Records come at least once each;"
    " the header ce_id tells a second copy."
)


@dataclass(frozen=True)
class Documented:
    """What the document of a service is made from."""

    service: str
    title: str
    description: str
    servers: str
    sends: Sequence[type[Event]]
    receives: Sequence[Subscription]


def document(what: Documented) -> JsonObject:
    """The AsyncAPI 3.0 document, ready for JSON."""
    told: JsonObject = (
        AsyncAPI(_broker(what), title=what.title, version="1", description=what.description, schema_version="3.0.0")
        .to_specification()
        .to_jsonable()
    )
    received = [kind for each in what.receives for kind in each.types]
    events = _once([*what.sends, *received])
    told["channels"] = {topic: _channel(topic, kinds) for topic, kinds in _by_topic(events).items()}
    told["operations"] = {**_send_operations(what), **_receive_operations(what)}
    told["components"]["messages"] = {kind.event_type: _message(kind) for kind in events}
    told["components"]["schemas"] = {
        name: schema for name, schema in told["components"]["schemas"].items() if ":" not in name
    }
    return told


def router(make: Callable[[], Documented]) -> APIRouter:
    """The open routes /asyncapi (a page) and /asyncapi.json; the document is made when it is first asked for."""
    routes = APIRouter(tags=["operations"])
    made: list[JsonObject] = []

    def told() -> JsonObject:
        if not made:
            made.append(document(make()))
        return made[0]

    @routes.get("/asyncapi.json", summary="What this service sends and receives (AsyncAPI 3.0)")
    def as_json() -> JSONResponse:
        return JSONResponse(told())

    @routes.get("/asyncapi", summary="The same as a page", response_class=HTMLResponse)
    def as_page() -> HTMLResponse:
        return HTMLResponse(page(told()))

    return routes


def _broker(what: Documented) -> KafkaBroker:
    """A broker for FastStream to describe; it is never started."""
    broker = KafkaBroker(what.servers.split(","), description="Kafka, CloudEvents 1.0 in binary mode")
    for kind in what.sends:
        broker.publisher(kind.topic, title=f"{kind.event_type}:", schema=kind)
    for index, each in enumerate(what.receives):
        if each.types:
            broker.subscriber(each.topic, group_id=each.group, title=f"{index}:")(_typed_handler(each.types))
    return broker


def _typed_handler(types: Iterable[type[Event]]) -> Callable[..., Any]:
    async def handle(event: Any) -> None:
        """Only its annotation is read."""

    handle.__annotations__ = {"event": reduce(or_, types), "return": None}
    return handle


def _once(kinds: Iterable[type[Event]]) -> list[type[Event]]:
    return list({kind.event_type: kind for kind in kinds}.values())


def _by_topic(kinds: Iterable[type[Event]]) -> dict[str, list[type[Event]]]:
    topics: dict[str, list[type[Event]]] = {}
    for kind in kinds:
        topics.setdefault(kind.topic, []).append(kind)
    return topics


def _channel(name: str, kinds: list[type[Event]]) -> JsonObject:
    topic = BY_NAME[name]
    kept, settings = "the last record of each key, for ever", JsonObject({"cleanup.policy": ["compact"]})
    if topic.retention is not None:
        kept = f"records for {topic.retention.days} days"
        settings = {"cleanup.policy": ["delete"], "retention.ms": int(topic.retention.total_seconds() * 1000)}
    return {
        "address": name,
        "description": f"Keyed by {topic.key}. Keeps {kept}. {_READING}",
        "messages": {kind.event_type: {"$ref": f"#/components/messages/{kind.event_type}"} for kind in kinds},
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": topic.partitions,
                "topicConfiguration": settings,
                "bindingVersion": _BINDING,
            }
        },
    }


def _message(kind: type[Event]) -> JsonObject:
    return {
        "name": kind.event_type,
        "title": kind.__name__,
        "summary": (getdoc(kind) or "").split("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"{BY_NAME[kind.topic].key}, as UTF-8 text"},
                "bindingVersion": _BINDING,
            }
        },
    }


def _send_operations(what: Documented) -> JsonObject:
    return {
        f"send-{topic}": _operation("send", topic, kinds, f"{what.service} sends to {topic}")
        for topic, kinds in _by_topic(what.sends).items()
    }


def _receive_operations(what: Documented) -> JsonObject:
    operations = {}
    for each in what.receives:
        told = _operation("receive", each.topic, list(each.types), f"{what.service} reads {each.topic}")
        told["bindings"] = {"kafka": {"groupId": {"type": "string", "const": each.group}, "bindingVersion": _BINDING}}
        operations[f"receive-{each.topic}-{each.group}"] = told
    return operations


def _operation(action: str, topic: str, kinds: list[type[Event]], summary: str) -> JsonObject:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{topic}/messages/{kind.event_type}"} for kind in kinds],
    }
