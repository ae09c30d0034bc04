"""Increases: many standard features raised (or lowered) in one go, as it was previewed (SPEC C12)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from contracts.customers import Charge
from contracts.reference import StandardCharge
from customers.domain.charges import LARGEST_AMOUNT, changed_from
from customers.domain.numbers import Feature
from customers.domain.prices import Price, StandardCharges, price_on
from customers.domain.reference import Entry
from customers.domain.rules import RuleBroken
from money.rounding import round_half_up

PLACES = 4
"""SPEC C12: the decimal places of a raised price."""
Kinds = Literal["recurring", "one_off", "both"]
State = Literal["scheduled", "applying", "applied", "cancelled"]


@dataclass(frozen=True)
class Scope:
    """Which standard features: all that are not retired, or those whose name begins so, or these codes."""

    all: bool = False
    codes: tuple[str, ...] = ()
    name_prefix: str = ""


@dataclass(frozen=True)
class Terms:
    """What is asked for. Either `percentage` or `amount` (net pounds, for one unit); negative ones lower prices.

    `also_existing`: the recurring charges of features that customers have at the standard price change too.
    """

    scope: Scope
    effective_from: date
    percentage: Decimal | None = None
    amount: Decimal | None = None
    kinds: Kinds = "recurring"
    also_existing: bool = False


@dataclass(frozen=True)
class Step:
    """One standard feature's charges on the effective date, without the increase and with it."""

    code: str
    name: str
    before: StandardCharges
    after: StandardCharges


@dataclass(frozen=True)
class Reach:
    """What customers have at the prices that change. `monthly_difference` is exact: net pounds a month."""

    customers: int = 0
    features: int = 0
    charges: int = 0
    monthly_difference: Fraction = Fraction(0)


@dataclass(frozen=True)
class Plan:
    """What an increase does: a step for each standard feature that changes, and what each reaches, by code."""

    steps: tuple[Step, ...]
    reach: Mapping[str, Reach]
    total: Reach
    unchanged: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Increase:
    """An increase that was asked for, and how far it is. Counts are of what was changed so far.

    `reached` is the last customer of this round whose features were looked at.
    """

    increase_id: int
    token: str
    state: State
    terms: Terms
    steps: tuple[Step, ...]
    actor: str
    asked_at: datetime
    reached: int = 0
    customers: int = 0
    features: int = 0
    charges: int = 0


@dataclass(frozen=True)
class Raised:
    """A customer's feature whose charges changed, and which charge took the place of which."""

    before: Feature
    after: Feature
    replaced: tuple[tuple[int, int], ...]


def check_terms(terms: Terms) -> Terms:
    """Raises RuleBroken where it is not said how much, or it is said twice."""
    if (terms.percentage is None) == (terms.amount is None):
        raise RuleBroken("percentage", "give either a percentage or an amount, not both")
    if not (terms.percentage or terms.amount):
        raise RuleBroken("amount" if terms.percentage is None else "percentage", "by 0 nothing changes")
    if terms.also_existing and terms.kinds == "one_off":
        raise RuleBroken("also_existing", "customers' one-off charges never change: leave it out, or raise both kinds")
    if terms.percentage is not None and not -100 <= terms.percentage <= 1000:
        raise RuleBroken("percentage", f"{terms.percentage} %: give one from -100 to 1000")
    if sum((terms.scope.all, bool(terms.scope.codes), bool(terms.scope.name_prefix))) != 1:
        raise RuleBroken("scope", "say one of: all, codes, name_prefix")
    return terms


def raised_price(price: Decimal, terms: Terms) -> Decimal:
    """SPEC C12: a price with the increase, rounded half up to 4 decimal places.

    A percentage is worked out exactly and rounded once. An amount leaves a negative price (a discount) as it is.

    Raises:
        RuleBroken: the price would fall below 0, or grow too large.
    """
    if terms.percentage is not None:
        exact = Fraction(price) * (100 + Fraction(terms.percentage)) / 100
    else:
        exact = Fraction(price) + (Fraction(terms.amount or 0) if price >= 0 else 0)
    if price >= 0 > exact:
        raise RuleBroken("amount", f"{price} would fall below 0: lower it by {price} at most, or leave it out")
    if abs(exact) > LARGEST_AMOUNT:
        raise RuleBroken("percentage", f"{price} would be more than {LARGEST_AMOUNT}")
    return price if exact == Fraction(price) else _shown(round_half_up(exact, PLACES))


def _shown(price: Decimal) -> Decimal:
    """Without zeros at the end, but for pennies: 10.5000 as 10.50."""
    pennies = round_half_up(price, 2)
    if pennies == price:
        return pennies
    return round_half_up(price, 3) if round_half_up(price, 3) == price else price


def raised_charges(charges: StandardCharges, terms: Terms) -> StandardCharges:
    """A standard feature's charges with the increase; those of another kind stay. Raises as `raised_price`."""
    return tuple(
        charge.model_copy(update={"amount": raised_price(charge.amount, terms)})
        if terms.kinds in (charge.kind, "both")
        else charge
        for charge in charges
    )


def in_scope(scope: Scope, entries: Iterable[Entry]) -> list[Entry]:
    """The standard features that are meant, by code; a retired one only where its code is named.

    Raises:
        RuleBroken: a code is not known, or there is none at all.
    """
    by_code = {entry.code: entry for entry in entries}
    unknown = [code for code in scope.codes if code not in by_code]
    if unknown:
        raise RuleBroken("scope.codes", f"there is no standard feature {', '.join(map(repr, unknown[:10]))}")
    prefix = scope.name_prefix.casefold()
    chosen = [
        entry
        for entry in by_code.values()
        if entry.code in scope.codes
        or (not scope.codes and not entry.retired and entry.name.casefold().startswith(prefix))
    ]
    if not chosen:
        raise RuleBroken("scope.name_prefix", f"no standard feature has a name that begins with '{scope.name_prefix}'")
    return sorted(chosen, key=lambda entry: entry.code)


