"""The arithmetic of one charge, step by step (SPEC R9): what a clerk can follow with a pocket calculator.

The figure at the end comes from the functions that price the stream, with columns of one; the steps before it show how
it comes about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from rating.domain.calendars import ENGLAND_AND_WALES, Calendar
from rating.domain.calls import MISSING, Int
from rating.domain.cdr import Cdr
from rating.domain.charging import (
    SECONDS_PER_MINUTE,
    WHOLE,
    Rating,
    billed_units,
    charge_by_markup,
    charge_by_rate,
    place_of,
)
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES
from rating.domain.wording import ONE_UNIT, money, percent, quantity

POUNDS = "GBP"
Fact: TypeAlias = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an explanation: a sentence to be read out, and the facts in it.

    A fact whose name ends in `_micro` is micro-pounds; texts in it are not to be worked with.
    """

    kind: str
    sentence: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownTariff:
    """The tariff that was chosen, as it is now."""

    code: str
    name: str
    places: int = DEFAULT_ROUNDING_PLACES
    megabyte: int = MEGABYTE_BYTES
    calendar: Calendar = ENGLAND_AND_WALES
    calendar_name: str = "England and Wales"


@dataclass(frozen=True, slots=True)
class KnownRate:
    """SPEC R6: a rate and the version of the tariff that it belongs to; rates never change.

    Money in micro-pounds, increments in seconds, messages or bytes. `prefix` is empty for a class rate, `band` for
    one of all bands.
    """

    rate_id: int
    tariff: str
    tariff_name: str
    version: int
    effective_from: date | None
    prefix: str
    call_class: str
    band: str
    price: int
    connection: int
    initial: int
    step: int
    minimum: int
    maximum: int | None
    free: int


@dataclass(frozen=True, slots=True)
class Worked:
    """Steps and the charge they come to in micro-pounds; None where it cannot be worked out."""

    steps: tuple[Step, ...]
    charge_micro: int | None


def used_of(cdr: Cdr) -> int:
    """What is charged by: seconds of voice, messages, or bytes."""
    return {"voice": cdr.seconds, "sms": cdr.units, "data": cdr.volume_bytes}[cdr.service_type]


def unanswered() -> Worked:
    """SPEC Z18: a voice call of no duration."""
    return Worked((Step("unanswered", "The call was not answered: it is kept and costs nothing."),), 0)


def by_rate(cdr: Cdr, rate: KnownRate, tariff: KnownTariff) -> Worked:
    """SPEC R6: increments, price, minimum and maximum, one rounding."""
    used, divisor = used_of(cdr), divisor_of(cdr.service_type, tariff)
    charge = _charge(used, rate, divisor, tariff.places)
    if used < rate.free:
        free = quantity(rate.free, cdr.service_type)
        sentence = f"{quantity(used, cdr.service_type)} is less than {free}, below which it is free: nothing is billed."
        return Worked((Step("free", sentence, {"used": used, "free_below": rate.free, "billed": 0}),), charge)
    billed = int(billed_units(_column(used), _column(rate.initial), _column(rate.step))[0])
    exact = rate.connection + Fraction(rate.price * billed, divisor)
    steps = [
        _increments(used, billed, rate, cdr.service_type),
        _price(billed, exact, rate, divisor, cdr.service_type),
    ]
    if exact < rate.minimum:
        exact = Fraction(rate.minimum)
        steps.append(
            Step("minimum", f"Raised to the minimum of {money(rate.minimum)}.", {"raised_to_micro": rate.minimum})
        )
    if rate.maximum is not None and exact > rate.maximum:
        exact = Fraction(rate.maximum)
        steps.append(Step("maximum", f"Cut at the maximum of {money(rate.maximum)}.", {"cut_at_micro": rate.maximum}))
    return Worked((*steps, _rounding(exact, charge, tariff.places)), charge)


def divisor_of(service_type: str, tariff: KnownTariff) -> int:
    """How many seconds, messages or bytes a price is for."""
    return {"voice": SECONDS_PER_MINUTE, "sms": 1, "data": tariff.megabyte}[service_type]


