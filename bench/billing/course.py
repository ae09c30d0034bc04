"""A billing run as it goes: requested and approved over HTTP, watched in the databases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg
from bench.billing.filling import BILL_TO, INVOICE_DATE
from bench.billing.world import World
from bench.common.servers import BenchError
from bench.rating.processes import cpu_s, peak_mb

_POLL_S = 0.1
_STALLS_AFTER_S = 120.0
_UNSENT = "SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NULL)"
_STAGES = {
    "cut": ("rating", "SELECT NOT EXISTS (SELECT FROM cut WHERE run_id = %s AND generation IS NOT NULL)"),
    "start": ("invoicing", "SELECT EXISTS (SELECT FROM billing_run WHERE run_id = %s AND state = 'requested')"),
    "close": ("rating", "SELECT EXISTS (SELECT FROM close_request WHERE run_id = %s AND NOT answered)"),
    "take in": ("invoicing", "SELECT EXISTS (SELECT FROM run_customer WHERE run_id = %s AND state = 'waiting')"),
    "draft": ("invoicing", "SELECT EXISTS (SELECT FROM run_customer WHERE run_id = %s AND state = 'closed')"),
}
"""Whether there is something to do of each stage, and whose database says so. They overlap."""
_DRAFTED = "SELECT EXISTS (SELECT FROM billing_run WHERE run_id = %s AND state LIKE 'completed%%')"
_APPROVED = "SELECT EXISTS (SELECT FROM billing_run WHERE run_id = %s AND NOT approving)"
_CHANGES_OF_INVOICES = "SELECT coalesce(sum(version), 0) FROM invoice"
_CHANGES_THAT_CUSTOMERS_KNOWS = "SELECT coalesce(sum(version), 0) FROM known_invoice"
_UNBILLED = """
    SELECT EXISTS (SELECT FROM usage_close WHERE run_id = %s AND state = 'closed')
"""


@dataclass(slots=True)
class Stage:
    """When there was first something to do, and last; seconds since the request."""

    first_s: float | None = None
    last_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """What a part of a run took.

    Attributes:
        seconds: until it was done.
        told_s: until all events about it were sent and taken in.
        cpu_s: of each process, until then.
        peak_mb: of the largest process of a service.
    """

    seconds: float
    told_s: float
    cpu_s: dict[str, float]
    peak_mb: float
    stages: dict[str, Stage] = field(default_factory=dict)


class Runs:
    """Takes billing runs through their course."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open = ExitStack()
        self._databases = {
            name: self._open.enter_context(world.connect(name)) for name in ("customers", "rating", "invoicing")
        }

    def close(self) -> None:
        """Leave the databases."""
        self._open.close()

    def make(self, customers: Sequence[int] | None = None) -> int:
        """A draft run by cycles, or of these customers. Returns its id."""
        body: dict[str, Any] = {"bill_to": BILL_TO.isoformat(), "invoice_date": INVOICE_DATE.isoformat()}
        if customers is not None:
            body["customers"] = list(customers)
        return int(self._world.post("/billing-runs", body)["run_id"])

    def draft(self, run_id: int) -> Course:
        """From the request to all drafts."""
        stages = {name: Stage() for name in _STAGES}
        return self._timed(
            lambda: self._world.post(f"/billing-runs/{run_id}/request"),
            lambda since: self._look(run_id, stages, since) or self._says("invoicing", _DRAFTED, run_id),
            self._all_is_told,
            stages,
        )

    def approve(self, run_id: int) -> Course:
        """From the word to all numbers."""
        return self._timed(
            lambda: self._world.post(f"/billing-runs/{run_id}/approve"),
            lambda _: self._says("invoicing", _APPROVED, run_id),
            lambda: self._all_is_told() and not self._says("rating", _UNBILLED, run_id),
            {},
        )

    def _timed(
        self,
        begin: Callable[[], Any],
        is_done: Callable[[float], bool],
        is_told: Callable[[], bool],
        stages: dict[str, Stage],
    ) -> Course:
        used, began = self._cpu(), time.monotonic()
        begin()
        self._wait(lambda: is_done(time.monotonic() - began))
        seconds = time.monotonic() - began
        self._wait(is_told)
        told_s = time.monotonic() - began
        after = self._cpu()
        peak = max(peak_mb(process.pid) for process in self._world.services.values())
        return Course(seconds, told_s, {name: after[name] - used[name] for name in used}, peak, stages)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        progress, moved = self._progress(), time.monotonic()
        while not is_so():
            self._world.check()
            time.sleep(_POLL_S)
            if time.monotonic() - moved > _STALLS_AFTER_S:
                now = self._progress()
                if now == progress:
                    raise BenchError(f"the run stands still: {now}")
                progress, moved = now, time.monotonic()

    def _progress(self) -> list[Any]:
        """What changes while anything goes on."""
        found = list(self._rows("invoicing", "SELECT state, count(*) FROM run_customer GROUP BY 1 ORDER BY 1"))
        found += self._rows("invoicing", _CHANGES_OF_INVOICES)
        return found + [row for name in self._databases for row in self._rows(name, "SELECT count(*) FROM inbox")]

    def _look(self, run_id: int, stages: dict[str, Stage], since_s: float) -> bool:
        """Note of which stages there is something to do now."""
        for name, (service, question) in _STAGES.items():
            if self._says(service, question, run_id):
                stage = stages[name]
                stage.first_s = since_s if stage.first_s is None else stage.first_s
                stage.last_s = since_s
        return False

    def _all_is_told(self) -> bool:
        if any(self._says(name, _UNSENT) for name in self._databases):
            return False
        changes = next(self._rows("invoicing", _CHANGES_OF_INVOICES))[0]
        return bool(next(self._rows("customers", _CHANGES_THAT_CUSTOMERS_KNOWS))[0] == changes)

    def _says(self, service: str, question: str, *values: int) -> bool:
        return bool(next(self._rows(service, question, *values))[0])

    def _rows(self, service: str, statement: str, *values: int) -> Iterator[tuple[Any, ...]]:
        connection: psycopg.Connection[Any] = self._databases[service]
        yield from connection.execute(statement.encode(), values or None).fetchall()

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._world.pids().items()}