def step_of(entry: Entry, prices: Sequence[Price], terms: Terms) -> Step:
    """What the increase does to one standard feature.

    Raises:
        RuleBroken: a price would fall below 0, or one begins on that very day: which of both would hold?
    """
    day = terms.effective_from
    if any(price.valid_from == day for price in prices):
        message = f"{entry.code} has a price that begins on {day}: choose another day, or take that price back first"
        raise RuleBroken("effective_from", message)
    before = price_on(prices, day)
    try:
        return Step(entry.code, entry.name, before, raised_charges(before, terms))
    except RuleBroken as broken:
        raise RuleBroken(broken.field, f"{entry.code}: {broken.message}") from None


def past_warning(terms: Terms, today: date) -> Iterator[str]:
    """That the effective date lies behind."""
    if terms.effective_from < today:
        corrected = ": what was billed since then is refunded and charged again" if terms.also_existing else ""
        yield f"{terms.effective_from} lies in the past{corrected}"


def warnings_of(entry: Entry, prices: Sequence[Price], terms: Terms) -> Iterator[str]:
    """What whoever asks for the increase may not have thought of."""
    for price in sorted(prices, key=lambda price: price.valid_from):
        if price.valid_from > terms.effective_from:
            yield f"{entry.code} has a price from {price.valid_from}, which this does not change: it will hold then"


def term_key(charge: StandardCharge | Charge) -> tuple[str, int | None, bool, Decimal]:
    """What makes a customer's charge one at the standard price: words, frequency, advance or arrears, amount."""
    return charge.description, charge.frequency_months, charge.in_advance, charge.amount


def new_amounts(step: Step) -> dict[tuple[str, int | None, bool, Decimal], Decimal]:
    """The recurring standard charges whose amount changes, and to what."""
    return {
        term_key(old): new.amount
        for old, new in zip(step.before, step.after, strict=True)
        if old.kind == "recurring" and old.amount != new.amount
    }


def raised_feature(feature: Feature, step: Step, day: date, ids: Iterator[int]) -> Raised | None:
    """SPEC Z5, C12: a customer's feature with its recurring charges at the standard price changed from a day.

    Returns:
        None where nothing changes: the customer has a price of its own, or the feature or its charges ended before.
    """
    if feature.end is not None and feature.end < day:
        return None
    amounts, charges, replaced = new_amounts(step), list[Charge](), list[tuple[int, int]]()
    for charge in feature.charges:
        amount = amounts.get(term_key(charge)) if charge.kind == "recurring" else None
        parts = (charge,) if amount is None else changed_from(charge, day, amount, new_id=next(ids))
        charges += parts
        if parts[-1].charge_id != charge.charge_id:
            replaced.append((charge.charge_id, parts[-1].charge_id))
    if not replaced:
        return None
    after = replace(feature, charges=tuple(charges), version=feature.version + 1)
    return Raised(feature, after, tuple(replaced))


def monthly(difference: Decimal, quantity: Decimal, months: int) -> Fraction:
    """What a difference in price comes to in a month, exactly."""
    return Fraction(difference) * Fraction(quantity) / months


def token_of(terms: Terms, plan: Plan, after_increase: int) -> str:
    """A short fingerprint of what an increase would do: of the prices, and where customers are changed, of those.

    Args:
        terms: what is asked for.
        plan: what that does.
        after_increase: the id of the latest increase: another one in between is a change too.
    """
    reach = {code: vars(reach) for code, reach in plan.reach.items()} if terms.also_existing else None
    steps = [(step.code, _dumped(step.before), _dumped(step.after)) for step in plan.steps]
    told = {"terms": terms_json(terms), "steps": steps, "reach": reach, "after": after_increase}
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _dumped(charges: StandardCharges) -> list[dict[str, Any]]:
    return [charge.model_dump(mode="json") for charge in charges]


def terms_json(terms: Terms) -> dict[str, Any]:
    """Terms as JSON."""
    return {
        "scope": {"all": terms.scope.all, "codes": list(terms.scope.codes), "name_prefix": terms.scope.name_prefix},
        "effective_from": terms.effective_from.isoformat(),
        "percentage": None if terms.percentage is None else format(terms.percentage, "f"),
        "amount": None if terms.amount is None else format(terms.amount, "f"),
        "kinds": terms.kinds,
        "also_existing": terms.also_existing,
    }


def steps_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as JSON."""
    return [
        {"code": step.code, "name": step.name, "before": _dumped(step.before), "after": _dumped(step.after)}
        for step in steps
    ]


def check_cancel(increase: Increase, today: date) -> None:
    """Raises RuleBroken where an increase can no longer be cancelled: its day has come, or charges were changed."""
    if increase.state == "cancelled":
        return
    if increase.terms.effective_from <= today:
        day = increase.terms.effective_from
        raise RuleBroken("state", f"it holds since {day}: undo it with another increase, or with single prices")
    if increase.charges:
        raise RuleBroken("state", f"it has changed {increase.charges} charges of customers: lower them by another one")


def state_at_first(terms: Terms, today: date) -> State:
    """Where an increase stands when it is asked for."""
    if terms.also_existing:
        return "applying"
    return "scheduled" if terms.effective_from > today else "applied"


def state_after_round(increase: Increase, today: date) -> State:
    """Where it stands when all customers were looked at: it goes round again on its day, for those added since."""
    return "scheduled" if increase.terms.effective_from > today else "applied"
