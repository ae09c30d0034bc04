"""The AsyncAPI document as a plain page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

JsonObject = Mapping[str, Any]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #d5dbe1; } h3 { margin: 1.6rem 0 .2rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; background: #f3f5f7; border-radius: 3px; padding: .05rem .3rem; }
pre { padding: .8rem; overflow: auto; } table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e6eaee; }
th { font-weight: 600; } .quiet { color: #5a6b7b; } nav a { margin-right: 1rem; } summary { cursor: pointer; }
"""


def page(document: JsonObject) -> str:
    """The whole document as one HTML page."""
    title = escape(document["info"]["title"])
    body = "".join(
        [
            f"<h1>{title}</h1><p class=quiet>{escape(document['info'].get('description', ''))}</p>",
            "<nav><a href='#sends'>Sends</a><a href='#receives'>Receives</a><a href='#headers'>Headers</a>"
            "<a href='asyncapi.json'>AsyncAPI 3.0 as JSON</a></nav>",
            _servers(document),
            _operations(document, "send", "sends", "Sends"),
            _operations(document, "receive", "receives", "Receives"),
            _headers(document),
        ]
    )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}: events</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _servers(document: JsonObject) -> str:
    hosts = ", ".join(f"<code>{escape(server['host'])}</code>" for server in document["servers"].values())
    return (
        f"<p>Kafka at {hosts}. Values are JSON in UTF-8, keys are text. Delivery is at least once: drop a "
        "<code>ce_id</code> you have seen. Fields may be added; ignore those you do not know.</p>"
    )


def _operations(document: JsonObject, action: str, anchor: str, heading: str) -> str:
    chosen = [told for told in document["operations"].values() if told["action"] == action]
    parts = "".join(_operation(document, told) for told in chosen) or "<p class=quiet>Nothing.</p>"
    return f"<h2 id={anchor}>{heading}</h2>{parts}"


def _operation(document: JsonObject, operation: JsonObject) -> str:
    channel = _follow(document, operation["channel"])
    kafka = channel["bindings"]["kafka"]
    group = operation.get("bindings", {}).get("kafka", {}).get("groupId", {}).get("const")
    reads = f" Consumer group <code>{escape(group)}</code>." if group else ""
    messages = "".join(_message(document, _follow(document, each)) for each in operation["messages"])
    return (
        f"<h3>Topic <code>{escape(channel['address'])}</code></h3>"
        f"<p>{escape(channel['description'])} {kafka['partitions']} partitions when new.{reads}</p>{messages}"
    )


def _message(document: JsonObject, message: JsonObject) -> str:
    message = _follow(document, message)
    schema = _follow(document, message["payload"])
    raw = escape(json.dumps(schema, indent=2))
    return (
        f"<details><summary><code>{escape(message['name'])}</code> {escape(message['summary'])}</summary>"
        f"<p>{escape(schema.get('description', ''))}</p><p class=quiet>Key: "
        f"{escape(message['bindings']['kafka']['key']['description'])}</p>{_fields(schema)}"
        f"<details><summary class=quiet>JSON Schema</summary><pre>{raw}</pre></details></details>"
    )


def _fields(schema: JsonObject) -> str:
    required = set(schema.get("required", ()))
    rows = (
        (name, _type(field), "yes" if name in required else "", field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    )
    return _table(("field", "type", "required", ""), rows)


def _type(field: JsonObject) -> str:
    """A field's type in a few words."""
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "const" in field:
        return json.dumps(field["const"])
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " or ".join(_type(each) for each in field[choice])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    pattern = f" {field['pattern']}" if "pattern" in field else ""
    return f"{field.get('type', 'any')}{' ' + field['format'] if 'format' in field else ''}{pattern}"


def _headers(document: JsonObject) -> str:
    messages = list(document["components"]["messages"].values())
    if not messages:
        return ""
    fields = messages[0]["headers"]["properties"].items()
    rows = ((name, _type(field), field.get("description", "")) for name, field in fields)
    return f"<h2 id=headers>Headers of every record</h2>{_table(('header', 'type', ''), rows)}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _follow(document: JsonObject, told: JsonObject) -> Any:
    """Follow a reference inside the document, as often as it leads to another."""
    while "$ref" in told:
        found: Any = document
        for step in told["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        told = found
    return told
