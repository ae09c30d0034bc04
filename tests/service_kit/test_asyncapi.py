"""The AsyncAPI document: enough to read the events with an ordinary Kafka client."""

from __future__ import annotations

from typing import Any

from contracts import topics
from contracts.events import EVENTS, events_on
from service_kit.asyncapi import Documented, document
from service_kit.asyncapi_page import page
from service_kit.kafka import Received, Subscriptions


def _documented() -> dict[str, Any]:
    async def nothing(_: list[Received]) -> None:
        return

    subscriptions = Subscriptions("toy")
    subscriptions.on(topics.CUSTOMERS, "toy", nothing, types=events_on(topics.CUSTOMERS))
    subscriptions.read_by_worker(topics.CDR_RECEIVED, "toy.cdrs", types=events_on(topics.CDR_RECEIVED))
    sends = events_on(topics.USAGE_RATED)
    receives = [*subscriptions.declared, *subscriptions.read_elsewhere]
    return document(Documented("toy", "Toy", "Owns toys", "one:9092,two:9092", sends, receives))


def test_it_says_where_how_and_what_is_sent() -> None:
    """E1: documented; DESIGN events: completed with headers and Kafka bindings, which FastStream leaves out."""
    told = _documented()
    assert {server["host"] for server in told["servers"].values()} == {"one:9092", "two:9092"}
    channel = told["channels"]["usage.rated"]
    assert channel["bindings"]["kafka"]["partitions"] == topics.BY_NAME["usage.rated"].partitions
    assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == 30 * 86_400_000
    assert told["operations"]["send-usage.rated"]["action"] == "send"
    message = told["components"]["messages"]["usage.rated"]
    assert {"ce_id", "ce_type", "ce_source", "ce_time"} <= set(message["headers"]["properties"])
    assert "customer id" in message["bindings"]["kafka"]["key"]["description"]


def test_it_says_what_is_received_and_by_which_group() -> None:
    """E1: the readers of a topic are known."""
    told = _documented()
    assert told["operations"]["receive-customers-toy"]["bindings"]["kafka"]["groupId"]["const"] == "toy"
    assert told["operations"]["receive-cdr.received-toy.cdrs"]["action"] == "receive"
    assert set(told["channels"]["customers"]["messages"]) == {each.event_type for each in events_on("customers")}


def test_every_payload_has_its_schema_as_contracts_have_it() -> None:
    """E1: with enough in the document that a subscriber needs no call back."""
    told = _documented()
    for message in told["components"]["messages"].values():
        schema = told["components"]["schemas"][message["payload"]["$ref"].rsplit("/", 1)[1]]
        own = EVENTS[message["name"]].model_json_schema()
        assert set(schema["properties"]) == set(own["properties"])
    _follow_all(told, told)


def test_the_page_shows_every_event_and_loads_nothing() -> None:
    """DESIGN running it: works on a machine without the internet."""
    told = _documented()
    html = page(told)
    assert all(f"<code>{name}</code>" in html for name in told["components"]["messages"])
    assert "<script" not in html
    assert "http" not in html.split("<body>")[0]


def _follow_all(told: dict[str, Any], part: Any) -> None:
    """Every reference in the document leads somewhere."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            found: Any = told
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        for each in part.values():
            _follow_all(told, each)
    elif isinstance(part, list):
        for each in part:
            _follow_all(told, each)
