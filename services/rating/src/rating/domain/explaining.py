"""Why a call costs what it costs, or why it is not charged (SPEC R9), in an order that can be read to a customer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, TypeAlias

import holidays
import numpy as np

from money.dates import LOCAL_ZONE
from rating.domain.arithmetic import (
    POUNDS,
    Fact,
    KnownRate,
    KnownTariff,
    Step,
    Worked,
    by_markup,
    by_rate,
    divisor_of,
    price_words,
    unanswered,
)
from rating.domain.calendars import BANDS, LOCAL_TIME, Bands, Calendar
from rating.domain.cdr import Cdr, micros_of
from rating.domain.closing import with_plus
from rating.domain.discounts import Discounted
from rating.domain.verdicts import Held, Rated
from rating.domain.wording import THING, day, moment, money

UNANSWERED, BY_TARIFF, BY_MARKUP, BY_FALLBACK = range(4)
Outcome: TypeAlias = Literal["rated", "suspended", "ignored", "unpriced", "rejected", "duplicate"]
_BY_ITSELF = "it is then tried again by itself."
HELP = {
    "unknown_number": "Add the number to its customer with a call plan from the day of the call on, or have the "
    f"supplier correct the number; {_BY_ITSELF}",
    "no_active_call_plan": f"Give the number a call plan that is active on the day of the call; {_BY_ITSELF}",
    "customer_dropped": f"Reinstate the customer from a date not after the day of the call; {_BY_ITSELF}",
    "status_does_not_accumulate": "Give the customer, from a date not after the day of the call, a status that "
    f"accumulates charges, or have this status accumulate them; {_BY_ITSELF}",
    "number_type": "Give the number another type if its traffic is to be charged from now on; what was ignored stays "
    "so.",
    "no_price": "Add a rate to the tariff, or a markup for the class where the record has a cost; "
    f"{_BY_ITSELF} When the customer is billed, a fallback markup gives it a price too.",
    "too_large": "Check the record's duration, volume and costs with the supplier, and the rate.",
    "too_old": "Nothing by itself: compare with what was billed then, and send it under a new record id to charge it.",
}
CORRECT = "Correct the record and send it in again: a rejected record does not use up its id."


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored beside a call and helps to explain it; what cannot be told any more is None or empty.

    `chosen_by` and `markup_of` say whose choice the tariff and the markup are. `matched` is the prefix that gave the
    class.
    """

    tariff: KnownTariff | None = None
    rate: KnownRate | None = None
    chosen_by: str = ""
    markup_of: str = ""
    matched: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """SPEC R9: what became of a record and why. Amounts in micro-pounds.

    `charge_micro` is what is charged, `worked_micro` what the arithmetic shown gives. `step` is that of SPEC R5.
    `discounted` is what discount plans made of that; None where none prices the call.
    """

    outcome: Outcome
    source: str
    record_id: str
    steps: tuple[Step, ...]
    usage_id: int | None = None
    customer_id: int | None = None
    number_id: int | None = None
    reason: str = ""
    detail: str = ""
    step: int | None = None
    charge_micro: int | None = None
    worked_micro: int | None = None
    cost_micro: int | None = None
    discounted: Discounted | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether the arithmetic gives what is charged; None where it could not be worked out again."""
        if self.charge_micro is None or self.worked_micro is None:
            return None
        return self.charge_micro == self.worked_micro


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that could not be read as a CDR."""

    source: str
    record_id: str
    reason: str
    detail: str
    field: str | None = field(default=None)


def explain_rated(cdr: Cdr, rated: Rated, known: Known, usage_id: int | None = None) -> Explanation:
    """Every step from the number to the margin.

    Args:
        usage_id: None for a call that was only asked about.
    """
    worked = work_out(cdr, rated, known)
    steps = [_whose(cdr, rated), _when(cdr, rated.local_date, rated.band, known), _class(cdr, rated, known)]
    steps += _tariff(cdr, rated, known)
    steps += worked.steps
    steps += [_charge(cdr, rated, worked), _margin(cdr, rated)]
    return Explanation(
        "rated",
        cdr.source,
        cdr.record_id,
        tuple(steps),
        usage_id,
        rated.customer_id,
        rated.number_id,
        step=rated.step,
        charge_micro=rated.charge_micro,
        worked_micro=worked.charge_micro,
        cost_micro=rated.cost_micro,
    )


def explain_at_close(cdr: Cdr, rated: Rated, known: Known, close_id: int, usage_id: int) -> Explanation:
    """SPEC R5 (3): a call that is held as unpriced, and what an open close charges for it."""
    told = explain_rated(cdr, rated, known, usage_id)
    sentence = f"It has no price but in close {close_id}: it is charged this when that close is billed, not before."
    step = Step("outcome", sentence, {"outcome": "unpriced", "reason": "no_price", "close_id": close_id})
    return replace(told, outcome="unpriced", reason="no_price", detail=sentence, steps=(*told.steps, step))


