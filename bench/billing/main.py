"""The benchmark from the first server to the last line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from bench.billing.checking import wrong
from bench.billing.course import Course, Runs
from bench.billing.filling import fill, warm_up_customers
from bench.billing.limit import written_again_s
from bench.billing.options import Options, Sizes, parse
from bench.billing.world import ROLES, World, running
from bench.common.command import MEASURED, WRONG, ending_well
from bench.common.report import Report, machine
from bench.common.servers import settings_told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it. 0: measured, and all is billed once; 1: it is not; 2: it failed; 130: interrupted."""
    options = parse(arguments)
    return ending_well(lambda report: _run(options, report))


def _run(options: Options, report: Report) -> int:
    report.say(f"{machine()}; {settings_told()}")
    results = []
    for sizes in options.points:
        with running(options.state) as world:
            results.append(_measure(world, sizes, options.seed, report))
        if len(options.points) > 1:
            report.line(results[-1])
    if len(options.points) > 1:
        shown = ("drafts_per_s", "approved_per_s", "us_python", "us_postgres", "us_broker", "peak_mb")
        report.table(
            [{"customers": each["sizes"]["customers"]} | {name: each[name] for name in shown} for each in results]
        )
    report.line(results[-1])
    return WRONG if any(each["wrong"] for each in results) else MEASURED


def _measure(world: World, sizes: Sizes, seed: int, report: Report) -> dict[str, Any]:
    with report.step(f"{sizes.customers:,} customers are filled in"):
        fill(world, sizes, seed)
    with report.step("the services start, and bill some customers to warm up"):
        world.serve()
    with closing(Runs(world)) as runs:
        first = runs.make(list(warm_up_customers(sizes)))
        runs.draft(first)
        runs.approve(first)
        run_id = runs.make()
        with report.step("all is drafted"):
            drafted = runs.draft(run_id)
        with report.step("the limit"):
            limit_s = written_again_s(world)
        with report.step("all is approved"):
            approved = runs.approve(run_id)
    found = wrong(world, sizes)
    for each in found:
        report.say(f"WRONG: {each}")
    _tell(report, drafted, approved, sizes.customers)
    return _result(drafted, approved, limit_s, sizes) | {"wrong": found}


def _tell(report: Report, drafted: Course, approved: Course, customers: int) -> None:
    rows: list[Mapping[str, Any]] = [
        {"stage": name, "from_s": round(stage.first_s or 0.0, 1), "to_s": round(stage.last_s, 1)}
        for name, stage in drafted.stages.items()
    ]
    rows.append({"stage": "all drafted", "from_s": 0.0, "to_s": round(drafted.seconds, 1)})
    rows.append({"stage": "all told", "from_s": 0.0, "to_s": round(drafted.told_s, 1)})
    rows.append({"stage": "all approved", "from_s": 0.0, "to_s": round(approved.seconds, 1)})
    rows.append({"stage": "all told", "from_s": 0.0, "to_s": round(approved.told_s, 1)})
    report.table(rows)
    report.table(
        [
            {
                "process": name,
                "us_a_draft": 1e6 * used / customers,
                "us_an_approval": 1e6 * approved.cpu_s[name] / customers,
            }
            for name, used in drafted.cpu_s.items()
        ]
    )


def _result(drafted: Course, approved: Course, limit_s: float, sizes: Sizes) -> dict[str, Any]:
    per_s, limit_per_s = sizes.customers / drafted.seconds, sizes.customers / limit_s
    return {
        "drafts_per_s": per_s,
        "limit_per_s": limit_per_s,
        "ratio": per_s / limit_per_s,
        "seconds": drafted.seconds,
        "approved_per_s": sizes.customers / approved.seconds,
        **_us(drafted, sizes.customers),
        "approval": _us(approved, sizes.customers),
        "peak_mb": max(drafted.peak_mb, approved.peak_mb),
        "stages_s": {name: round(stage.last_s, 2) for name, stage in drafted.stages.items()},
        "told_s": [drafted.told_s, approved.told_s],
        "sizes": asdict(sizes),
        "load": os.getloadavg()[0],
    }


def _us(course: Course, customers: int) -> dict[str, float]:
    """CPU microseconds a customer: of the services, the database and the broker."""
    python = sum(course.cpu_s[name] for name in ROLES)
    parts = {"us_python": python, "us_postgres": course.cpu_s["postgres"], "us_broker": course.cpu_s["broker"]}
    return {name: round(1e6 * used / customers, 1) for name, used in parts.items()}
