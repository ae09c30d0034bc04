"""How speed and cost change with one size at a time; each point begins with a world of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.common.report import Report
from bench.rating.broker import Broker
from bench.rating.filled import Filled, fill
from bench.rating.options import Options, Sizes
from bench.rating.runs import Run, Runs
from bench.rating.world import World

WORKERS = (1, 2)
PARTITIONS = (3, 6, 12, 24)
NUMBERS_TIMES = (1, 10, 30)
PREFIXES_TIMES = (1 / 30, 1 / 3, 1, 3)
STORED_TIMES = (0, 10, 50)
"""Rows of stored usage, for each CDR of the load."""
CHANGES_PER_S = (0, 100)
TAKES_CHANGES_IN = ("-m", "rating", "--roles", "consumers,retry")
_FEWEST_PREFIXES = 200


class Sweeps:
    """Measures the points of sweeps."""

    def __init__(self, world: World, broker: Broker, options: Options, report: Report) -> None:
        self._world, self._broker, self._options, self._report = world, broker, options, report
        self._filled: Filled | None = None

    def run(self) -> list[dict[str, Any]]:
        """All that were asked for: a table and a line of JSON for each point of a sweep."""
        found: list[dict[str, Any]] = []
        for name in self._options.sweeps:
            rows = list(getattr(self, f"_{name}")())
            self._report.table(rows)
            for row in rows:
                self._report.line(row)
            found += rows
        return found

    def _workers(self) -> Iterator[dict[str, Any]]:
        runs = self._runs(self._options.sizes)
        for count in WORKERS:
            yield _row("workers", count, runs.drain(count))

    def _partitions(self) -> Iterator[dict[str, Any]]:
        for count in PARTITIONS:
            yield _row("partitions", count, self._runs(replace(self._options.sizes, partitions=count)).drain(2))

    def _numbers(self) -> Iterator[dict[str, Any]]:
        for times in NUMBERS_TIMES:
            numbers = self._options.sizes.numbers * times
            yield _row("numbers", numbers, self._runs(replace(self._options.sizes, numbers=numbers)).drain(2))

    def _prefixes(self) -> Iterator[dict[str, Any]]:
        for times in PREFIXES_TIMES:
            prefixes = max(_FEWEST_PREFIXES, int(self._options.sizes.prefixes * times))
            yield _row("prefixes", prefixes, self._runs(replace(self._options.sizes, prefixes=prefixes)).drain(2))

    def _stored(self) -> Iterator[dict[str, Any]]:
        for times in STORED_TIMES:
            stored = self._options.sizes.cdrs * times
            yield _row("stored", stored, self._runs(replace(self._options.sizes, stored=stored)).drain(2))

    def _changes(self) -> Iterator[dict[str, Any]]:
        runs = self._runs(self._options.sizes)
        sizes = self._options.sizes
        for per_second in CHANGES_PER_S:
            told = (self._world.kafka.bootstrap, str(per_second), str(sizes.numbers), str(sizes.customers))
            sender = ("-m", "bench.rating.changes", *told)
            run = runs.drain(2, more=(TAKES_CHANGES_IN, sender), changes=per_second > 0)
            yield _row("changes", per_second, run) | {"generations": run.drained.generations}

    def _runs(self, sizes: Sizes) -> Runs:
        """Runs on a world that is filled anew, unless it was filled so for the point before."""
        if self._filled is None or self._filled.sizes != sizes:
            self._filled = fill(self._world, self._broker, sizes, self._options.seed, self._report)
        return Runs(self._world, self._broker, self._filled, self._report)


def _row(sweep: str, at: int, run: Run) -> dict[str, Any]:
    drained = run.drained
    return {
        "sweep": sweep,
        "at": at,
        "cdrs_per_s": drained.per_s,
        "us_worker": drained.us_worker,
        "us_beside": drained.us_sealer,
        "us_broker": drained.us_broker,
        "us_postgres": drained.us_postgres,
        "start_s": drained.start_s,
        "peak_mb": drained.peak_mb,
        "lost": run.verdict.lost,
        "doubled": run.verdict.doubled,
    }
