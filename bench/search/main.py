"""The benchmark from the empty database to the last line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bench.common.command import MEASURED, ending_well
from bench.common.report import Report, machine
from bench.search.asking import Waited, ask
from bench.search.filling import Filling
from bench.search.kinds import kinds, sample
from bench.search.options import Options, parse
from bench.search.world import SETTINGS, World, running

EXTRA: dict[str, Callable[[list[int]], str]] = {
    "customer page": lambda ids: f"/customers/{ids[0]}/page",
    "hover cards of 20": lambda ids: f"/customers/cards?ids={','.join(map(str, ids))}",
}
"""Paths of other questions about customers, by ids of 20 of them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it. 0: measured; 2: it failed; 130: interrupted."""
    options = parse(arguments)
    return ending_well(lambda report: _run(options, report))


def _run(options: Options, report: Report) -> int:
    with running(options.state) as world:
        report.say(f"{machine()}; {', '.join(f'{name} {value}' for name, value in SETTINGS.items())}")
        report.line(_measure(world, options, report))
    return MEASURED


def _measure(world: World, options: Options, report: Report) -> dict[str, Any]:
    began = time.monotonic()
    with report.step(f"{options.customers:,} customers and {options.numbers:,} numbers are filled in"):
        Filling(world.database, options.seed).fill(options.customers, options.numbers)
    filled_s = time.monotonic() - began
    with report.step(f"{options.processes} processes of the service start"):
        world.serve(options.processes)
    asked = kinds(sample(world.database), EXTRA)
    waited = [_ask(world, options, report, kind) for kind in asked]
    report.table([asdict(each) for each in waited])
    alone = [ask(kind, world.ports, world.token, clients=1, seconds=options.seconds / 5, seed=1) for kind in asked]
    report.say("One client alone, so that nothing waits for another: what it takes in the service")
    report.table([asdict(each) for each in alone])
    limit, *searches = waited
    slowest = max(searches, key=lambda each: each.p95_ms)
    return {
        "p50_ms": slowest.p50_ms,
        "p95_ms": slowest.p95_ms,
        "p99_ms": slowest.p99_ms,
        "slowest": slowest.kind,
        "limit_p95_ms": limit.p95_ms,
        "alone_p95_ms": max(each.p95_ms for each in alone[1:]),
        "kinds": {each.kind: [round(each.p50_ms, 1), round(each.p95_ms, 1), round(each.p99_ms, 1)] for each in waited},
        "missed": sum(each.missed for each in searches),
        "fill_s": filled_s,
        "sizes_mb": {name: round(size, 1) for name, size in world.sizes_mb().items()},
        "sizes": {"customers": options.customers, "numbers": options.numbers, "clients": options.clients},
        "load": os.getloadavg()[0],
    }


def _ask(world: World, options: Options, report: Report, kind: Any) -> Waited:
    asked = ask(
        kind, world.ports, world.token, clients=options.clients, seconds=options.seconds, seed=1_000 * options.seed
    )
    report.say(
        f"{kind.name}: 95 % within {asked.p95_ms:.1f} ms, {asked.per_s:.0f} a second; load {os.getloadavg()[0]:.1f}"
    )
    return asked
