"""A measured drain: workers take all that is on `cdr.received`, from the warm-up's last record to the last event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.common.servers import BenchError, ended
from bench.rating.broker import Broker
from bench.rating.counting import Counter
from bench.rating.processes import cpu_s, peak_mb
from bench.rating.world import World

from contracts.topics import CDR_RECEIVED
from local_platform.processes import ChildProcess

WORKER = ("-m", "rating", "--roles", "worker")
SEALER = ("-m", "rating", "--roles", "sealer")
_POLL_S = 0.02
_START_WITHIN_S = 120.0
_STALLS_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain took. `us_*` are CPU microseconds a record: of all workers, the sealer, the broker, Postgres.

    Attributes:
        cdrs: records that were timed.
        start_s: from the start of the processes until each had its picture and asked for partitions.
        peak_mb: of the largest worker.
        sealed_segments, sealed_keys: what got its indexes or was sorted meanwhile, which is in the time.
        generations: how often the gate was passed alone meanwhile.
    """

    workers: int
    cdrs: int
    seconds: float
    start_s: float
    us_worker: float
    us_sealer: float
    us_broker: float
    us_postgres: float
    peak_mb: float
    sealed_segments: int
    sealed_keys: int
    generations: int

    @property
    def per_s(self) -> float:
        """Records a second."""
        return self.cdrs / self.seconds


@dataclass(slots=True)
class Running:
    """The processes of a run. `start_s`: until all workers had their picture and asked for partitions."""

    workers: Sequence[ChildProcess]
    beside: Sequence[ChildProcess]
    start_s: float = 0.0

    def check(self) -> None:
        """Raises: BenchError: a process has ended."""
        for process in (*self.workers, *self.beside):
            if process.exit_code is not None:
                raise ended(process)


class Watch:
    """Looks on while a run is under way."""

    def __init__(self, world: World, broker: Broker, counter: Counter, running: Running) -> None:
        self._broker, self._counter, self._running = broker, counter, running
        self._pids = {"broker": _pids([world.kafka.process]), "postgres": _pids([world.postgres.process])}
        self._pids |= {"worker": _pids(running.workers), "sealer": _pids(running.beside)}
        self._partitions = broker.partitions(CDR_RECEIVED)

    def stored(self) -> int:
        """Records that are stored."""
        return self._counter.stored(CDR_RECEIVED)

    def published(self) -> int:
        """Records whose events are sent."""
        return self._broker.committed(CDR_RECEIVED, self._partitions)

    def wait(self, reached: Callable[[], int], least: int) -> int:
        """Wait until a count has reached a value; a count that stands still for long is an error. Returns it."""
        last, moved = reached(), time.monotonic()
        while last < least:
            self._running.check()
            time.sleep(_POLL_S)
            now = reached()
            if now > last:
                last, moved = now, time.monotonic()
            elif time.monotonic() - moved > _STALLS_AFTER_S:
                raise BenchError(f"the workers stand still at {last:,} of {least:,} records")
        return last

    def wait_sealed(self) -> None:
        """Wait until nothing is left that was to be sealed."""
        while self._counter.is_sealing():
            self._running.check()
            time.sleep(_POLL_S)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far."""
        return {name: sum(map(cpu_s, pids)) for name, pids in self._pids.items()}

    def drain(self, total: int, warm_up: int) -> Drained:
        """Wait until all of `total` records are stored and published, and what became due is sealed.

        The clock starts when `warm_up` records are stored since every worker has its partitions.
        """
        first = self.wait(self.stored, min(self.stored() + warm_up, total // 2))
        if first >= total:
            raise BenchError(f"all {total:,} records were stored before the clock started: take more of them")
        begin, cpu = time.monotonic(), self.cpu()
        sealed, generation = self._counter.sealed(), self._counter.generation()
        self.wait(self.stored, total)
        self.wait(self.published, total)
        if self._running.beside:
            self.wait_sealed()
        seconds = time.monotonic() - begin
        used = {name: (after - cpu[name]) * 1e6 / (total - first) for name, after in self.cpu().items()}
        segments, keys = self._counter.sealed()
        return Drained(
            workers=len(self._running.workers),
            cdrs=total - first,
            seconds=seconds,
            start_s=self._running.start_s,
            us_worker=used["worker"],
            us_sealer=used["sealer"],
            us_broker=used["broker"],
            us_postgres=used["postgres"],
            peak_mb=max(peak_mb(process.pid) for process in self._running.workers),
            sealed_segments=segments - sealed[0],
            sealed_keys=keys - sealed[1],
            generations=self._counter.generation() - generation,
        )


def _pids(processes: Sequence[ChildProcess | None]) -> list[int]:
    return [process.pid for process in processes if process is not None]


@contextmanager
def workers(
    world: World,
    broker: Broker,
    database: str,
    count: int,
    *,
    command: Sequence[str] = WORKER,
    beside: Sequence[Sequence[str]],
    ready: Callable[[], bool] = lambda: True,
    **more: str,
) -> Iterator[Running]:
    """So many workers on a database, each with partitions, and processes beside them. They are stopped in the end.

    Args:
        command: what a worker is, with `more` as variables of its own.
        ready: whether the processes beside them are at work; the workers are started then.
    """
    broker.forget_group()
    running = Running([], [world.spawn("beside", *each, database=database) for each in beside])
    try:
        begin = _wait(running, ready)
        running.workers = [world.spawn("worker", *command, database=database, **more) for _ in range(count)]
        running.start_s = _wait(running, lambda: len(broker.members()) == count) - begin
        _wait(running, lambda: all(broker.members()))
        yield running
    finally:
        world.stop_processes([*running.workers, *running.beside])


def _wait(running: Running, is_so: Callable[[], bool]) -> float:
    """Wait until something is so. Returns when it was."""
    deadline = time.monotonic() + _START_WITHIN_S
    while not is_so():
        running.check()
        if time.monotonic() > deadline:
            raise BenchError(f"the processes of the run are not at work after {_START_WITHIN_S:.0f} s")
        time.sleep(_POLL_S)
    return time.monotonic()
