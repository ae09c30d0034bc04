"""Many customers by seed: each with a few charges and calls in January, billed for January and February."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from tests.support.reference.steps import Approve, Bill, Call, Charge, Course, Drop, FinalBill, Pay, Step

OPENED, JANUARY, AFTERWARDS, FEBRUARY = "2025-01-01", "2025-01-31", "2025-02-01", "2025-02-28"


def made(seed: int, count: int) -> Iterator[Course]:
    """Courses that differ from one another; the same for the same seed."""
    chance = random.Random(seed)
    for position in range(count):
        course = Course(f"Customer {seed}-{position}", OPENED)
        course.on(OPENED, *(_charge(chance, number) for number in range(chance.randint(0, 3))))
        course.on("2025-01-30", *(_call(chance) for _ in range(chance.randint(0, 3))))
        yield course.on(JANUARY, Bill(JANUARY, JANUARY)).on(FEBRUARY, Bill(FEBRUARY, FEBRUARY))


def disturbance(chance: random.Random) -> Step:
    """What may happen to a customer while its run is under way."""
    day = f"2025-01-{chance.randint(10, 31)}"
    return chance.choice(
        [Pay(f"{chance.randint(1, 9000)}.50"), Pay("10.00"), FinalBill(day), FinalBill(FEBRUARY), Drop(day)]
    )


def disturbed(course: Course, happened: Step) -> Iterator[Course]:
    """What a course may have been when that happened while January was billed: before its draft, on it, or behind it.

    The second run takes only who has no draft of the first: so it may bill January once more, or not.
    """
    january, draft = Bill(JANUARY, JANUARY), Bill(JANUARY, JANUARY, approve=False)
    orders: tuple[tuple[list[Step], list[Step]], ...] = (
        ([happened, january], []),
        ([draft], [happened, Approve()]),
        ([january], [happened]),
    )
    for (then, behind), second in itertools.product(orders, ([], [january])):
        days = {day: steps for day, steps in course.days.items() if f"{day}" < JANUARY}
        again = Course(course.name, course.opened, course.fields, days)
        yield again.on(JANUARY, *then).on(AFTERWARDS, *behind, *second).on(FEBRUARY, Bill(FEBRUARY, FEBRUARY))


def _charge(chance: random.Random, number: int) -> Charge:
    return Charge(
        f"Charge {number}",
        f"{chance.randint(1, 9999) / 100:.2f}",
        f"2025-01-{chance.randint(1, 28):02d}",
        months=chance.choice([0, 1, 1, 1, 3, 12]),
        advance=chance.random() < 0.7,
        quantity=chance.choice(["1", "1", "3", "2.5"]),
    )


def _call(chance: random.Random) -> Call:
    return Call(f"2025-01-{chance.randint(1, 29):02d}T{chance.randint(0, 23):02d}:15", chance.randint(1, 3000))
