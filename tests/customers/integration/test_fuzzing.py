"""The whole API under made-up requests: whatever is sent, the answer is one of those that the document has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.customers.integration.walk import on_that_day, walk
from tests.support.fuzzing import fuzz
from tests.support.running import Running
from tests.support.seeds import seeds


@pytest.fixture
def service(service_database: Callable[[str], str], tmp_path: Path) -> Iterator[Running]:
    """The service with what the walk through its examples leaves in it."""
    with on_that_day(service_database("customers"), tmp_path) as made:
        with httpx.Client(base_url=made.url, headers=made.headers, timeout=30) as client:
            for _ in walk(client):
                pass
        yield made


def test_no_request_breaks_the_service(service: Running, tmp_path: Path) -> None:
    """DESIGN: errors say what to do, and none is ours: no 5xx, no answer that the document does not know."""
    fuzz(service, tmp_path, phases=["examples", "fuzzing"], examples=1, seed=1)
    assert "unhandled" not in service.log.read_text()


@pytest.mark.faults
@pytest.mark.parametrize("seed", seeds(1, 2))
def test_no_request_breaks_the_service_for_long(service: Running, tmp_path: Path, seed: int) -> None:
    """DESIGN: the same, with every boundary of every field, and requests that follow one another."""
    fuzz(service, tmp_path, phases=["examples", "coverage", "fuzzing", "stateful"], examples=30, seed=seed)
    assert "unhandled" not in service.log.read_text()
