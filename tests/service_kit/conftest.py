"""Fixtures of service_kit's tests: a bound toy database, a topic of the test's own, and toys in other processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.service_kit import toy
from tests.support.platform import unique

from service_kit.database import Database, bind
from service_kit.kafka import create_topics

ROOT = Path(__file__).resolve().parents[2]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.05)


@pytest.fixture
async def database(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """This process bound to a fresh database with the toy's tables."""
    monkeypatch.setenv("FARTHING_POSTGRES_TOY", empty_database)
    database = bind(empty_database)
    await toy.create_tables()
    yield database
    await database.close()


@pytest.fixture
async def topic(kafka_broker: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic of this test's own, in the table and in Kafka."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka_broker)
    name = unique("toy")
    await create_topics([toy.own_topic(name)])
    return name


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts toys in processes of their own; ends them with the test."""
    children: list[subprocess.Popen[str]] = []

    def start(role: str, topic: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.service_kit.toy", role, topic]
        child = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.terminate()
        child.communicate(timeout=30)
