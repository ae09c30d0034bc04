"""The benchmark from the first server to the last line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.common.command import MEASURED, WRONG, ending_well
from bench.common.report import Report, machine
from bench.common.servers import settings_told
from bench.rating import latency
from bench.rating.broker import Broker
from bench.rating.filled import Filled, fill
from bench.rating.options import Options, parse
from bench.rating.runs import Runs
from bench.rating.sweeps import Sweeps
from bench.rating.world import World, running

from contracts.topics import CDR_RECEIVED
from service_kit.kafka import topic_id


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it. 0: measured, and nothing is wrong; 1: something was lost or doubled; 2: it failed; 130: interrupted."""
    options = parse(arguments)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    return ending_well(lambda report: _run(options, report))


def _run(options: Options, report: Report) -> int:
    with running(options.state) as world, closing(Broker(world.kafka.bootstrap)) as broker:
        report.say(f"{machine()}; {settings_told()}")
        result = _result(world, broker, options, report)
    report.line(result)
    return WRONG if result["lost"] or result["doubled"] or result.get("unexpected") else MEASURED


def _result(world: World, broker: Broker, options: Options, report: Report) -> dict[str, Any]:
    if options.sweeps:
        rows = Sweeps(world, broker, options, report).run()
        return {name: sum(row[name] for row in rows) for name in ("lost", "doubled")}
    filled = fill(world, broker, options.sizes, options.seed, report)
    return measure(world, broker, filled, options, report)


def measure(world: World, broker: Broker, filled: Filled, options: Options, report: Report) -> dict[str, Any]:
    """The parts that were asked for, as one result; what was not measured is None."""
    runs = Runs(world, broker, filled, report)
    result: dict[str, Any] = dict.fromkeys(
        ("cdrs_per_s_1", "cdrs_per_s_2", "null_per_s_2", "ratio", "us_worker", "us_broker", "us_postgres", "peak_mb")
    )
    result |= {"lost": 0, "doubled": 0}
    if "drain" in options.parts:
        result |= _drains(runs, options)
    if "latency" in options.parts:
        told = latency.measure(world, broker, _topic_id(world), filled)
        report.say(f"  {told}")
        result |= {"p50_ms": told.p50_ms, "p95_ms": told.p95_ms, "p99_ms": told.p99_ms}
        result["lost"] += told.lost
    return result | {"sizes": asdict(filled.sizes)}


def _drains(runs: Runs, options: Options) -> dict[str, Any]:
    """One worker, then two and the null pipeline in turns, so that both meet the machine in the same state."""
    with_null = "null" in options.parts
    first = runs.drain(1)
    pairs = []
    for _ in range(options.rounds):
        run = runs.drain(2, record=with_null and runs.recorded is None)
        pairs.append((run, runs.null(2) if with_null else None))
    checked = [first, *(run for run, _ in pairs)]
    drains = [run.drained for run, _ in pairs]
    nulls = [null.per_s for _, null in pairs if null is not None]
    ratios = [run.drained.per_s / null.per_s for run, null in pairs if null is not None]
    return {
        "cdrs_per_s_1": first.drained.per_s,
        "cdrs_per_s_2": median(each.per_s for each in drains),
        "null_per_s_2": median(nulls) if nulls else None,
        "ratio": median(ratios) if ratios else None,
        "us_worker": median(each.us_worker for each in drains),
        "us_sealer": median(each.us_sealer for each in drains),
        "us_broker": median(each.us_broker for each in drains),
        "us_postgres": median(each.us_postgres for each in drains),
        "peak_mb": max(run.drained.peak_mb for run in checked),
        "lost": sum(run.verdict.lost for run in checked),
        "doubled": sum(run.verdict.doubled for run in checked),
        "unexpected": [text for run in checked for text in run.verdict.unexpected],
    }


def _topic_id(world: World) -> str:
    return str(asyncio.run(topic_id(CDR_RECEIVED, kafka=world.kafka.bootstrap)))
