"""What discount plans make of a customer's calls (SPEC R7, Z18, Z19), second by second, message by message.

Slow on purpose: a call asks for each second, message or byte that it is billed, one after the other.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from tests.support.reference.pricing import ZERO, Rate, half_up

UNITS_IN = {"minutes": 60, "calls": 1, "megabytes": 1_000_000}
MICRO_PLACES = 6


@dataclass(frozen=True, slots=True)
class Pool:
    """SPEC R7: what is included each month, in minutes, calls, megabytes or pounds."""

    name: str
    unit: str
    quantity: Fraction
    classes: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    shared: bool = True
    beyond: Fraction | None = None

    def is_for(self, call: Call) -> bool:
        """Whether a call qualifies."""
        if self.classes and call.call_class not in self.classes:
            return False
        if self.bands and call.band not in self.bands:
            return False
        return {"minutes": "voice", "megabytes": "data"}.get(self.unit, call.service) == call.service

    def scope(self, call: Call) -> int | None:
        """Whose pool it is: the number's, or None for all."""
        return None if self.shared else call.number


@dataclass(frozen=True, slots=True)
class Plan:
    """Pools and what they are worth at most; used up together."""

    code: str
    pools: tuple[Pool, ...]
    cap: Fraction | None = None
    prorated: bool = False

    def cap_scope(self, call: Call) -> int | None:
        """A plan without a shared pool has a cap for each number."""
        return None if any(pool.shared for pool in self.pools) else call.number


