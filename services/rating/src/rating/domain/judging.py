"""Where a call is priced: whose it is, what class it is of, and the chain that gives its price.

`judge` is the one way in. Rejected records and duplicates never come here; the rest of SPEC Z22 is decided in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from rating.domain.cdr import Cdr
from rating.domain.charging import SECONDS_PER_MINUTE, charge_by_markup, charge_by_rate
from rating.domain.picture import Assignment, Choices, Customer, Number, Picture
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, Tariff

CLASS_BY_SERVICE = {"sms": "SMS", "data": "Data"}
INBOUND_CLASS = "Inbound"
POUNDS = "GBP"
_Entry = TypeVar("_Entry")
LARGEST = 2**63 - 1
"""What a stored column holds; what would be more is held, never wrapped."""


@dataclass(frozen=True, slots=True)
class Rated:
    """A call allocated to a customer and priced; money in micro-pounds.

    `step` is the step of SPEC R5 that answered, 0 for an unanswered call. `prefix` is empty for a class rate.
    """

    customer_id: int
    number_id: int
    call_class: str
    destination: str
    step: int
    charge_micro: int
    cost_micro: int | None
    billed_seconds: int = 0
    tariff: str | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A call that is not charged (yet), and why. The customer is known where it is unpriced."""

    outcome: Literal["suspended", "ignored", "unpriced"]
    reason: str
    detail: str = ""
    customer_id: int | None = None
    number_id: int | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """The number and customer that a call is guided to."""

    number: Number
    customer: Customer


def judge(cdr: Cdr, picture: Picture) -> Rated | Held:
    """SPEC R3 to R6, Z22: allocate a call and price it, or say why not."""
    holder = guide(cdr, picture)
    return holder if isinstance(holder, Held) else price(cdr, holder, picture)


def guide(cdr: Cdr, picture: Picture) -> Holder | Held:
    """SPEC R3, Z7: the customer whose number had an active call plan on the day of the call."""
    assignments = picture.assignments.get(cdr.charged_number)
    if not assignments:
        return Held("suspended", "unknown_number", f"no customer has {cdr.charged_number or 'such a number'}")
    assignment = holding(assignments, cdr.local_date)
    number = picture.numbers.get(assignment.number_id)
    customer = picture.customers.get(assignment.customer_id)
    if number is None or customer is None:
        return Held("suspended", "unknown_number", f"customer {assignment.customer_id} is not known here yet")
    if number.number_type in picture.ignored_types:
        return Held("ignored", "number_type", f"numbers of type {number.number_type} are ignored")
    if not _accumulates(customer, cdr.local_date, picture):
        return Held("suspended", "customer_dropped", f"customer {customer.customer_id} is dropped")
    if not assignment.active_on(cdr.local_date):
        return Held("suspended", "no_active_call_plan", f"no call plan is active on {cdr.local_date}")
    return Holder(number, customer)


def holding(assignments: tuple[Assignment, ...], day: date) -> Assignment:
    """The assignment of the day; where none is active, the last that began by then, else the first."""
    last = assignments[0]
    for assignment in assignments:
        if assignment.active_on(day):
            return assignment
        if assignment.start <= day:
            last = assignment
    return last


def _accumulates(customer: Customer, day: date, picture: Picture) -> bool:
    """SPEC Z7: the status of the day accumulates charges, and the customer is not dropped now."""
    then, now = picture.statuses.get(customer.status_on(day)), picture.statuses.get(customer.status)
    return then is not None and now is not None and then.accumulates_charges and not now.dropped


def price(cdr: Cdr, holder: Holder, picture: Picture) -> Rated | Held:
    """SPEC R5, Z16 to Z18: the first step of the chain that answers."""
    number, customer = holder.number, holder.customer
    call_class, destination = classify(cdr, picture)
    code = (
        number.choices.tariff_for(call_class)
        or customer.choices.tariff_for(call_class)
        or picture.default_tariff(cdr.source, number.number_type)
    )
    tariff = picture.tariffs.get(code) if code else None
    priced = _chain(cdr, call_class, tariff, number.choices, customer.choices)
    if isinstance(priced, str):
        return Held("unpriced", "no_price", priced, customer.customer_id, number.number_id)
    step, charge, billed, prefix = priced
    if max(charge, billed) > LARGEST:
        detail = f"the charge is {charge} micro-pounds"
        return Held("unpriced", "too_large", detail, customer.customer_id, number.number_id)
    return Rated(
        customer.customer_id,
        number.number_id,
        call_class,
        destination,
        step,
        charge,
        wholesale(cdr),
        billed,
        code if tariff else None,
        prefix,
    )


