"""The runs of a benchmark: each on its own copy of the filled database, with the same load."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.report import Report
from bench.rating import checking, recording
from bench.rating.broker import Broker
from bench.rating.counting import Counter
from bench.rating.drain import Drained, Watch, workers
from bench.rating.filled import Filled
from bench.rating.null import RECORDING
from bench.rating.world import World

from contracts.topics import CDR_RECEIVED

NULL = ("-m", "bench.rating.null", "--roles", "worker")


@dataclass(frozen=True, slots=True)
class Run:
    """A measured drain that was checked."""

    drained: Drained
    verdict: checking.Verdict


class Runs:
    """Measures drains of what a world was filled with."""

    def __init__(self, world: World, broker: Broker, filled: Filled, report: Report) -> None:
        self._world, self._broker, self._filled, self._report = world, broker, filled, report
        self._number = 0
        self.recorded: Path | None = None

    def drain(
        self,
        count: int,
        *,
        more: Sequence[Sequence[str]] = (),
        changes: bool = False,
        record: bool = False,
    ) -> Run:
        """Rating with so many workers.

        Args:
            more: processes beside them, but for what is always there.
            changes: whether these change reference data: the workers are started when the first change is there.
            record: keeps what the null pipeline needs.
        """
        database = self._name("run")
        with self._world.run_database(database) as dsn, closing(Counter(dsn)) as counter:
            began, generation = checking.ends_of_events(self._broker), counter.generation()
            with self._report.step(f"rating with {count} worker{'s' * (count > 1)}"):
                ready = (lambda: counter.generation() > generation) if changes else (lambda: True)
                drained = self._measure(database, count, beside=(*self._filled.beside, *more), ready=ready)
            with self._report.step("checking"):
                verdict = checking.verdict(self._filled.load, counter, self._broker, began)
            if record:
                with self._report.step("recording for the null pipeline"):
                    self._record(dsn)
        self._tell(drained, verdict)
        return Run(drained, verdict)

    def null(self, count: int) -> Drained:
        """The null pipeline with so many workers, of what was recorded last."""
        database = self._name("null")
        with self._world.run_database(database), self._report.step(f"null pipeline with {count} workers"):
            drained = self._measure(database, count, command=NULL, beside=(), **{RECORDING: str(self.recorded)})
        self._tell(drained)
        return drained

    def _measure(self, database: str, count: int, **more: Any) -> Drained:
        with (
            workers(self._world, self._broker, database, count, **more) as running,
            closing(Counter(self._world.dsn(database))) as counter,
        ):
            return Watch(self._world, self._broker, counter, running).drain(self._total(), self._filled.sizes.warm_up)

    def _record(self, dsn: str) -> None:
        self.recorded = self._world.folder / "recorded"
        shutil.rmtree(self.recorded, ignore_errors=True)
        recording.record(dsn, self.recorded)

    def _total(self) -> int:
        return sum(self._broker.ends(CDR_RECEIVED).values())

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_{self._number}"

    def _tell(self, drained: Drained, verdict: checking.Verdict | None = None) -> None:
        self._report.say(
            f"  {drained.per_s:,.0f} CDRs/s over {drained.cdrs:,} CDRs; CPU us a CDR: worker {drained.us_worker:.1f}, "
            f"beside {drained.us_sealer:.1f}, broker {drained.us_broker:.1f}, Postgres {drained.us_postgres:.1f}; "
            f"start {drained.start_s:.1f} s, peak {drained.peak_mb:.0f} MB; sealed {drained.sealed_segments} segments, "
            f"{drained.sealed_keys:,} record ids"
        )
        if verdict is not None and verdict.is_bad:
            self._report.say(f"  WRONG: {verdict}")