@dataclass(frozen=True, slots=True)
class Held:
    """A plan that somebody has from day to day; `number` None: for all numbers."""

    plan: str
    holder: str
    number: int | None
    first: date
    last: date | None
    quantity: int = 1

    def on(self, day: date) -> bool:
        """Whether it counts on a day."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Call:
    """A priced call: what it was billed, and its list price in pounds; without a rate, a markup priced it."""

    name: str
    started: datetime
    source: str
    day: date
    number: int
    call_class: str
    band: str
    service: str
    billed: int
    charge: Decimal
    rate: Rate | None
    divisor: int
    places: int


@dataclass(slots=True)
class Account:
    """The pools of one customer; `drawn` in seconds, calls, bytes or pounds."""

    plans: Sequence[Plan]
    held: Sequence[Held]
    drawn: dict[tuple[object, ...], Fraction] = field(default_factory=dict)

    def bill(self, calls: Iterable[Call]) -> dict[str, tuple[str, Decimal]]:
        """SPEC Z19: by start, source and record id. Returns plan and charge of each call; no plan: the list price."""
        ordered = sorted(calls, key=lambda call: (call.started, call.source, call.name))
        return {call.name: self._settle(call) for call in ordered}

    def _settle(self, call: Call) -> tuple[str, Decimal]:
        offers = [
            (plan, pool)
            for plan in sorted(self.plans, key=lambda plan: plan.code)
            for pool in plan.pools
            if pool.is_for(call) and self._has(plan, call) and call.billed
        ]
        touched: list[str] = []
        covered, beyond_cap = 0, ZERO
        for plan, pool in offers:
            if pool.unit != "cash":
                more, cut = self._cover(plan, pool, call, covered)
                touched += [plan.code] if more else []
                covered, beyond_cap = covered + more, beyond_cap + cut
        own = next(((plan.code, pool.beyond) for plan, pool in offers if pool.beyond is not None), None)
        if covered == call.billed:
            own = None
        charge = rest(call, covered, own[1] if own else None) + beyond_cap
        for plan, pool in offers:
            if pool.unit == "cash":
                paid = self._pay(plan, pool, call, charge)
                touched += [plan.code] if paid else []
                charge -= paid
        by_plan = touched[0] if touched else own[0] if own else ""
        return by_plan, half_up(charge, MICRO_PLACES)

    def _has(self, plan: Plan, call: Call) -> bool:
        return any(
            each.plan == plan.code and each.number in (None, call.number) and each.on(call.day) for each in self.held
        )

    def _cover(self, plan: Plan, pool: Pool, call: Call, covered: int) -> tuple[int, Fraction]:
        """How much more is covered, and what of that the cap leaves to be paid."""
        worth_left = self._worth_left(plan, call)
        if worth_left == 0:
            return 0, ZERO
        more = 0
        if pool.unit == "calls" and call.service != "sms":
            if covered < call.billed and self._draw(plan, pool, call):
                more = call.billed - covered
        else:
            while covered + more < call.billed and self._draw(plan, pool, call):
                more += 1
        worth = rest(call, covered) - rest(call, covered + more)
        if worth_left is None or worth <= worth_left:
            self._use_cap(plan, call, worth)
            return more, ZERO
        self._use_cap(plan, call, worth_left)
        return more, worth - worth_left

    def _draw(self, plan: Plan, pool: Pool, call: Call) -> bool:
        """One second, call or byte, if there is one left."""
        key = (plan.code, pool.name, pool.scope(call), call.day.year, call.day.month)
        there = half_up(self._filled(plan, pool.scope(call), call.day) * pool.quantity * UNITS_IN[pool.unit], 0)
        if self.drawn.get(key, ZERO) >= Fraction(there):
            return False
        self.drawn[key] = self.drawn.get(key, ZERO) + 1
        return True

    def _pay(self, plan: Plan, pool: Pool, call: Call, charge: Fraction) -> Fraction:
        key = (plan.code, pool.name, pool.scope(call), call.day.year, call.day.month)
        there = Fraction(half_up(self._filled(plan, pool.scope(call), call.day) * pool.quantity, MICRO_PLACES))
        paid = min(charge, max(there - self.drawn.get(key, ZERO), ZERO))
        worth_left = self._worth_left(plan, call)
        paid = paid if worth_left is None else min(paid, worth_left)
        self.drawn[key] = self.drawn.get(key, ZERO) + paid
        self._use_cap(plan, call, paid)
        return paid

    def _worth_left(self, plan: Plan, call: Call) -> Fraction | None:
        if plan.cap is None:
            return None
        filled = self._filled(plan, plan.cap_scope(call), call.day) * plan.cap
        return max(Fraction(half_up(filled, MICRO_PLACES)) - self.drawn.get(self._cap(plan, call), ZERO), ZERO)

    def _use_cap(self, plan: Plan, call: Call, worth: Fraction) -> None:
        self.drawn[self._cap(plan, call)] = self.drawn.get(self._cap(plan, call), ZERO) + worth

    def _cap(self, plan: Plan, call: Call) -> tuple[object, ...]:
        return (plan.code, None, plan.cap_scope(call), call.day.year, call.day.month)

    def _filled(self, plan: Plan, number: int | None, day: date) -> Fraction:
        """How often the pools are there: whole on the best day of the month, or by days; each holder for itself."""
        days = [day.replace(day=each) for each in range(1, monthrange(day.year, day.month)[1] + 1)]
        theirs = [each for each in self.held if each.plan == plan.code]
        if number is not None:
            theirs = [each for each in theirs if each.number in (None, number)]
        total = ZERO
        for holder in sorted({each.holder for each in theirs}):
            daily = [sum(e.quantity for e in theirs if e.holder == holder and e.on(when)) for when in days]
            total += Fraction(sum(daily), len(days)) if plan.prorated else max(daily)
        return total


def rest(call: Call, covered: int, price: Fraction | None = None) -> Fraction:
    """SPEC Z19: the charge of what is not covered, in pounds, rounded as the tariff says."""
    left = call.billed - covered
    if left == 0:
        return ZERO
    if covered == 0 and price is None:
        return Fraction(call.charge)
    if call.rate is None:
        whole = Fraction(call.charge) * left / call.billed if price is None else price * left / call.divisor
        return Fraction(half_up(whole, call.places))
    charge = (call.rate.price if price is None else price) * left / call.divisor
    if covered == 0:
        charge += call.rate.connection
    charge = max(charge, call.rate.minimum)
    if call.rate.maximum is not None:
        charge = min(charge, call.rate.maximum)
    return Fraction(half_up(charge, call.places))