def work_out(cdr: Cdr, rated: Rated, known: Known) -> Worked:
    """The arithmetic of the step of the chain that answered."""
    if rated.step == UNANSWERED:
        return unanswered()
    if rated.step == BY_TARIFF:
        if known.rate is not None and known.tariff is not None:
            return by_rate(cdr, known.rate, known.tariff)
        sentence = "Which row of the tariff answered was not kept when this call was priced."
        return Worked((Step("rate", sentence),), None)
    if rated.markup is None:
        return Worked((Step("markup", "Which markup answered was not kept when this call was priced."),), None)
    return by_markup(cdr, rated.markup, known.markup_of, known.tariff, is_fallback=rated.step == BY_FALLBACK)


def _whose(cdr: Cdr, rated: Rated) -> Step:
    number = with_plus(cdr.charged_number)
    sentence = f"The {THING[cdr.service_type]} is charged to {number}, number {rated.number_id} of customer "
    facts: dict[str, Fact] = {"number": number, "number_id": rated.number_id, "customer_id": rated.customer_id}
    return Step("number", f"{sentence}{rated.customer_id}.", facts)


def _when(cdr: Cdr, local_date: date, band: str, known: Known) -> Step:
    tariff = known.tariff or KnownTariff("", "")
    local = cdr.started.astimezone(LOCAL_ZONE)
    holiday = bank_holiday(tariff.calendar, local_date)
    because = f": {day(local_date)} is {holiday}" if holiday and band == "weekend" else ""
    by = f"{band} by the calendar {tariff.calendar_name}{because}"
    sentence = f"It began on {moment(local)} in Europe/London, which is {by}."
    if band != band_by(tariff.calendar, cdr):
        sentence += " The calendar, or the tariff's choice of one, has been changed since."
    facts: dict[str, Fact] = {
        "local_time": local.isoformat(),
        "local_date": local_date.isoformat(),
        "band": band,
        "calendar": tariff.calendar.code,
        "bank_holiday": holiday,
    }
    return Step("time", sentence, facts)


def bank_holiday(calendar: Calendar, on: date) -> str | None:
    """The name of the bank holiday on a day by a calendar; None on other days."""
    found: str | None = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision, years=on.year).get(on)
    return found


def band_by(calendar: Calendar, cdr: Cdr) -> str:
    """The band of a call's start by a calendar as it is now."""
    days, minutes = LOCAL_TIME.of(np.array([micros_of(cdr.started)], dtype=np.int64))
    return BANDS[int(Bands([calendar]).of(np.zeros(1, dtype=np.int64), days, minutes)[0])]


def _class(cdr: Cdr, rated: Rated, known: Known) -> Step:
    """SPEC R4: the class of the record, of the service type, of the number called on, or of the destination."""
    call_class, other = rated.call_class, with_plus(cdr.other_party)
    if cdr.known_class and cdr.known_class == call_class:
        how, because = "record", "as the supplier's record says"
    elif cdr.service_type != "voice":
        how, because = "service_type", "by the kind of service"
    elif cdr.direction == "inbound":
        how, because = "inbound", "because it was received, not made"
        if known.matched:
            because = f"that of calls received on numbers that begin with {known.matched}"
    elif known.matched:
        how, because = "destination", f"because {other} begins with {known.matched}, which is {rated.destination}"
    elif rated.destination:
        how, because = "destination", f"that of the destination {rated.destination}"
    else:
        how, because = "none", f"for no destination is known for {other or 'the other party'}"
    told = f"The call class is {call_class}" if call_class else "The call has no class"
    facts: dict[str, Fact] = {
        "call_class": call_class,
        "found_by": how,
        "destination": rated.destination,
        "prefix": known.matched,
        "other_party": other,
    }
    return Step("class", f"{told}, {because}.", facts)


def _tariff(cdr: Cdr, rated: Rated, known: Known) -> list[Step]:
    tariff, rate = known.tariff, known.rate
    if rated.step == UNANSWERED:
        return []
    if tariff is None:
        return [Step("tariff", "No tariff applies to it.", {"tariff": None})]
    whose = f", chosen for the {known.chosen_by}" if known.chosen_by else ""
    steps = [_chosen(tariff, whose, known)]
    if rate is not None:
        steps += [_deck(rate, tariff), _rate(cdr, rate, tariff)]
    elif rated.step != BY_TARIFF:
        steps.append(Step("rate", "It has no rate for this call.", {"rate_id": None}))
    return steps


def _chosen(tariff: KnownTariff, whose: str, known: Known) -> Step:
    facts: dict[str, Fact] = {"tariff": tariff.code, "name": tariff.name, "chosen_by": known.chosen_by}
    return Step("tariff", f"The tariff is {tariff.name} ({tariff.code}){whose}.", facts)


