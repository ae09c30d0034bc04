"""A random carrier whose numbers change hands, random records of its calls, and what a call must come to.

Slow and independent of rating: plain dates, exact fractions, one call at a time.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tests.rating.support.carriers import assignment, cdr, customer, number

from contracts.base import Event

FIRST_DAY, DAYS = date(2025, 1, 1), 30
CUSTOMERS, NUMBERS, UNKNOWN = 40, 300, 100
PRICES = {"44": 100_000, "447": 25_500, "33": 240_000}
"""Micro-pounds a minute by prefix; some seconds of them are no whole micro-pounds, some are half of what is rounded."""
OTHERS = ("+441614960123", "+447700900456", "+33199001234")
ROUNDED_TO_MICRO = 100
SOURCE = "storm"


@dataclass(frozen=True)
class Period:
    """Who holds a number from which day to which, both included."""

    number_id: int
    customer: int
    start: date
    end: date | None = None
    version: int = 1

    def has(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass
class Change:
    """What is told of a number at once, and how its periods are from then on."""

    digits: str
    events: list[Event]
    periods: list[Period]


@dataclass
class Outcome:
    """What a call comes to: whose it is and its charge in micro-pounds, or why it is held."""

    customer: int | None = None
    charge_micro: int = 0
    reason: str = ""


@dataclass
class Carrier:
    """Numbers and all that was ever said of them: (generation, periods), the last one last."""

    seed: int
    said: dict[str, list[tuple[int, list[Period]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(f"carrier {self.seed}")
        self._ids = NUMBERS + UNKNOWN
        for index in range(NUMBERS):
            self.said[digits_of(index)] = [(0, [Period(index + 1, 1 + index % CUSTOMERS, FIRST_DAY)])]
        for index in range(NUMBERS, NUMBERS + UNKNOWN):
            self.said[digits_of(index)] = [(0, [])]

    def first_events(self) -> list[Event]:
        """The carrier as it is told before the first call."""
        told: list[Event] = [customer(customer_id) for customer_id in range(1, CUSTOMERS + 1)]
        for digits, [(_, periods)] in self.said.items():
            for each in periods:
                told += [number(each.number_id, each.customer, digits), _assignment(digits, each)]
        return told

    def change(self) -> Change:
        """A number goes to another customer from a day of January on, or an unknown one becomes somebody's."""
        unknown = [each for each, told in self.said.items() if not told[-1][1]]
        known = [each for each in self.said if self._can_move(each)]
        digits = self.random.choice(unknown if unknown and self.random.random() < 0.25 else known)
        before = self.said[digits][-1][1]
        events: list[Event] = []
        periods = list(before)
        day = FIRST_DAY + timedelta(self.random.choice([0, 9]))
        if before:
            last = before[-1]
            day = last.start + timedelta(self.random.randint(1, max(1, (_last_day() - last.start).days - 1)))
            periods[-1] = replace(last, end=day - timedelta(1), version=last.version + 1)
            events.append(_assignment(digits, periods[-1]))
        self._ids += 1
        holder = self.random.choice([each for each in range(1, CUSTOMERS + 1) if not before or each != last.customer])
        periods.append(Period(self._ids, holder, day))
        events += [number(self._ids, holder, digits, start=day), _assignment(digits, periods[-1])]
        return Change(digits, events, periods)

    def _can_move(self, digits: str) -> bool:
        periods = self.said[digits][-1][1]
        return bool(periods) and periods[-1].start < _last_day() - timedelta(1)

    def note(self, change: Change, generation: int) -> None:
        """A change was taken in and made a generation."""
        self.said[change.digits].append((generation, change.periods))

    def outcome(self, call: dict[str, Any], generation: int | None = None) -> Outcome:
        """What a call comes to, as all was said in the end, or up to a generation."""
        told = self.said[call["charged_number"].removeprefix("+")]
        periods = [said for since, said in told if generation is None or since <= generation][-1]
        day = date.fromisoformat(call["start"][:10])  # local time is UTC in January
        for each in periods:
            if each.has(day):
                return Outcome(each.customer, charge_micro(call["other_party"], call["duration_seconds"]))
        return Outcome(reason="no_active_call_plan" if periods else "unknown_number")


def digits_of(index: int) -> str:
    """A number of the range that is kept free for examples."""
    return f"442079460{index:03d}"


def _last_day() -> date:
    return FIRST_DAY + timedelta(DAYS - 1)


def _assignment(digits: str, period: Period) -> Event:
    told: dict[str, Any] = {"version": period.version, "start": period.start, "end": period.end}
    return assignment(period.number_id, period.customer, digits, **told)


@lru_cache(maxsize=10_000)
def charge_micro(other_party: str, seconds: int) -> int:
    """SPEC R6: by the second, at the longest prefix's price, to four places of a pound, halves up."""
    digits = other_party.removeprefix("+")
    prefix = max((each for each in PRICES if digits.startswith(each)), key=len)
    exact = Fraction(PRICES[prefix] * seconds, 60 * ROUNDED_TO_MICRO)
    units = Decimal(exact.numerator) / Decimal(exact.denominator)
    return int(units.quantize(Decimal(1), ROUND_HALF_UP)) * ROUNDED_TO_MICRO


@dataclass
class Calls:
    """Random records: calls, second copies and conflicting ones of what came before, and what no one can read."""

    seed: int
    copies: float = 0.04
    made: int = 0
    _recent: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(f"calls {self.seed}")

    def next(self, count: int) -> list[bytes]:
        """So many records more."""
        return [self._one() for _ in range(count)]

    def _one(self) -> bytes:
        dice = self.random.random()
        if dice < 0.005:
            return self.random.choice([b"not a record", b"", cdr(SOURCE, "", digits_of(0))])
        if dice < 0.005 + self.copies and self._recent:
            return self._copy()
        self.made += 1
        value = self._call()
        self._recent.append(value)
        if len(self._recent) > 20_000:
            self._recent = self._recent[10_000:]
        return value

    def _copy(self) -> bytes:
        again = self.random.choice(self._recent[-self.random.choice([50, 20_000]) :])
        if self.random.random() < 0.8:
            return again
        return json.dumps(json.loads(again) | {"duration_seconds": 601}).encode()

    def _call(self) -> bytes:
        charged = self.random.randrange(NUMBERS)
        if self.random.random() < 0.02:
            charged = NUMBERS + self.random.randrange(UNKNOWN)
        midnight = datetime.combine(FIRST_DAY, datetime.min.time())
        start = midnight + timedelta(seconds=self.random.randrange(DAYS * 86_400))
        return cdr(
            SOURCE,
            f"{self.made}",
            digits_of(charged),
            other_party=self.random.choice(OTHERS),
            start=f"{start.isoformat()}Z",
            duration_seconds=self.random.choice([0, self.random.randint(1, 600), self.random.randint(1, 60)]),
        )
