"""Clients that ask at once, each as soon as it has its last answer, and how long they wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from random import Random

from bench.common.servers import BenchError
from bench.search.kinds import Kind


@dataclass(frozen=True)
class Waited:
    """How long answers to one kind of question were waited for, in milliseconds; `missed` found nothing."""

    kind: str
    answers: int
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    missed: int


def ask(kind: Kind, ports: Sequence[int], token: str, *, clients: int, seconds: float, seed: int) -> Waited:
    """Ask for so many seconds, after a fifth of that which does not count."""
    began = time.monotonic() + seconds / 5
    askers = [_Client(kind, ports[at % len(ports)], token, began, began + seconds, seed + at) for at in range(clients)]
    threads = [threading.Thread(target=each.run) for each in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = next((each.failed for each in askers if each.failed), None)
    if failed:
        raise BenchError(f"{kind.name}: {failed}")
    times = sorted(waited for each in askers for waited in each.times)
    p50, p95, p99 = (times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.95, 0.99))
    return Waited(kind.name, len(times), len(times) / seconds, p50, p95, p99, sum(each.missed for each in askers))


class _Client:
    def __init__(self, kind: Kind, port: int, token: str, begin: float, end: float, seed: int) -> None:
        self.times: list[float] = []
        self.missed = 0
        self.failed = ""
        self._kind, self._begin, self._end = kind, begin, end
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._chance = Random(seed)

    def run(self) -> None:
        """Ask until the end, but once at least; or until an answer is an error."""
        path = None
        try:
            while (time.monotonic() < self._end or not self.times) and not self.failed:
                path = self._once(path or self._kind.ask(self._chance))
        except OSError as error:
            self.failed = repr(error)
        finally:
            self._connection.close()

    def _once(self, path: str) -> str | None:
        asked = time.monotonic()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        waited = time.monotonic() - asked
        if answer.status != 200:
            self.failed = f"{path} was answered {answer.status}: {body[:300]!r}"
            return None
        if asked >= self._begin:
            self.times.append(waited)
            self.missed += not self._kind.found(json.loads(body))
        return self._kind.follow(body) if self._kind.follow else None
