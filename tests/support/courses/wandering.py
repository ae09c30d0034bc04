"""Courses at random, by seed: calls on time, late and after the end among charges, payments and the ways out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

from tests.support.reference.course import work_out
from tests.support.reference.steps import (
    OUT_OR_BACK,
    Bill,
    Call,
    Cease,
    Change,
    Charge,
    Course,
    Drop,
    FinalBill,
    Pay,
    Reinstate,
    Step,
    Withdraw,
)

OPENED = date(2025, 1, 1)
MONTH_ENDS = ("2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30")
DAYS_OF_A_MONTH = ("04", "13", "22", "27")
"""The same for everybody, so that many courses are played on one calendar."""
EVENTS_A_DAY = (0, 0, 1, 1, 2, 3)


def wandering(seed: int, count: int, months: int = len(MONTH_ENDS)) -> Iterator[Course]:
    """So many courses over some months; the same for the same seed."""
    for position in range(count):
        yield _Wanderer(f"Wanderer {seed}-{position}").go(months)


class _Wanderer:
    """One course as it is made: each step is one that may be taken where the course has come to."""

    def __init__(self, name: str) -> None:
        self.chance = random.Random(name)
        self.course = Course(name, f"{OPENED}", {"low_invoice": {"policy": "create"}})
        self.today, self.ended, self.named = OPENED, OPENED, 0
        self.has_left, self.is_ceased = False, False

    def go(self, months: int) -> Course:
        """From the first line to the last bill."""
        self._step(Charge("Line", self._pounds(), f"{OPENED}", months=self.chance.choice([1, 1, 3])))
        for month_end in MONTH_ENDS[:months]:
            for day in DAYS_OF_A_MONTH:
                self.today, self.has_left = date.fromisoformat(f"{month_end[:-2]}{day}"), False
                for _ in range(self.chance.choice(EVENTS_A_DAY)):
                    self._wander()
            self.today = date.fromisoformat(month_end)
            self._step(Bill(month_end, month_end))
        return self.course

    def _wander(self) -> None:
        books = work_out(self.course)
        self.ended = books.dropped_on or self.ended
        of_line = [] if self.is_ceased else [self._change, self._cease]
        leaving = [self._final_bill, self._drop]
        ways: dict[str, list[Callable[[], Step]]] = {
            "active": [self._call, self._call, self._charge, Pay, *of_line, *leaving],
            "final_bill": [self._call, self._call, Pay, Withdraw, *leaving],
            "dropped": [self._call, self._call, Pay, self._reinstate],
        }
        step = self.chance.choice(ways[books.status])()
        if not (isinstance(step, Pay) and books.balance <= 0):
            self._take(step)

    def _take(self, step: Step) -> None:
        """One way out or back ends a day: which calls are in time for it is nobody's to say."""
        if self.has_left:
            return
        self.has_left = isinstance(step, OUT_OR_BACK)
        self.is_ceased |= isinstance(step, Cease)
        self._step(step)

    def _call(self) -> Step:
        """Up to two months late; sometimes of a day on which nobody has the number any more."""
        day = max(OPENED, self.today - timedelta(self.chance.choice([0, 1, 5, 20, 60])))
        start = datetime.combine(day, time(self.chance.choice([8, 12, 18, 23]), self.chance.randrange(60)))
        return Call(f"{start:%Y-%m-%dT%H:%M}", self.chance.randint(1, 3600))

    def _charge(self) -> Step:
        self.named += 1
        start = max(OPENED, self._about(), self.ended + timedelta(1))
        months = self.chance.choice([0, 1, 3])
        return Charge(f"Charge {self.named}", self._pounds(), f"{start}", months, self.chance.random() < 0.5)

    def _change(self) -> Step:
        newest = max(each.charge.start for each in work_out(self.course).charges if each.charge.description == "Line")
        return Change("Line", f"{max(newest + timedelta(1), self._about())}", price=self._pounds())

    def _cease(self) -> Step:
        return Cease("Line", f"{max(self.ended + timedelta(1), self._about())}")

    def _final_bill(self) -> Step:
        return FinalBill(f"{max(self.ended + timedelta(1), self._about())}")

    def _drop(self) -> Step:
        return Drop(f"{max(self.ended + timedelta(1), min(self.today, self._about()))}")

    def _reinstate(self) -> Step:
        """At once: one that lies ahead is done by the platform on its day."""
        return Reinstate(f"{min(self.today, self.ended + timedelta(self.chance.choice([1, 3, 30])))}")

    def _about(self) -> date:
        return self.today + timedelta(self.chance.randint(-14, 14))

    def _pounds(self) -> str:
        return f"{self.chance.randint(1, 20_000) / 100:.2f}"

    def _step(self, step: Step) -> None:
        self.course.on(f"{self.today}", step)
