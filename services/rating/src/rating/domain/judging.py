"""Where calls are priced: whose each is, what class it is of, and the chain that gives its price.

`judge` is the one way in, for thousands of calls of a stream as for the one that somebody asks about. Rejected records
and duplicates never come here; the rest of SPEC Z22 is decided in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import LOCAL_TIME
from rating.domain.calls import MISSING, Calls, Digits, Int, Kind
from rating.domain.charging import SECONDS_PER_MINUTE, Rating, charge_by_markup, charge_by_rate, place_of
from rating.domain.judgements import NO_PRICE, NO_REASON, TOO_LARGE, TOO_OLD, Guided, Judgements
from rating.domain.picture import Picture
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES

POUNDS = "GBP"
VOICE, SMS, DATA = "voice", "sms", "data"
OUTBOUND, INBOUND = "outbound", "inbound"
CLASS_BY_SERVICE = {SMS: "SMS", DATA: "Data"}
INBOUND_CLASS = "Inbound"
UNANSWERED, BY_TARIFF, BY_MARKUP, BY_FALLBACK = range(4)
"""The steps of SPEC R5 that give a price, and the unanswered call that needs none (Z18)."""


@dataclass(slots=True)
class Context:
    """What is known of each call before the chain is asked."""

    is_voice: NDArray[np.bool_]
    day: Int
    band: Int
    call_class: Int
    destination: Int
    tariff: Int
    used: Int
    best_cost: Int


@dataclass(slots=True)
class Prices:
    """The columns of the answers of the chain; `step` is -1 while no step has answered."""

    step: Int
    charge: Int
    billed: Int
    rate: Int
    markup: Int
    fits: NDArray[np.bool_]


def judge(
    calls: Calls, picture: Picture, *, oldest_day: int | None = None, allocated_to: Int | None = None
) -> Judgements:
    """SPEC R3 to R6, Z22: allocate calls and price them, or say why not.

    Args:
        oldest_day: days since 1970; a call that started before is held as too old to check (SPEC R1).
        allocated_to: who has these calls already; see `Holders.guide`.
    """
    day, minute = LOCAL_TIME.of(calls.started)
    guided = picture.holders.guide(calls.charged_digits, day, allocated_to)
    call_class, destination = classify(calls, picture)
    tariff = choose_tariff(calls, guided, call_class, picture)
    band = picture.bands.of(picture.calendar_of(tariff), day, minute)
    known = Context(
        calls.by_kind(lambda kind: kind.service_type == VOICE) == 1,
        day,
        band,
        call_class,
        destination,
        tariff,
        used(calls),
        best_cost(calls),
    )
    prices = price(calls, known, guided, picture)
    return _judgements(calls, known, guided, prices, picture, oldest_day)


def _judgements(
    calls: Calls, known: Context, guided: Guided, prices: Prices, picture: Picture, oldest_day: int | None
) -> Judgements:
    reason = guided.reason.copy()
    reason[(reason == NO_REASON) & (prices.step < 0)] = NO_PRICE
    reason[(reason == NO_REASON) & ~prices.fits] = TOO_LARGE
    if oldest_day is not None:
        reason[known.day < oldest_day] = TOO_OLD
    return Judgements(
        generation=picture.generation,
        reason=reason,
        customer_id=guided.customer_id,
        number_id=guided.number_id,
        call_class=known.call_class,
        destination=known.destination,
        band=known.band,
        day=known.day,
        step=prices.step,
        tariff=np.maximum(known.tariff, -1),
        rate=prices.rate,
        markup=prices.markup,
        charge=prices.charge,
        cost=wholesale(calls),
        billed_seconds=np.where(known.is_voice, prices.billed, 0),
    )


def classify(calls: Calls, picture: Picture) -> tuple[Int, Int]:
    """SPEC R4: the call classes (0 where nothing gives one), and the destinations' names.

    A known class on the record wins; else SMS or Data by service type; else for inbound calls the inbound class of
    the charged number's prefix; else that of the destination, the other party's longest prefix.
    """
    outbound = calls.by_kind(lambda kind: kind.direction == OUTBOUND) == 1
    table = picture.destinations
    row = np.maximum(np.where(outbound, table.prefixes.longest(calls.other_digits), 0), 0)
    destination, of_prefix = table.name[row], table.call_class[row]
    if not outbound.all():
        inbound = picture.inbound.longest(calls.charged_digits)
        of_prefix = np.where(outbound, of_prefix, np.where(inbound >= 0, inbound, picture.classes.find(INBOUND_CLASS)))
    of_kind = calls.by_kind(lambda kind: _class_of_kind(kind, picture))
    return np.where(of_kind > 0, of_kind, of_prefix), destination


def _class_of_kind(kind: Kind, picture: Picture) -> int:
    if kind.known_class and kind.known_class in picture.known_classes:
        return picture.classes.find(kind.known_class)
    return picture.classes.find(CLASS_BY_SERVICE.get(kind.service_type, ""))


def choose_tariff(calls: Calls, guided: Guided, call_class: Int, picture: Picture) -> Int:
    """SPEC Z16: the number's for the class, else the number's, else the customer's likewise, else the default.

    Returns: slots of `Picture.tariffs`; negative where no tariff is chosen, or one that is not known here.
    """
    chosen = picture.choices.tariff_for(guided.number_choices, call_class)
    chosen = np.where(chosen == -1, picture.choices.tariff_for(guided.customer_choices, call_class), chosen)
    return np.where(chosen == -1, picture.defaults.for_calls(calls, guided.number_type), chosen)


def price(calls: Calls, known: Context, guided: Guided, picture: Picture) -> Prices:
    """SPEC R5: the first step of the chain that answers; the fallback markup is asked at billing time only."""
    count = len(calls)
    prices = Prices(
        np.full(count, -1, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.full(count, -1, dtype=np.int64),
        np.full(count, MISSING, dtype=np.int64),
        np.ones(count, dtype=bool),
    )
    prices.step[known.is_voice & (calls.seconds == 0)] = UNANSWERED
    _by_tariff(prices, calls, known, picture)
    _by_markup(prices, calls, known, guided, picture)
    return prices


def _by_tariff(prices: Prices, calls: Calls, known: Context, picture: Picture) -> None:
    """Step 1: the chosen tariff's rate for the longest prefix, else for the class."""
    rows = np.flatnonzero((prices.step < 0) & (known.tariff >= 0))
    if not rows.size:
        return
    digits = _priced_digits(calls, known, rows)
    found = picture.tariffs.rate_for(
        known.tariff[rows], known.day[rows], known.band[rows], digits, known.call_class[rows]
    )
    answered = found >= 0
    rows, found = rows[answered], found[answered]
    charge, billed, fits = charge_by_rate(rating_of(calls, known, rows, found, picture))
    prices.step[rows], prices.rate[rows] = BY_TARIFF, found
    prices.charge[rows], prices.billed[rows], prices.fits[rows] = charge, billed, fits


