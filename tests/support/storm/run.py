"""A storm: records and changes come in all the while workers and servers are killed."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

import psycopg
from sqlalchemy.exc import DBAPIError
from tests.rating.support.carriers import tariff, tell, tell_reference
from tests.rating.support.fleet import Fleet
from tests.support.storm.carrier import PRICES, Calls, Carrier, Change
from tests.support.storm.servers import PARTITIONS, Servers

from contracts.topics import CDR_RECEIVED
from service_kit.errors import Transient
from service_kit.kafka import make_producer

OUTSIDE = "from outside"
INSTANCES = ("one", "two")
BATCHES = (
    "rating.claimed",
    "rating.gate",
    "rating.copied",
    "rating.stored",
    "rating.emitting",
    "rating.emitted",
    "rating.committed",
)
MOVES = ("rating.revoked", "rating.assigned")
BESIDE = ("relay-before-mark", "rating.sealing", "rating.sealed", "rating.sealing-keys", "rating.merging-keys")
CHANGES = ("rating.guided-again", "rating.retried")
EVERYWHERE = (*BATCHES, *MOVES, *BESIDE, *CHANGES)
ENDS_WITHIN_S = 240.0
POLL_S = 0.05
UP_S = 1.5
"""A process that was started does not do anything before."""
AWAY = (psycopg.OperationalError, DBAPIError, Transient, OSError)


@dataclass(frozen=True)
class Kill:
    """A worker that was killed, and what there was to do at that moment."""

    point: str
    stored: int
    waiting: int
    seconds: float


@dataclass
class Plan:
    """What a storm is made of.

    Attributes:
        records: at least so many; more as long as there are kills left.
        kills: where workers die, in this order.
        outages: after how many kills which server goes: "postgres" or "kafka".
        batch: records of a batch; few, so that there are many seams.
        chance: of dying at a batch's seam, each time.
        patience_s: a life that does not come by its point in this time is ended from outside; another one tries again.
    """

    seed: int
    records: int
    kills: Sequence[str] = ()
    outages: dict[int, str] = field(default_factory=dict)
    batch: int = 500
    seal: int = 10_000
    chance: float = 0.12
    patience_s: float = 20.0
    change_every_s: float = 0.25
    copies: float = 0.04
    broken: str = ""


class Storm:
    """One storm over a fleet of two workers, on servers of its own and a fresh database."""

    def __init__(self, plan: Plan, fleet: Fleet, servers: Servers) -> None:
        self.plan, self.fleet, self.servers = plan, fleet, servers
        self.carrier = Carrier(plan.seed)
        self.killed: list[Kill] = []
        self.changes = 0
        self.sent = 0
        self._random = random.Random(f"storm {plan.seed}")
        self._left = deque(plan.kills)
        self._due = len(plan.kills)
        self._calls = Calls(plan.seed, plan.copies)
        self._began = time.monotonic()
        self._calm = asyncio.Event()
        self._stored = 0

    async def prepare(self) -> None:
        """Tell the carrier; this process is bound to the storm's database."""
        tariff(self.fleet.dsn, PRICES.items())
        await tell_reference()
        await tell(*self.carrier.first_events())

    async def rage(self) -> None:
        """All of it, until every record is stored, every change worked off and every event sent."""
        async with (
            asyncio.timeout(ENDS_WITHIN_S + 2 * self.plan.patience_s * len(self._left)),
            asyncio.TaskGroup() as group,
        ):
            keepers = [group.create_task(self._keep(instance)) for instance in INSTANCES]
            beside = [group.create_task(each()) for each in (self._change, self._crash_servers)]
            await self._feed()
            self._calm.set()
            await asyncio.gather(*beside)
            await self._settled()
            for keeper in keepers:
                keeper.cancel()
        # One that has just been started ends by the signal itself.
        assert set(self.fleet.stop()) <= {0, -signal.SIGTERM}, self.fleet.told()

    async def _feed(self) -> None:
        """Keep something waiting, until both the records and the kills are through."""
        producer = make_producer(kafka=self.fleet.kafka)
        await producer.start()
        chunk = max(500, self.plan.records // 30)
        try:
            while self.sent < self.plan.records or self._due or self._is_after_outages():
                self._look()
                if self._waiting() < 2 * chunk:
                    for value in self._calls.next(chunk):
                        await producer.send(CDR_RECEIVED, value, partition=self._random.randrange(PARTITIONS))
                    await producer.flush()
                    self.sent += chunk
                await asyncio.sleep(POLL_S)
        finally:
            await producer.stop()

    def _is_after_outages(self) -> bool:
        return any(after > len(self.killed) for after in self.plan.outages)

    def _look(self) -> int:
        """How many records are stored, as far as the database can be asked."""
        with suppress(psycopg.OperationalError):
            self._stored = sum(self.fleet.positions().values())
        return self._stored

    def _waiting(self) -> int:
        return self.sent - self._stored

    async def _keep(self, instance: str) -> None:
        """Have a worker run, life after life; each dies at the next point of the plan."""
        while True:
            point = self._left.popleft() if self._left else ""
            process = self._start(instance, point)
            died = await self._die(process, point)
            if died == point:
                self._due -= 1
            else:
                self._left.append(point)  # this life never came by: another one does
            self.fleet.running.remove(process)
            self.killed.append(Kill(died, self._look(), self._waiting(), time.monotonic() - self._began))

    def _start(self, instance: str, point: str) -> subprocess.Popen[bytes]:
        more = {"ROLES": "worker,retry,sealer,relay", "BATCH": f"{self.plan.batch}", "SEAL": f"{self.plan.seal}"}
        if self.plan.broken:
            more["BROKEN"] = self.plan.broken
        if point not in ("", OUTSIDE):
            more["FARTHING_CRASH_POINTS"] = f"{point}={self.plan.chance if point in BATCHES else 1}"
        return self.fleet.start(instance, **more)

    async def _die(self, process: subprocess.Popen[bytes], point: str) -> str:
        """Wait for a worker's death. Returns where it came."""
        if point == OUTSIDE:
            await self._until_busy(process)
            await asyncio.sleep(self._random.uniform(0, 1))
        elif point == "rating.revoked":
            await self._until_busy(process)
            await self._with_a_guest(process)
        else:
            await self._ended(process, self.plan.patience_s if point else inf)
        if process.poll() is None:
            process.kill()
            await self._ended(process)
            return OUTSIDE
        assert process.returncode == -signal.SIGKILL, self.fleet.told()
        return point

    async def _ended(self, process: subprocess.Popen[bytes], within_s: float = inf) -> None:
        await _until(lambda: process.poll() is not None, within_s)

    async def _until_busy(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the workers have stored something since this one can be up."""
        await self._ended(process, UP_S)
        before = self._look()
        await _until(lambda: self._look() > before or process.poll() is not None, self.plan.patience_s)

    async def _with_a_guest(self, process: subprocess.Popen[bytes]) -> None:
        """A third worker comes, takes partitions from the others, and goes again."""
        guest = self.fleet.start("", BATCH=f"{self.plan.batch}")
        try:
            await self._ended(process, self.plan.patience_s)
        finally:
            guest.terminate()
            await self._ended(guest)
            self.fleet.running.remove(guest)

    async def _change(self) -> None:
        """Numbers change hands all the while."""
        while not self._calm.is_set():
            change = self.carrier.change()
            generation = await self._told(change)
            self.carrier.note(change, generation)
            self.changes += 1
            await asyncio.sleep(self.plan.change_every_s)

    async def _told(self, change: Change) -> int:
        """Tell a change, as often as it takes. Returns its generation."""
        assignment_id = change.periods[-1].number_id * 10

        async def take_in() -> int:
            await tell(*change.events)
            query = "SELECT changed_in FROM assignment WHERE assignment_id = %s"
            return int(self.fleet.rows(query, assignment_id)[0]["changed_in"])

        return await _until_back(take_in)

    async def _crash_servers(self) -> None:
        for after, server in sorted(self.plan.outages.items()):
            await self._until_killed(after)
            await (self.servers.crash_postgres() if server == "postgres" else self.servers.restart_kafka())

    async def _until_killed(self, count: int) -> None:
        await _until(lambda: len(self.killed) >= count)

    async def _settled(self) -> None:
        """Wait until nothing is left to do."""
        left = (
            "SELECT (SELECT count(*) FROM retry_request) + (SELECT count(*) FROM reguide_request)"
            " + (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS left"
        )
        await _until(lambda: self._look() >= self.sent and not self.fleet.rows(left)[0]["left"])

    def figures(self) -> str:
        """What happened, in a few words."""
        points = Counter(each.point for each in self.killed)
        told = ", ".join(f"{point} {count}" for point, count in sorted(points.items()))
        seconds = time.monotonic() - self._began
        return f"{self.sent} records, {self.changes} changes, {len(self.killed)} kills ({told}), {seconds:.0f} s"


async def _until(is_so: Callable[[], bool], within_s: float = inf) -> None:
    """Wait until something is so, or this time is over."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(POLL_S)


async def _until_back(ask: Callable[[], Awaitable[int]]) -> int:
    while True:
        try:
            return await ask()
        except AWAY:
            await asyncio.sleep(0.2)
