"""Discount plans and who has them: how much of a pool there is in a month (SPEC R7, Z19)."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

MINUTES, CALLS, MEGABYTES, CASH = "minutes", "calls", "megabytes", "cash"
SERVICES = {MINUTES: {"voice"}, CALLS: {"voice", "sms", "data"}, MEGABYTES: {"data"}, CASH: {"voice", "sms", "data"}}
"""What may draw on pools of a unit."""
COUNTED_IN = {MINUTES: 60, CALLS: 1, MEGABYTES: 1_000_000, CASH: 1_000_000}
"""How many seconds, calls, bytes or micro-pounds one of a unit is."""
MICRO = 1_000_000
CAP = ""
"""Stands for a pool's name where the monthly cap is meant."""
EVERY_NUMBER = 0


@dataclass(frozen=True, slots=True)
class Pool:
    """What is included each month; `quantity` in seconds, calls, bytes or micro-pounds.

    Empty sets of classes and bands stand for all. `beyond_price`, in micro-pounds for a minute, message or megabyte, is
    the plan's own price of what goes beyond.
    """

    name: str
    unit: str
    quantity: Fraction
    call_classes: frozenset[str] = frozenset()
    bands: frozenset[str] = frozenset()
    shared: bool = True
    beyond_price: int | None = None

    def takes(self, call_class: str, band: str, service_type: str) -> bool:
        """Whether such calls draw on it."""
        in_class = not self.call_classes or call_class in self.call_classes
        return in_class and (not self.bands or band in self.bands) and service_type in SERVICES[self.unit]


@dataclass(frozen=True, slots=True)
class Plan:
    """Pools that are drawn on in their order; `cap` is what they are worth together in a month, in micro-pounds."""

    code: str
    pools: tuple[Pool, ...]
    cap: int | None = None
    prorated: bool = False

    @property
    def caps_each_number(self) -> bool:
        """Whether every number has a cap of its own: no pool is shared."""
        return not any(pool.shared for pool in self.pools)


@dataclass(frozen=True, slots=True)
class Holding:
    """A plan that a customer, number or feature has, on local days; both are included. `end` None is open.

    `number_id` is the one that it is for, EVERY_NUMBER where it is for all of the customer's.
    """

    holder: tuple[str, int]
    plan: str
    number_id: int
    start: date
    end: date | None
    quantity: int

    def on(self, day: date) -> int:
        """How often it fills the plan's pools on a day."""
        return self.quantity if self.start <= day and (self.end is None or day <= self.end) else 0


def plan_of(told: Mapping[str, Any]) -> Plan:
    """From the JSON of a plan."""
    cap = told["monthly_cap"]
    pools = tuple(_pool_of(each) for each in told["pools"])
    return Plan(told["code"], pools, None if cap is None else micro_of(cap), told["prorated"])


def _pool_of(told: Mapping[str, Any]) -> Pool:
    beyond = told["beyond_price"]
    return Pool(
        name=told["name"],
        unit=told["unit"],
        quantity=Fraction(Decimal(told["quantity"])) * COUNTED_IN[told["unit"]],
        call_classes=frozenset(told["call_classes"]),
        bands=frozenset(told["bands"]),
        shared=told["shared"],
        beyond_price=None if beyond is None else micro_of(beyond),
    )


def micro_of(pounds: str | Decimal) -> int:
    """Micro-pounds of an amount that has no more places than they."""
    return int(Decimal(pounds) * MICRO)


class Holdings:
    """Who has which plans, of one customer."""

    def __init__(self, holdings: Iterable[Holding]) -> None:
        self._of: dict[tuple[str, int], list[Holding]] = defaultdict(list)
        for each in holdings:
            self._of[each.plan, each.number_id].append(each)
        self._numbers: dict[str, list[int]] = defaultdict(list)
        for plan, number_id in self._of:
            self._numbers[plan].append(number_id)
        self._days: dict[tuple[str, int, date], frozenset[int]] = {}

    def has(self, plan: str, number_id: int, day: date) -> bool:
        """Whether calls of a number on a local day are under a plan."""
        return any(day.day in self._days_of(plan, each, first_of(day)) for each in (EVERY_NUMBER, number_id))

    def _days_of(self, plan: str, number_id: int, month: date) -> frozenset[int]:
        key = (plan, number_id, month)
        if key not in self._days:
            held = self._of.get((plan, number_id), ())
            self._days[key] = frozenset(day.day for day in days_of(month) if any(each.on(day) for each in held))
        return self._days[key]

    def filled(self, plan: Plan, number_id: int, month: date) -> Fraction:
        """How often the plan's pools are filled in a month, for one number or, EVERY_NUMBER, all of them together."""
        numbers = self._numbers[plan.code] if number_id == EVERY_NUMBER else [EVERY_NUMBER, number_id]
        held = [each for number in numbers for each in self._of.get((plan.code, number), ())]
        return sum((_filled_by(each, month, plan.prorated) for each in _by_holder(held)), Fraction(0))

    def numbers(self, plan: str, month: date) -> list[int]:
        """The numbers that have a plan of their own in a month; EVERY_NUMBER among them where all have it."""
        return sorted(each for each in self._numbers[plan] if self._days_of(plan, each, month))


def _by_holder(holdings: Iterable[Holding]) -> Iterable[Sequence[Holding]]:
    found: dict[tuple[str, int], list[Holding]] = defaultdict(list)
    for each in holdings:
        found[each.holder].append(each)
    return found.values()


def _filled_by(holdings: Sequence[Holding], month: date, prorated: bool) -> Fraction:
    """SPEC Z19: whole for part of a month, as often as on its best day; or each day its part."""
    days = days_of(month)
    if all(each.start > days[-1] or (each.end is not None and each.end < month) for each in holdings):
        return Fraction(0)
    daily = [sum(each.on(day) for each in holdings) for day in days]
    return Fraction(sum(daily), len(daily)) if prorated else Fraction(max(daily))


def first_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def days_of(month: date) -> list[date]:
    """The days of a month, given its first."""
    return [month.replace(day=day) for day in range(1, monthrange(month.year, month.month)[1] + 1)]
