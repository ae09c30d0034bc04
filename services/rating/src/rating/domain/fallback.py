"""The fallback markup: what unpriced calls cost when their customer is billed (SPEC R5 (3), Z16, Z17)."""

from __future__ import annotations

import numpy as np

from rating.domain.calls import MISSING, Calls, Int
from rating.domain.charging import charge_by_markup, place_of
from rating.domain.judgements import NO_PRICE, NO_REASON, Guided, Judgements
from rating.domain.judging import BY_FALLBACK, VOICE, best_cost, judge, places_of
from rating.domain.picture import Picture


def judge_at_close(calls: Calls, picture: Picture) -> Judgements:
    """Judge calls as `judge` does; those that no rate and no markup of their class prices get the fallback markup's.

    Returns: judgements in which a call without a fallback markup, or without a cost in pounds, is still unpriced.
    """
    judged = judge(calls, picture)
    guided = picture.holders.guide(calls.charged_digits, judged.day)
    cost, markup = best_cost(calls), fallback_markup(judged.tariff, guided, picture)
    rows = np.flatnonzero((judged.reason == NO_PRICE) & (cost != MISSING) & (markup != MISSING))
    if rows.size:
        _put(judged, calls, rows, cost, markup, picture)
    return judged


def fallback_markup(tariff: Int, guided: Guided, picture: Picture) -> Int:
    """SPEC R5 (3), Z16: of the chosen tariff, else the number, else the customer, for all classes.

    Args:
        tariff: slots of `Picture.tariffs`, negative where none was chosen.

    Returns: millionths of a percent, MISSING where nobody names one.
    """
    own = picture.choices.fallback(guided.number_choices)
    markup = np.where(own != MISSING, own, picture.choices.fallback(guided.customer_choices))
    of_tariffs = picture.tariffs.fallback
    if not len(of_tariffs):
        return markup
    of_tariff = np.where(tariff >= 0, of_tariffs[tariff], MISSING)
    return np.where(of_tariff != MISSING, of_tariff, markup)


def _put(judged: Judgements, calls: Calls, rows: Int, cost: Int, markup: Int, picture: Picture) -> None:
    """Price rows; one whose charge would not fit stays unpriced."""
    charge, fits = charge_by_markup(cost[rows], markup[rows], place_of(places_of(judged.tariff[rows], picture)))
    rows, charge = rows[fits], charge[fits]
    is_voice = calls.by_kind(lambda kind: kind.service_type == VOICE)[rows] == 1
    judged.reason[rows], judged.step[rows] = NO_REASON, BY_FALLBACK
    judged.charge[rows], judged.markup[rows] = charge, markup[rows]
    judged.billed_seconds[rows] = np.where(is_voice, calls.seconds[rows], 0)