def _charge(used: int, rate: KnownRate, divisor: int, places: int) -> int | None:
    maximum = MISSING if rate.maximum is None else rate.maximum
    rating = Rating(
        used=_column(used),
        price=_column(rate.price),
        connection=_column(rate.connection),
        initial=_column(rate.initial),
        step=_column(rate.step),
        minimum=_column(rate.minimum),
        maximum=_column(maximum),
        free=_column(rate.free),
        divisor=_column(divisor),
        place=place_of(_column(places)),
    )
    charge, _, fits = charge_by_rate(rating)
    return int(charge[0]) if fits[0] else None


def _increments(used: int, billed: int, rate: KnownRate, service: str) -> Step:
    facts: dict[str, Fact] = {"used": used, "initial": rate.initial, "step": rate.step, "billed": billed}
    amount, total = quantity(used, service), quantity(billed, service)
    if rate.initial <= 1 and rate.step == 1 and billed == used:
        return Step("increments", f"{amount}, billed by the {ONE_UNIT[service]}.", facts)
    if used <= rate.initial:
        return Step("increments", f"{amount}: {rate.initial:,} are billed at least: {total} billed.", facts)
    count = (billed - rate.initial) // rate.step
    steps = f"{count:,} step{'' if count == 1 else 's'} of {rate.step:,}"
    return Step("increments", f"{amount}: {rate.initial:,} at once, then {steps}: {total} billed.", facts)


def _price(billed: int, exact: Fraction, rate: KnownRate, divisor: int, service: str) -> Step:
    sum_of = f"{price_words(rate, divisor, service)} × {billed:,}"
    if divisor != 1:
        sum_of += f" / {divisor:,}"
    if rate.connection:
        sum_of = f"{money(rate.connection)} connection charge + {sum_of}"
    facts: dict[str, Fact] = {
        "connection_micro": rate.connection,
        "price_micro": rate.price,
        "billed": billed,
        "divisor": divisor,
        "exact": money(exact),
    }
    return Step("price", f"{sum_of} = {money(exact)}.", facts)


def price_words(rate: KnownRate, divisor: int, service: str) -> str:
    """The price with what it is for."""
    per = {"voice": "a minute", "sms": "a message", "data": f"a megabyte of {divisor:,} bytes"}[service]
    return f"{money(rate.price)} {per}"


def _rounding(exact: Fraction, charge: int | None, places: int) -> Step:
    facts: dict[str, Fact] = {"places": places, "exact": money(exact), "charge_micro": charge}
    told = "more than can be stored" if charge is None else money(charge)
    return Step("rounding", f"Rounded once, half up, to {places} decimal places: {told}.", facts)


def best_cost_of(cdr: Cdr) -> tuple[str, int] | None:
    """SPEC R5, Z17: what a markup is put on, with its name; None where there is none in pounds."""
    if cdr.currency != POUNDS:
        return None
    costs = (
        ("suggested retail price", cdr.retail_micro),
        ("cost on the record", cdr.cdr_cost_micro),
        ("carrier's cost", cdr.carrier_cost_micro),
    )
    return next(((name, cost) for name, cost in costs if cost is not None), None)


def by_markup(cdr: Cdr, markup: int, whose: str, tariff: KnownTariff | None, *, is_fallback: bool) -> Worked:
    """SPEC R5 (2), (3), Z17: a percentage on the best cost, one rounding.

    Args:
        markup: millionths of a percent.
        whose: "number", "customer" or "tariff"; empty where it cannot be told any more.
    """
    best = best_cost_of(cdr)
    name = f"{'fallback ' if is_fallback else ''}markup" + (f" of the {whose}" if whose else "")
    facts: dict[str, Fact] = {"markup": percent(markup), "markup_of": whose, "is_fallback": is_fallback}
    if best is None:
        return Worked((Step("markup", f"The {name}, {percent(markup)}, was put on a cost.", facts),), None)
    on, cost = best
    places = tariff.places if tariff else DEFAULT_ROUNDING_PLACES
    charge, fits = charge_by_markup(_column(cost), _column(markup), place_of(_column(places)))
    worked = int(charge[0]) if fits[0] else None
    exact = Fraction(cost * (markup + WHOLE), WHOLE)
    sentence = (
        f"No rate answers, so the {name} applies: {percent(markup)} on the {on} of {money(cost)} = {money(exact)}."
    )
    facts |= {"cost": on, "cost_micro": cost, "exact": money(exact)}
    return Worked((Step("markup", sentence, facts), _rounding(exact, worked, places)), worked)


def _column(value: int) -> Int:
    return np.array([value], dtype=np.int64)
