"""Courses at random on the real services, calls among all that can happen to a customer (SPEC C14 to C16, I1 to I5)."""

from __future__ import annotations

import pytest
from tests.support.courses.desk import Outcome
from tests.support.courses.playing import Player, own_platform
from tests.support.courses.wandering import wandering
from tests.support.reference.course import figures, work_out
from tests.support.seeds import seeds


@pytest.mark.faults
@pytest.mark.parametrize("seed", seeds(1, 2, 3))
def test_wandering_courses_equal_the_reference(seed: int) -> None:
    """STYLE: any sequence of charges, calls, payments, final bills, drops and reinstatements, to the penny."""
    courses = list(wandering(seed, count=40))
    with own_platform() as platform:
        player = Player(platform)
        player.open_for_business()
        accounts = player.open(courses)
        player.play(accounts)
        outcomes = {account.course.name: Outcome.of(account) for account in accounts}
    for course in courses:
        outcome, books = outcomes[course.name], work_out(course)
        assert outcome.refused == [], course
        assert outcome.figures == figures(books.bills), course
        assert (outcome.balance, outcome.status) == (books.balance, books.status), course
        assert sorted(outcome.held) == sorted({f"{day}" for day in books.held}), course
