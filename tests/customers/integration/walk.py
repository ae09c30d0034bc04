"""The walk through the customers API that its OpenAPI examples are: sent to a real service, compared, or recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi.openapi.utils import get_openapi
from tests.support.running import Running, running

import customers
from customers.main import app
from service_kit import clock
from service_kit.openapi import HEADERS, JSON, Answered, Example, operations, read_examples

FOLDER = Path(customers.__file__).parent / "examples"
SERVICES = ("customers", "rating", "invoicing", "notifications")
SCOPES = ("customers:read", "customers:write", "customers:erase", "reference:read", "reference:write")
AT = "2026-02-02T09:00:00+00:00"
"""When the walk takes place."""


@contextmanager
def on_that_day(dsn: str, folder: Path) -> Iterator[Running]:
    """A new installation in a process of its own, on the day of the walk."""
    file = folder / "clock.json"
    clock.freeze(datetime.fromisoformat(AT), file=file)
    urls = {f"FARTHING_{name.upper()}_URL": f"https://{name}.example" for name in SERVICES}
    environment = {"FARTHING_POSTGRES_CUSTOMERS": dsn, "FARTHING_CLOCK": str(file), **urls}
    with running("customers", SCOPES, folder, {**environment, "FARTHING_LOG_LEVEL": "WARNING"}) as made:
        yield made


def walk(client: httpx.Client) -> Iterator[tuple[Example, Example]]:
    """Send the examples in their order. Yields each as it is kept, and as it was answered now."""
    document = get_openapi(title="as it is without examples", version="1", routes=app().routes)
    places = {operation["operationId"]: (method, path) for method, path, operation in operations(document)}
    answered = Answered()
    for kept in read_examples(FOLDER):
        method, path = places[kept.operation]
        now = _answered(kept, _send(client, method, path, answered.sent(kept)))
        assert now.status < 400, f"{now.operation}, {now.summary}: {now.status} {now.answer}"
        answered.keep(now)
        yield kept, now


def _send(client: httpx.Client, method: str, path: str, example: Example) -> httpx.Response:
    headers = dict(example.headers)
    content = None
    if example.body is not None:
        headers["Content-Type"] = example.body_type
        content = json.dumps(example.body) if example.body_type == JSON else example.body
    url = path.format(**example.path)
    return client.request(method, url, params=dict(example.query), headers=headers, content=content)


def _answered(example: Example, answer: httpx.Response) -> Example:
    media_type = answer.headers.get("content-type", JSON).partition(";")[0]
    return replace(
        example,
        status=answer.status_code,
        answer=answer.json()
        if "json" in media_type and answer.content and "ndjson" not in media_type
        else answer.text or None,
        answer_type=media_type,
        answer_headers={name: answer.headers[name] for name in HEADERS if name in answer.headers},
    )


def record(pairs: list[tuple[Example, Example]]) -> None:
    """Write the answers into the files of the walk."""
    answers = iter(pairs)
    for file in sorted(FOLDER.glob("*.json")):
        written = [_written(next(answers)[1]) for _ in json.loads(file.read_text())]
        file.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


def _written(example: Example) -> dict[str, Any]:
    usual = asdict(Example("", ""))
    return {name: value for name, value in asdict(example).items() if value != usual[name]}
