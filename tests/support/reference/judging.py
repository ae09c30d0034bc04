"""What becomes of one call: whose it is, what class it is of and what it costs (SPEC R3 to R6, Z7, Z16 to Z18, Z22)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from tests.support.reference.carrier import ACCUMULATES, DROPPED, IGNORED_TYPES, Carrier, Number
from tests.support.reference.days import band_of, local
from tests.support.reference.deck import DEFAULT_PLACES, Tariff, fallback_of, markup_of
from tests.support.reference.numbers import digits_of, longest_prefix
from tests.support.reference.pricing import SECONDS_IN_A_MINUTE, charge_by_markup, charge_by_rate
from tests.support.reference.records import Call

RATED, UNPRICED, SUSPENDED, IGNORED, DUPLICATE, REJECTED = OUTCOMES = (
    "rated",
    "unpriced",
    "suspended",
    "ignored",
    "duplicate",
    "rejected",
)
ZERO = Decimal(0)
BY_SERVICE = {"sms": "SMS", "data": "Data"}
INBOUND_CLASS = "Inbound"


@dataclass(frozen=True, slots=True)
class Judged:
    """A call as it stands: its outcome, and for a rated one whose it is and the charge in pounds, before discounts."""

    outcome: str
    local_day: date
    reason: str = ""
    number: Number | None = None
    call_class: str = ""
    band: str = ""
    charge: Decimal = ZERO
    billed: int = 0
    step: int = 0
    tariff: str | None = None


def rate_call(carrier: Carrier, call: Call) -> Judged:
    """SPEC Z22, from the unknown number on: allocates a call that is no duplicate, and prices it."""
    start = local(call.start)
    number = carrier.holder(digits_of(call.charged_number), start.date())
    held = held_because(number, start.date())
    if held:
        outcome, reason = held
        return Judged(outcome, start.date(), reason, number)
    assert number
    return price_call(carrier, call, number, start)


def held_because(number: Number | None, day: date) -> tuple[str, str] | None:
    """SPEC R3, Z7, Z22: the outcome and reason that keep a call from being charged."""
    if number is None:
        return SUSPENDED, "unknown_number"
    if number.kind in IGNORED_TYPES:
        return IGNORED, "ignored_number_type"
    if DROPPED in (number.customer.status, number.customer.status_on(day)):
        return SUSPENDED, "customer_dropped"
    if number.customer.status_on(day) not in ACCUMULATES:
        return SUSPENDED, "status_does_not_accumulate"
    if not number.active_on(day):
        return SUSPENDED, "no_active_call_plan"
    return None


def class_of(carrier: Carrier, call: Call) -> str:
    """SPEC R4: the class of a call; empty where nothing gives one."""
    deck = carrier.deck
    if call.call_class in deck.classes:
        return call.call_class or ""
    if call.service in BY_SERVICE:
        return BY_SERVICE[call.service]
    if call.inbound:
        return longest_prefix(deck.inbound, digits_of(call.charged_number)) or INBOUND_CLASS
    return longest_prefix(deck.destinations, digits_of(call.other_party)) or ""


def price_call(carrier: Carrier, call: Call, number: Number, start: datetime) -> Judged:
    """SPEC R5, Z16, Z18: the first step of the price chain that answers."""
    call_class, band = class_of(carrier, call), band_of(start)

    def judged(
        outcome: str, charge: Decimal = ZERO, billed: int = 0, step: int = 0, by: Tariff | None = None
    ) -> Judged:
        reason = "no_price" if outcome == UNPRICED else ""
        code = by.code if by else None
        return Judged(outcome, start.date(), reason, number, call_class, band, charge, billed, step, code)

    if call.service == "voice" and call.used == 0:
        return judged(RATED)
    own, theirs = number.choice, number.customer.choice
    tariff = carrier.deck.choose(own, theirs, call_class, call.source, number.kind)
    rate = tariff.rate_for(_priced_digits(call), call_class, band, start.date()) if tariff else None
    if tariff and rate:
        charge, billed = charge_by_rate(rate, call.used, _divisor(call, tariff), tariff.places)
        return judged(RATED, charge, billed, 1, tariff)
    markup, cost = markup_of(own, theirs, call_class), call.cost()
    if markup is not None and cost is not None:
        places = tariff.places if tariff else DEFAULT_PLACES
        return judged(RATED, charge_by_markup(cost, markup, places), call.used, 2, tariff)
    return judged(UNPRICED, by=tariff)


def price_at_close(carrier: Carrier, call: Call, unpriced: Judged) -> Judged:
    """SPEC R5 (3), Z16, Z17: a call that no other step prices, when its customer is billed; as it was where none is."""
    number = unpriced.number
    assert number
    own, theirs = number.choice, number.customer.choice
    tariff = carrier.deck.choose(own, theirs, unpriced.call_class, call.source, number.kind)
    markup, cost = fallback_of(tariff, own, theirs), call.cost()
    if markup is None or cost is None:
        return unpriced
    charge = charge_by_markup(cost, markup, tariff.places if tariff else DEFAULT_PLACES)
    return replace(unpriced, outcome=RATED, reason="", charge=charge, billed=call.seconds, step=3)


def _priced_digits(call: Call) -> str:
    """The number whose prefix is looked up: a tariff's prefixes are those of voice calls made."""
    if call.service != "voice" or call.inbound:
        return ""
    return digits_of(call.other_party)


def _divisor(call: Call, tariff: Tariff) -> int:
    if call.service == "voice":
        return SECONDS_IN_A_MINUTE
    return tariff.megabyte_bytes if call.service == "data" else 1