def _chain(
    cdr: Cdr, call_class: str, tariff: Tariff | None, own: Choices, customers: Choices
) -> tuple[int, int, int, str] | str:
    """Step, charge in micro-pounds, billed seconds and prefix; or why there is no price."""
    if cdr.service_type == "voice" and cdr.seconds == 0:
        return 0, 0, 0, ""
    if tariff is not None:
        answer = tariff.rate_for(priced_digits(cdr), call_class, cdr.band, cdr.local_date)
        if answer is not None:
            prefix, rate = answer
            charge, billed = charge_by_rate(rate, cdr.used, divisor(cdr, tariff), tariff.rounding_places)
            return 1, charge, billed if cdr.service_type == "voice" else 0, prefix
    markup = own.class_markups.get(call_class, customers.class_markups.get(call_class))
    cost = best_cost(cdr)
    if markup is not None and cost is not None:
        places = tariff.rounding_places if tariff else DEFAULT_ROUNDING_PLACES
        return 2, charge_by_markup(cost, markup, places), cdr.seconds, ""
    return why_unpriced(cdr, call_class, tariff, markup is not None)


def why_unpriced(cdr: Cdr, call_class: str, tariff: Tariff | None, has_markup: bool) -> str:
    """SPEC R5 (4), Z17: what is missing, in words."""
    first = f"tariff {tariff.code} has no rate for this call" if tariff else "no tariff applies"
    if not has_markup:
        return f"{first}, and there is no markup for {call_class or 'an unknown call class'}"
    if cdr.currency != POUNDS:
        return f"{first}, and the cost is in {cdr.currency}, not {POUNDS}"
    return f"{first}, and the record has no cost to mark up"


def classify(cdr: Cdr, picture: Picture) -> tuple[str, str]:
    """SPEC R4: the call class (empty where nothing gives one), and the destination's name."""
    call_class, name = "", ""
    if cdr.direction == "outbound":
        name, call_class = _longest(picture.destinations, cdr.other_party) or ("", "")
    if cdr.known_class and cdr.known_class in picture.known_classes:
        return cdr.known_class, name
    if cdr.service_type in CLASS_BY_SERVICE:
        return CLASS_BY_SERVICE[cdr.service_type], name
    if cdr.direction == "inbound":
        return _longest(picture.inbound_classes, cdr.charged_number) or INBOUND_CLASS, name
    return call_class, name


def _longest(table: dict[str, _Entry], digits: str) -> _Entry | None:
    for length in range(min(len(digits), 15), 0, -1):
        if digits[:length] in table:
            return table[digits[:length]]
    return None


def priced_digits(cdr: Cdr) -> str:
    """The number whose prefix a tariff is asked for: prefixes are those of voice calls made."""
    return cdr.other_party if cdr.service_type == "voice" and cdr.direction == "outbound" else ""


def divisor(cdr: Cdr, tariff: Tariff) -> int:
    """How many seconds, messages or bytes a price is for."""
    if cdr.service_type == "voice":
        return SECONDS_PER_MINUTE
    return tariff.megabyte_bytes if cdr.service_type == "data" else 1


def best_cost(cdr: Cdr) -> int | None:
    """SPEC R5, Z17: suggested retail price, else CDR cost, else carrier cost; missing in another currency."""
    if cdr.currency != POUNDS:
        return None
    costs = (cdr.retail_micro, cdr.cdr_cost_micro, cdr.carrier_cost_micro)
    return next((cost for cost in costs if cost is not None), None)


def wholesale(cdr: Cdr) -> int | None:
    """SPEC R9: what the call costs us, in micro-pounds."""
    if cdr.currency != POUNDS:
        return None
    return cdr.cdr_cost_micro if cdr.cdr_cost_micro is not None else cdr.carrier_cost_micro