def rating_of(calls: Calls, known: Context, rows: Int, found: Int, picture: Picture) -> Rating:
    """The rates that answered for some rows, beside what these calls used."""
    rates, tariff = picture.tariffs.rates, known.tariff[rows]
    return Rating(
        used=known.used[rows],
        price=rates.price[found],
        connection=rates.connection[found],
        initial=rates.initial[found],
        step=rates.step[found],
        minimum=rates.minimum[found],
        maximum=rates.maximum[found],
        free=rates.free[found],
        divisor=_divisor(calls, rows, picture.tariffs.megabyte[tariff]),
        place=place_of(picture.tariffs.places[tariff]),
    )


def _priced_digits(calls: Calls, known: Context, rows: Int) -> Digits:
    """The numbers whose prefixes a tariff is asked for: prefixes are those of voice calls made."""
    made = known.is_voice[rows] & (calls.by_kind(lambda kind: kind.direction == OUTBOUND)[rows] == 1)
    return Digits(calls.other_digits.aligned[rows], np.where(made, calls.other_digits.length[rows], 0))


def _divisor(calls: Calls, rows: Int, megabyte: Int) -> Int:
    """How many seconds, messages or bytes a price is for; -1 stands for a megabyte's."""
    told = calls.by_kind(lambda kind: {VOICE: SECONDS_PER_MINUTE, SMS: 1}.get(kind.service_type, -1))[rows]
    return np.where(told < 0, megabyte, told)


def _by_markup(prices: Prices, calls: Calls, known: Context, guided: Guided, picture: Picture) -> None:
    """Step 2: the markup of the number for the class, else the customer's, on the best cost."""
    rows = np.flatnonzero((prices.step < 0) & (known.best_cost != MISSING))
    if not rows.size:
        return
    call_class = known.call_class[rows]
    own = picture.choices.markup_for(guided.number_choices[rows], call_class)
    markup = np.where(own == MISSING, picture.choices.markup_for(guided.customer_choices[rows], call_class), own)
    apply_markup(prices, calls, known, rows, markup, BY_MARKUP, picture)


def apply_markup(
    prices: Prices, calls: Calls, known: Context, rows: Int, markup: Int, step: int, picture: Picture
) -> None:
    """Price some rows by a percentage on their best cost, where there is one (SPEC R5 (2), (3), Z17)."""
    has_one = markup != MISSING
    rows, markup = rows[has_one], markup[has_one]
    charge, fits = charge_by_markup(known.best_cost[rows], markup, place_of(places_of(known.tariff[rows], picture)))
    prices.step[rows], prices.markup[rows] = step, markup
    prices.charge[rows], prices.billed[rows], prices.fits[rows] = charge, calls.seconds[rows], fits


def places_of(tariff: Int, picture: Picture) -> Int:
    """SPEC Z17: as the chosen tariff says, else 4."""
    known = picture.tariffs.places
    if not len(known):
        return np.full(len(tariff), DEFAULT_ROUNDING_PLACES, dtype=np.int64)
    return np.where(tariff >= 0, known[tariff], DEFAULT_ROUNDING_PLACES)


def used(calls: Calls) -> Int:
    """What is charged by: seconds of voice, messages, or bytes."""
    service = calls.by_kind(lambda kind: (VOICE, SMS, DATA).index(kind.service_type))
    return np.choose(service, (calls.seconds, calls.units, calls.volume))


def best_cost(calls: Calls) -> Int:
    """SPEC R5, Z17: suggested retail price, else CDR cost, else carrier cost; missing in another currency."""
    cost = np.where(calls.retail != MISSING, calls.retail, wholesale_of(calls))
    return np.where(_in_pounds(calls), cost, MISSING)


def wholesale(calls: Calls) -> Int:
    """SPEC R9: what each call costs us, in micro-pounds."""
    return np.where(_in_pounds(calls), wholesale_of(calls), MISSING)


def wholesale_of(calls: Calls) -> Int:
    """CDR cost, else carrier cost, whatever the currency."""
    return np.where(calls.cdr_cost != MISSING, calls.cdr_cost, calls.carrier_cost)


def _in_pounds(calls: Calls) -> NDArray[np.bool_]:
    in_pounds: NDArray[np.bool_] = calls.by_kind(lambda kind: kind.currency == POUNDS) == 1
    return in_pounds
