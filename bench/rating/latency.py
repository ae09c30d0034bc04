"""From a CDR being sent to its `usage.rated` being readable, at an even pace (two workers)."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from bench.common.servers import BenchError, ended
from bench.rating.broker import Broker
from bench.rating.counting import Counter
from bench.rating.drain import workers
from bench.rating.filled import Filled
from bench.rating.options import Sizes
from bench.rating.paced import LATENCY, SENT
from bench.rating.world import World

from contracts.topics import CDR_RECEIVED, USAGE_RATED
from local_platform.processes import ChildProcess

WARM_UP_SHARE = 1 / 6
"""Of the records; the first ones are not counted: partitions have just been opened."""
_STALLS_AFTER_S = 30.0
_NS_PER_MS = 1e6


class _Told(msgspec.Struct):
    record_id: str


_decode = msgspec.json.Decoder(_Told).decode


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, of that part of the records or less."""

    cdrs: int
    per_second: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    lost: int


def measure(world: World, broker: Broker, topic_id: str, filled: Filled) -> Latency:
    """Send at a pace and read what comes of it, on a copy of the filled database."""
    sizes = filled.sizes
    with ExitStack() as stack:
        database = "latency"
        stack.enter_context(world.run_database(database))
        _skip(world, broker, database, topic_id)
        running = stack.enter_context(workers(world, broker, database, 2, beside=filled.beside))
        reader = stack.enter_context(broker.reader(USAGE_RATED, broker.ends(USAGE_RATED)))
        reader.consume(1, timeout=1)  # so that its first fetch is behind it
        folder = world.folder / "latency"
        folder.mkdir(exist_ok=True)
        sizes_told = (sizes.per_second, sizes.seconds, sizes.numbers)
        arguments = (str(folder), world.kafka.bootstrap, *map(str, sizes_told))
        sender = world.spawn("paced", "-m", "bench.rating.paced", *arguments, database=database)
        seen = _read(reader, sizes.per_second * sizes.seconds, sender)
        running.check()
        return _told(seen, _sent(folder, sender), sizes)


def _skip(world: World, broker: Broker, database: str, topic_id: str) -> None:
    """Begin behind what is on the topic already."""
    with closing(Counter(world.dsn(database))) as counter:
        counter.stand_at(CDR_RECEIVED, topic_id, broker.ends(CDR_RECEIVED))


def _read(reader: object, count: int, sender: ChildProcess) -> dict[int, int]:
    """When each record's event was read, in nanoseconds; gives up some time after the last one."""
    seen: dict[int, int] = {}
    moved = time.monotonic()
    while len(seen) < count and time.monotonic() - moved < _STALLS_AFTER_S:
        if sender.exit_code:
            raise ended(sender)
        messages = reader.consume(2_000, timeout=0.01)  # type: ignore[attr-defined]
        now = time.monotonic_ns()
        for message in messages:
            if message.error() is None:
                record_id = _decode(message.value()).record_id
                seen.setdefault(int(record_id.removeprefix(LATENCY)), now)
        if messages:
            moved = time.monotonic()
    return seen


def _sent(folder: Path, sender: ChildProcess) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if sender.wait(60):
        raise ended(sender)
    sent: np.ndarray[tuple[int], np.dtype[np.int64]] = np.load(folder / SENT)
    return sent


def _told(seen: dict[int, int], sent: np.ndarray[tuple[int], np.dtype[np.int64]], sizes: Sizes) -> Latency:
    counted = range(int(len(sent) * WARM_UP_SHARE), len(sent))
    took = np.array([seen[each] - sent[each] for each in counted if each in seen]) / _NS_PER_MS
    if not len(took):
        raise BenchError("none of the paced records came out as usage")
    p50, p95, p99, most = np.percentile(took, (50, 95, 99, 100)).tolist()
    return Latency(len(took), sizes.per_second, p50, p95, p99, most, len(sent) - len(seen))
