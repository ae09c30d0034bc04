"""What discount plans take off calls, one call after the other in the order of their start (SPEC R7, Z18, Z19).

Whole numbers throughout: micro-pounds, seconds, messages and bytes. All pools of units are drawn on first, then those
of cash; plans in the order of their codes, pools in that of their plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from rating.domain.plans import CALLS, CAP, CASH, EVERY_NUMBER, Holdings, Plan, Pool, first_of


class RestRate(NamedTuple):
    """What the rest of a call is charged by (SPEC R6): micro-pounds for `Call.divisor` of what is used."""

    price: int
    connection: int
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A priced call. `billed` is what it draws: seconds, messages or bytes, 0 for an unanswered or free one.

    `rate` is None for a call that a markup prices; `charge` is its list price; `place` what a charge is a multiple of.
    """

    usage_id: int
    number_id: int
    call_class: str
    band: str
    service_type: str
    day: date
    billed: int
    charge: int
    rate: RestRate | None
    divisor: int
    place: int


class Key(NamedTuple):
    """One pool of one month, of one number or, EVERY_NUMBER, shared by all."""

    plan: str
    pool: str
    number_id: int
    month: date


@dataclass(frozen=True, slots=True)
class Draw:
    """What a call drew: seconds, calls or messages, bytes, or micro-pounds; of a cap, micro-pounds."""

    plan: str
    pool: str
    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class Discount:
    """What plans make of a call: `plan` is the first that it drew on, or whose price it has."""

    plan: str
    discount: int
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True)
class Discounted:
    """SPEC Z19: the draw of a call. `charge_micro` is what is left to be charged.

    `close_id` is the close that decided; None: it is provisional, as if the month's bill were made now.
    """

    plan: str
    discount_micro: int
    charge_micro: int
    draws: tuple[Draw, ...]
    close_id: int | None


@dataclass(frozen=True, slots=True)
class _Offer:
    plan: Plan
    pool: Pool
    key: Key


class Meters:
    """The pools of one customer, as calls draw on them."""

    def __init__(self, plans: Sequence[Plan], holdings: Holdings, before: Mapping[Key, int]) -> None:
        """`before` is what was drawn by closes that stand."""
        self._plans = sorted(plans, key=lambda plan: plan.code)
        self._holdings = holdings
        self._before = before
        self._left: dict[Key, int] = {}
        self._drawn: dict[Key, int] = {}
        self._taking: dict[tuple[str, str, str], list[tuple[Plan, tuple[Pool, ...]]]] = {}

    @property
    def drawn(self) -> Mapping[Key, int]:
        """What calls have drawn since."""
        return self._drawn

    def left(self, plan: Plan, key: Key) -> int:
        """What is left of a pool or a cap."""
        if key not in self._left:
            each = plan.cap if key.pool == CAP else next(p.quantity for p in plan.pools if p.name == key.pool)
            filled = self._holdings.filled(plan, key.number_id, key.month) * Fraction(each or 0)
            self._left[key] = max(_whole(filled) - self._before.get(key, 0), 0)
        return self._left[key]

    def take(self, plan: Plan, key: Key, amount: int) -> None:
        """Draw on a pool or a cap; no more than is left."""
        self._left[key] = self.left(plan, key) - amount
        self._drawn[key] = self._drawn.get(key, 0) + amount

    def worth_left(self, plan: Plan, number_id: int, month: date) -> int | None:
        """What the plan may still be worth in a month, in micro-pounds; None without a cap."""
        return None if plan.cap is None else self.left(plan, cap_key(plan, number_id, month))

    def discount(self, call: Call) -> Discount | None:
        """Let a call draw. The next one must not have started before it. Returns None where no plan prices it."""
        offers = list(self._offers(call)) if call.billed else []
        if not offers:
            return None
        return _Settling(self, call).settle(offers)

    def _offers(self, call: Call) -> Iterator[_Offer]:
        """The pools that a call may draw on, units before cash."""
        month = first_of(call.day)
        for plan, pools in self._takers(call):
            if self._holdings.has(plan.code, call.number_id, call.day):
                for pool in pools:
                    yield _Offer(plan, pool, pool_key(plan, pool, call.number_id, month))

    def _takers(self, call: Call) -> list[tuple[Plan, tuple[Pool, ...]]]:
        kind = (call.call_class, call.band, call.service_type)
        if kind not in self._taking:
            taking = [(plan, tuple(pool for pool in plan.pools if pool.takes(*kind))) for plan in self._plans]
            self._taking[kind] = [(plan, pools) for plan, pools in taking if pools]
        return self._taking[kind]


