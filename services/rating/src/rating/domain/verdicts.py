"""What became of one call, in words: a row of a batch's judgements for whoever stores, explains or tests it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from rating.domain.calendars import BANDS, to_day
from rating.domain.calls import MISSING, Calls, Int
from rating.domain.cdr import Cdr, amount_of, columns_of
from rating.domain.holders import keys_of
from rating.domain.judgements import (
    NO_PRICE,
    NO_REASON,
    OUTCOME_OF_REASON,
    OUTCOMES,
    REASONS,
    TOO_LARGE,
    TOO_OLD,
    UNPRICED,
    Judgements,
    Outcome,
)
from rating.domain.judging import POUNDS, judge
from rating.domain.picture import Picture
from rating.domain.pools import NOWHERE


@dataclass(frozen=True, slots=True)
class Rated:
    """A call allocated to a customer and priced; money in micro-pounds, the markup in millionths of a percent.

    `step` is the step of SPEC R5 that answered, 0 for an unanswered call. `prefix` is empty for a class rate.
    """

    customer_id: int
    number_id: int
    call_class: str
    destination: str
    band: str
    local_date: date
    step: int
    charge_micro: int
    cost_micro: int | None
    billed_seconds: int = 0
    tariff: str | None = None
    prefix: str = ""
    rate_id: int | None = None
    markup: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A call that is not charged (yet), and why. The customer is known where it is unpriced."""

    outcome: Outcome
    reason: str
    detail: str
    customer_id: int | None
    number_id: int | None
    band: str
    local_date: date


def verdict(calls: Calls, judged: Judgements, picture: Picture, row: int) -> Rated | Held:
    """One row of a batch; `picture` is the one that it was judged by."""
    return _rated(judged, picture, row) if judged.reason[row] == NO_REASON else held(calls, judged, picture, row)


def judge_one(cdr: Cdr, picture: Picture) -> Rated | Held:
    """Judge one call, which is a batch of one."""
    calls = columns_of([cdr])
    return verdict(calls, judge(calls, picture), picture, 0)


def _rated(judged: Judgements, picture: Picture, row: int) -> Rated:
    tariff, rate = int(judged.tariff[row]), int(judged.rate[row])
    rates = picture.tariffs.rates
    return Rated(
        customer_id=int(judged.customer_id[row]),
        number_id=int(judged.number_id[row]),
        call_class=picture.classes.names[judged.call_class[row]],
        destination=picture.destination_names.names[judged.destination[row]],
        band=BANDS[judged.band[row]],
        local_date=to_day(int(judged.day[row])),
        step=int(judged.step[row]),
        charge_micro=int(judged.charge[row]),
        cost_micro=amount_of(judged.cost[row]),
        billed_seconds=int(judged.billed_seconds[row]),
        tariff=picture.tariffs.codes[tariff] if tariff >= 0 else None,
        prefix=rates.prefix[rate] if rate >= 0 else "",
        rate_id=int(rates.rate_id[rate]) if rate >= 0 else None,
        markup=amount_of(judged.markup[row]),
    )


def held(calls: Calls, judged: Judgements, picture: Picture, row: int) -> Held:
    """A row that is not charged."""
    return held_rows(calls, judged, picture, np.array([row]))[0]


def held_rows(calls: Calls, judged: Judgements, picture: Picture, rows: Int) -> list[Held]:
    """Rows that are not charged. That nobody has a number, the most frequent reason, is told of all at once."""
    nobodys = picture.holders.span_at.find(keys_of(calls.charged_digits[rows])) == NOWHERE
    return [_held(calls, judged, picture, *each) for each in zip(rows.tolist(), nobodys.tolist(), strict=True)]


def _held(calls: Calls, judged: Judgements, picture: Picture, row: int, is_nobodys: bool) -> Held:
    reason = int(judged.reason[row])
    outcome = int(OUTCOME_OF_REASON[reason])
    is_unpriced = outcome == UNPRICED
    return Held(
        outcome=OUTCOMES[outcome],
        reason=REASONS[reason],
        detail=_detail(calls, judged, picture, row, reason, is_nobodys),
        customer_id=int(judged.customer_id[row]) if is_unpriced else None,
        number_id=int(judged.number_id[row]) if is_unpriced else None,
        band=BANDS[judged.band[row]],
        local_date=to_day(int(judged.day[row])),
    )


def _detail(calls: Calls, judged: Judgements, picture: Picture, row: int, reason: int, is_nobodys: bool) -> str:
    if reason == TOO_OLD:
        return "the call is older than record ids are kept: nobody can tell whether it was charged before"
    if reason == TOO_LARGE:
        return "the charge is more than can be stored"
    if reason == NO_PRICE:
        return _why_unpriced(calls, judged, picture, row)
    if is_nobodys:
        return f"no customer has {calls.charged[row] or 'such a number'}"
    return picture.holders.why_held(calls.charged[row], int(judged.day[row]), reason)


def _why_unpriced(calls: Calls, judged: Judgements, picture: Picture, row: int) -> str:
    """SPEC R5 (4), Z17: what is missing, in words."""
    tariff = int(judged.tariff[row])
    first = f"tariff {picture.tariffs.codes[tariff]} has no rate for this call" if tariff >= 0 else "no tariff applies"
    call_class = picture.classes.names[judged.call_class[row]]
    kind = calls.kinds[int(calls.kind[row])]
    if kind.currency != POUNDS:
        return f"{first}, and the cost is in {kind.currency}, not {POUNDS}"
    if all(cost[row] == MISSING for cost in (calls.retail, calls.cdr_cost, calls.carrier_cost)):
        return f"{first}, and the record has no cost to mark up"
    return f"{first}, and there is no markup for {call_class or 'an unknown call class'}"
