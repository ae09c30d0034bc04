"""The examples of the OpenAPI document are what the service answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.customers.integration.walk import on_that_day, record, walk
from tests.support.running import Running

from service_kit.openapi import Example

RECORD = "FARTHING_RECORD_EXAMPLES"
HOW = f"after a change that is meant, record them again: {RECORD}=1 python -m pytest -k test_every_example_is_answered"


@pytest.fixture
def service(service_database: Callable[[str], str], tmp_path: Path) -> Iterator[Running]:
    """A new installation on the day of the walk."""
    with on_that_day(service_database("customers"), tmp_path) as made:
        yield made


def test_every_example_is_answered_as_it_says(service: Running) -> None:
    """DESIGN: nothing is documented that the service does not do."""
    with httpx.Client(base_url=service.url, headers=service.headers, timeout=30) as client:
        pairs = list(walk(client))
    if os.environ.get(RECORD):
        record(pairs)
        return
    changed = [_told(now) for kept, now in pairs if kept != now]
    assert not changed, f"{HOW}\n{changed}"


def _told(example: Example) -> str:
    return f"{example.operation}, {example.summary}: {example.status} {example.answer}"
