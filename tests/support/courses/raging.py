"""A billing run in a storm: asked for twice, every service killed at its points, customers acted on meanwhile."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from examples.demo.driver.api import Api
from tests.support.courses.desk import DONE, Account, Apis
from tests.support.courses.made import FEBRUARY, JANUARY, disturbance
from tests.support.courses.playing import Player
from tests.support.kills import KillPlan
from tests.support.month import PatientApi
from tests.support.reference.steps import Bill, Step

from local_platform.platform import Platform

POINTS = {
    "rating": ["rating.cut", "rating.closed", "rating.closed"],
    "invoicing": [
        "invoicing.requested",
        "invoicing.started",
        "invoicing.group",
        "invoicing.drafted",
        "invoicing.numbered",
        "relay-before-mark",
    ],
}
"""The cut, usage asked, closed, a group written, the same committed, numbered, its event out."""
ACTING = ["request-before-commit", "relay-before-mark"]
"""Where the customers service dies once the run is under way: an action not yet committed; its event is out."""
KEYLESS = ("/cdrs", "/tariffs")
"""What is known by an id of its own, so that it takes no key."""
PATIENCE_SECONDS = 300.0


class StubbornApi(PatientApi):
    """Sends again what was not answered, under the same key, so that it acts once."""

    def call(self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any) -> httpx.Response:
        """As `PatientApi.call`."""
        if method == "POST" and path not in KEYLESS and "files" not in options:
            options["headers"] = {"Idempotency-Key": uuid.uuid4().hex, **options.get("headers", {})}
        return super().call(method, path, accept=accept, **options)


@dataclass(frozen=True)
class Plan:
    """How bad it is.

    Attributes:
        points: at which points each service dies.
        outages: servers that are killed, and how many seconds Kafka is away for.
    """

    seed: int
    customers: int
    points: Mapping[str, Sequence[str]] = field(default_factory=lambda: POINTS)
    outages: Sequence[str] = ()
    kafka_away_s: float = 0.0
    touched: float = 0.15


class Rage:
    """Lets a plan loose on a platform whose services have the plan's kills."""

    def __init__(self, plan: Plan, platform: Platform, kills: KillPlan) -> None:
        self.plan, self.platform, self.kills = plan, platform, kills
        self.player = Player(platform, Apis(platform, StubbornApi))
        self.touched: dict[str, Step] = {}

    def bill_january(self, accounts: Sequence[Account]) -> list[int]:
        """Two runs for everybody, asked for at once, and all that disturbs them. Returns their ids, both done."""
        self.player.go_to(JANUARY)
        self.kills.arm("customers", ACTING)
        self.platform.restart("customers")
        runs = [self._new_run(JANUARY) for _ in range(2)]
        invoicing = self.player.apis.invoicing
        asking = [threading.Thread(target=self._request, args=(invoicing, run_id)) for run_id in runs]
        disturbing = [*asking, threading.Thread(target=self._disturb, args=(accounts,))]
        disturbing += [threading.Thread(target=self._break_servers)]
        for thread in disturbing:
            thread.start()
        for thread in disturbing:
            thread.join()
        for run_id in runs:
            self._until_done(run_id)
        for run_id in runs:
            self.player.approve_run(run_id)
        return runs

    def bill_february(self, accounts: Sequence[Account]) -> int:
        """One run in peace, so that everything left comes on a bill."""
        self.player.go_to(FEBRUARY)
        run_id = self.player.run(Bill(FEBRUARY, FEBRUARY), accounts)
        self.player.approve_run(run_id)
        self.player.at_rest()
        return run_id

    def _new_run(self, bill_to: str) -> int:
        body = {"bill_to": bill_to, "invoice_date": bill_to}
        return int(self.player.apis.invoicing.post("/billing-runs", body)["run_id"])

    @staticmethod
    def _request(invoicing: Api, run_id: int) -> None:
        invoicing.post(f"/billing-runs/{run_id}/request")

    def _disturb(self, accounts: Sequence[Account]) -> None:
        chance = random.Random(self.plan.seed)
        for account in accounts:
            if chance.random() < self.plan.touched:
                step = disturbance(chance)
                self.touched[account.course.name] = step
                account.do(step)

    def _break_servers(self) -> None:
        for server in self.plan.outages:
            self.platform.kill(server)
            self.platform.wait_ready("invoicing", PATIENCE_SECONDS)
        if self.plan.kafka_away_s:
            self.platform.stop_part("kafka")
            time.sleep(self.plan.kafka_away_s)  # what is tested: nothing answers for so long
            self.platform.start_part("kafka")

    def _until_done(self, run_id: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (state := self.player.apis.invoicing.get(f"/billing-runs/{run_id}"))["state"] not in DONE:
            assert time.monotonic() < deadline, f"run {run_id} does not end: {state}"
            time.sleep(0.2)
