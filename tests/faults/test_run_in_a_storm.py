"""A run of many customers in a storm: one invoice each, equal to the reference, and no human step (SPEC I3, I4, B1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.auditor import audit
from tests.support.courses.desk import Account, Outcome
from tests.support.courses.made import disturbed, made
from tests.support.courses.playing import own_platform
from tests.support.courses.raging import Plan, Rage
from tests.support.kills import KillPlan
from tests.support.reference.books import Books
from tests.support.reference.course import figures, work_out
from tests.support.seeds import seeds

SHORT = Plan(
    seed=1,
    customers=25,
    points={"rating": ["rating.closed"], "invoicing": ["invoicing.group", "invoicing.drafted", "invoicing.numbered"]},
)
LONG = [
    *(Plan(seed=seed, customers=60) for seed in seeds(4)),
    *(Plan(seed=seed, customers=1_000, outages=("postgres",)) for seed in seeds(2)),
    *(Plan(seed=seed, customers=300, kafka_away_s=60.0, touched=0.5) for seed in seeds(3)),
]


@contextmanager
def raging(plan: Plan) -> Iterator[Rage]:
    """A platform whose services will die at the plan's points."""
    kills = KillPlan(plan.points)
    options = {"report": kills.report, "service_environment": kills.first(), "durable": bool(plan.outages)}
    with own_platform(**options) as platform:
        kills.environment = platform.service_environment
        yield Rage(plan, platform, kills)


def test_a_run_in_a_storm_bills_everyone_once() -> None:
    """I3, I4, I6: two runs at once, services killed in the middle of them, actions and payments meanwhile."""
    _survives(SHORT)


@pytest.mark.faults
@pytest.mark.parametrize("plan", LONG, ids=lambda plan: f"{plan.customers} customers, seed {plan.seed}")
def test_a_long_run_in_a_storm_bills_everyone_once(plan: Plan) -> None:
    """The same with all points, many customers, servers crashing and Kafka away for a minute."""
    _survives(plan)


def _survives(plan: Plan) -> None:
    with raging(plan) as rage:
        rage.player.open_for_business()
        accounts = rage.player.open(made(plan.seed, plan.customers))
        rage.player.play([_without_bills(account) for account in accounts])
        rage.bill_january(accounts)
        rage.player.at_rest()
        rage.bill_february(accounts)
        outcomes = {account.course.name: Outcome.of(account) for account in accounts}
        assert [refused for each in outcomes.values() for refused in each.refused] == []
        assert rage.kills.left == {}, "a service did not die where it was to"
        databases = {name: rage.platform.postgres_dsn(name) for name in rage.platform.service_names}
        assert audit(databases) == []
    for course in made(plan.seed, plan.customers):
        happened, outcome = rage.touched.get(course.name), outcomes[course.name]
        possible = [work_out(each) for each in (disturbed(course, happened) if happened else [course])]
        found = [outcome.figures, *(figures(books.bills) for books in possible)]
        assert any(_same(outcome, books) for books in possible), (course.name, happened, found)


def _without_bills(account: Account) -> Account:
    account.course.days = {day: steps for day, steps in account.course.days.items() if day.day not in (31, 28)}
    return account


def _same(outcome: Outcome, books: Books) -> bool:
    same = (outcome.balance, outcome.status) == (books.balance, books.status)
    return same and outcome.figures == figures(books.bills)