def _deck(rate: KnownRate, tariff: KnownTariff) -> Step:
    inherited = rate.tariff != tariff.code
    of = f"its parent {rate.tariff_name} ({rate.tariff})" if inherited else "the tariff"
    since = f"in force from {day(rate.effective_from)}" if rate.effective_from else "in force from the beginning"
    facts: dict[str, Fact] = {
        "tariff": rate.tariff,
        "version": rate.version,
        "effective_from": rate.effective_from.isoformat() if rate.effective_from else None,
        "inherited_from": rate.tariff if inherited else None,
    }
    return Step("version", f"The rate is in version {rate.version} of {of}, {since}.", facts)


def _rate(cdr: Cdr, rate: KnownRate, tariff: KnownTariff) -> Step:
    price = price_words(rate, divisor_of(cdr.service_type, tariff), cdr.service_type)
    if rate.band:
        price += f" at {rate.band}"
    if rate.prefix:
        sentence = f"The longest prefix with a rate is {rate.prefix}: {price}."
    else:
        sentence = f"The rate for the class {rate.call_class} answers: {price}."
    facts: dict[str, Fact] = {
        "rate_id": rate.rate_id,
        "prefix": rate.prefix,
        "call_class": rate.call_class,
        "band": rate.band,
        "price_micro": rate.price,
        "connection_micro": rate.connection,
        "minimum_micro": rate.minimum,
        "maximum_micro": rate.maximum,
    }
    return Step("rate", sentence, facts)


def _charge(cdr: Cdr, rated: Rated, worked: Worked) -> Step:
    sentence = f"The charge is {money(rated.charge_micro)}, without VAT."
    if worked.charge_micro is not None and worked.charge_micro != rated.charge_micro:
        sentence += (
            f" Worked out today it would be {money(worked.charge_micro)}: how the tariff rounds, or what a megabyte is "
            "in it, has been changed since."
        )
    facts: dict[str, Fact] = {"charge_micro": rated.charge_micro, "worked_micro": worked.charge_micro}
    return Step("charge", sentence, {**facts, "billed_seconds": rated.billed_seconds if cdr.seconds else 0})


def _margin(cdr: Cdr, rated: Rated) -> Step:
    """SPEC R9: what it costs us, and what is left."""
    if rated.cost_micro is None:
        why = f", for its cost is in {cdr.currency}" if cdr.currency != POUNDS else ": the record has no cost"
        return Step("margin", f"What it costs us is not known{why}.", {"cost_micro": None, "margin_micro": None})
    margin = rated.charge_micro - rated.cost_micro
    sentence = f"It costs us {money(rated.cost_micro)}, which leaves a margin of {money(margin)}."
    return Step("margin", sentence, {"cost_micro": rated.cost_micro, "margin_micro": margin})


def explain_held(cdr: Cdr, held: Held, known: Known, usage_id: int | None = None) -> Explanation:
    """Why a call is not charged, and what would help."""
    number = with_plus(cdr.charged_number) or "no number"
    whose = Step(
        "number", f"The {THING[cdr.service_type]} names {number} as the one to be charged.", {"number": number}
    )
    steps = (whose, _when(cdr, held.local_date, held.band, known), *_because(held))
    return Explanation(
        held.outcome,
        cdr.source,
        cdr.record_id,
        steps,
        usage_id,
        held.customer_id,
        held.number_id,
        held.reason,
        held.detail,
    )


def _because(held: Held) -> tuple[Step, ...]:
    told = {
        "suspended": "It is held in suspense and not charged",
        "ignored": "It is ignored and not charged",
        "unpriced": f"It is customer {held.customer_id}'s, but has no price and is not charged",
    }[held.outcome]
    why = Step("outcome", f"{told}: {held.detail or held.reason}.", {"outcome": held.outcome, "reason": held.reason})
    help_text = HELP.get(held.reason)
    return (why, Step("help", help_text)) if help_text else (why,)


def explain_rejected(record: Unread, usage_id: int | None = None) -> Explanation:
    """Why a record could not be read."""
    at = f" (field {record.field})" if record.field else ""
    facts: dict[str, Fact] = {"reason": record.reason, "field": record.field}
    why = Step("outcome", f"The record could not be read and is not charged{at}: {record.detail}.", facts)
    steps = (why, Step("help", CORRECT))
    return Explanation(
        "rejected", record.source, record.record_id, steps, usage_id, reason=record.reason, detail=record.detail
    )


def explain_duplicate(
    source: str, record_id: str, first_usage_id: int, conflict: bool, usage_id: int | None = None
) -> Explanation:
    """SPEC R1, Z21: a second copy is not charged."""
    sentence = f"A record {record_id} of {source} was there before, as usage {first_usage_id}: it is charged once."
    facts: dict[str, Fact] = {"first_usage_id": first_usage_id, "conflict": conflict}
    steps = [Step("outcome", sentence, facts)]
    if conflict:
        told = "The two say different things: ask the supplier which is right."
        steps.append(Step("help", told))
    return Explanation("duplicate", source, record_id, tuple(steps), usage_id, reason="conflict" if conflict else "")