class _Settling:
    """One call, on its way from pool to pool."""

    def __init__(self, meters: Meters, call: Call) -> None:
        self._meters = meters
        self._call = call
        self._covered = 0
        self._beyond_cap = 0
        self._draws: list[Draw] = []

    def settle(self, offers: Sequence[_Offer]) -> Discount | None:
        for offer in offers:
            if offer.pool.unit != CASH:
                self._cover(offer)
        priced = next((offer for offer in offers if offer.pool.beyond_price is not None), None)
        price = priced.pool.beyond_price if priced and self._covered < self._call.billed else None
        charge = charge_of_rest(self._call, self._covered, price) + self._beyond_cap
        for offer in offers:
            if offer.pool.unit == CASH:
                charge -= self._pay(offer, charge)
        if not self._draws and price is None:
            return None
        plan = self._draws[0].plan if self._draws or priced is None else priced.plan.code
        return Discount(plan, self._call.charge - charge, tuple(self._draws))

    def _cover(self, offer: _Offer) -> None:
        """Draw units; what that is worth beyond the plan's cap stays charged."""
        rest = self._call.billed - self._covered
        worth_left = self._worth_left(offer)
        left = self._meters.left(offer.plan, offer.key)
        if not rest or not left or worth_left == 0:
            return
        amount, covers = _units(offer.pool, self._call, left, rest)
        self._draw(offer, amount)
        worth = charge_of_rest(self._call, self._covered) - charge_of_rest(self._call, self._covered + covers)
        self._covered += covers
        if worth_left is not None:
            self._beyond_cap += worth - self._use_cap(offer, min(worth, worth_left))

    def _pay(self, offer: _Offer, charge: int) -> int:
        """Draw cash. Returns how much."""
        worth_left = self._worth_left(offer)
        amount = max(min(self._meters.left(offer.plan, offer.key), charge), 0)
        if worth_left is not None:
            amount = self._use_cap(offer, min(amount, worth_left))
        if amount:
            self._draw(offer, amount)
        return amount

    def _worth_left(self, offer: _Offer) -> int | None:
        return self._meters.worth_left(offer.plan, self._call.number_id, offer.key.month)

    def _use_cap(self, offer: _Offer, worth: int) -> int:
        if worth:
            key = cap_key(offer.plan, self._call.number_id, offer.key.month)
            self._meters.take(offer.plan, key, worth)
        return worth

    def _draw(self, offer: _Offer, amount: int) -> None:
        self._meters.take(offer.plan, offer.key, amount)
        self._draws.append(Draw(offer.plan.code, offer.pool.name, offer.pool.unit, amount))


def _units(pool: Pool, call: Call, left: int, rest: int) -> tuple[int, int]:
    """What a call draws on a pool, and how much of the call that covers; of a pool of calls one covers all the rest."""
    if pool.unit == CALLS and call.service_type != "sms":
        return 1, rest
    amount = min(left, rest)
    return amount, amount


def pool_key(plan: Plan, pool: Pool, number_id: int, month: date) -> Key:
    """Where a number's calls of a month draw on a pool."""
    return Key(plan.code, pool.name, EVERY_NUMBER if pool.shared else number_id, month)


def cap_key(plan: Plan, number_id: int, month: date) -> Key:
    """Where a number's calls of a month use a plan's cap up."""
    return Key(plan.code, CAP, number_id if plan.caps_each_number else EVERY_NUMBER, month)


def charge_of_rest(call: Call, covered: int, price: int | None = None) -> int:
    """SPEC Z19: the charge in micro-pounds of what is not covered: no second increment, the connection charge only if
    nothing is covered, minimum and maximum to the charge of the rest, rounded as the tariff says.

    Args:
        covered: of `call.billed`.
        price: the plan's own, instead of the tariff's or the markup's.
    """
    rest = call.billed - covered
    if rest <= 0:
        return 0
    if not covered and price is None:
        return call.charge
    if call.rate is None:
        # A markup prices the call as a whole: the rest is its part of that.
        numerator, divisor = (call.charge, call.billed) if price is None else (price, call.divisor)
        return _half_up(numerator * rest, divisor * call.place) * call.place
    rate = call.rate
    connection = 0 if covered else rate.connection
    scaled = connection * call.divisor + (rate.price if price is None else price) * rest
    scaled = max(scaled, rate.minimum * call.divisor)
    if rate.maximum is not None:
        scaled = min(scaled, rate.maximum * call.divisor)
    return _half_up(scaled, call.divisor * call.place) * call.place


def _half_up(numerator: int, denominator: int) -> int:
    """SPEC Z1: halves away from zero."""
    steps = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -steps if numerator < 0 else steps


def _whole(value: Fraction) -> int:
    return _half_up(value.numerator, value.denominator)


def billed_of(service_type: str, used: int, billed_seconds: int, rate: tuple[int, int, int] | None) -> int:
    """SPEC R6, Z18: what a call draws: seconds of voice, else messages or bytes.

    Args:
        used: seconds, messages or bytes of the record.
        billed_seconds: as they were priced.
        rate: initial, step and free of the rate; None where a markup prices it.
    """
    if service_type == "voice":
        return billed_seconds
    if rate is None:
        return used
    initial, step, free = rate
    return 0 if used < free else initial + -(-max(used - initial, 0) // step) * step
