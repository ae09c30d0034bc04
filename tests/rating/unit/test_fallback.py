"""The fallback markup, asked at billing time only (SPEC R5 (3), Z16, Z17)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rating.domain.calls import MISSING
from rating.domain.cdr import Cdr
from rating.domain.choices import Choices, millionths
from rating.domain.decks import Tariff
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.fallback import judge_at_close
from rating.domain.judging import judge
from rating.domain.picture import Picture
from rating.domain.verdicts import Held, Rated, columns_of, verdict

NUMBER = "442079460123"
START = date(2025, 1, 1)
CALL: dict[str, Any] = {
    "source": "northstar",
    "record_id": "NS-1",
    "charged_number": NUMBER,
    "other_party": "441614960123",
    "direction": "outbound",
    "service_type": "voice",
    "started": datetime(2025, 1, 15, 9, 30, tzinfo=UTC),
    "seconds": 77,
    "units": 0,
    "volume_bytes": 0,
    "known_class": "National",
    "retail_micro": None,
    "cdr_cost_micro": 50_000,
    "carrier_cost_micro": None,
    "currency": "GBP",
}


def fallback(percent: str | None) -> Choices:
    """Choices of nothing but a fallback markup."""
    return Choices(fallback_markup=None if percent is None else Decimal(percent))


def picture(
    tariff: str | None = None, number: str | None = None, customer: str | None = None, places: int = 4
) -> Picture:
    """Customer 1 with number 10 and an empty tariff, which the customer has chosen; fallback markups in per cent."""
    made = Picture(generation=5)
    markup = MISSING if tariff is None else millionths(Decimal(tariff))
    made.tariffs.put(Tariff("EMPTY", places=places, fallback=markup))
    made.holders.set_statuses({"active": Status(accumulates_charges=True, dropped=False)})
    choices = Choices(tariff="EMPTY", fallback_markup=fallback(customer).fallback_markup)
    made.holders.put_customers([Customer(1, "active", ((START, "active"),), choices)])
    made.holders.put_numbers([Number(10, 1, "geographic", fallback(number))])
    made.holders.put_assignments(NUMBER, [Assignment(100, 10, 1, START)])
    made.tariffs.bind(made.classes)
    made.bind()
    return made


def at_close(known: Picture, **call: Any) -> Rated | Held:
    """A call as the close judges it."""
    calls = columns_of([Cdr(**{**CALL, **call})])
    return verdict(calls, judge_at_close(calls, known), known, 0)


@pytest.mark.parametrize(
    ("known", "call", "charge"),
    [
        ({"tariff": "100", "number": "50", "customer": "10"}, {}, 100_000),
        ({"number": "50", "customer": "10"}, {}, 75_000),
        ({"customer": "10"}, {}, 55_000),
        ({"tariff": "0", "customer": "10"}, {}, 50_000),
        ({"customer": "10"}, {"retail_micro": 30_000}, 33_000),
        ({"customer": "10"}, {"cdr_cost_micro": None, "carrier_cost_micro": 20_000}, 22_000),
        ({"customer": "10", "places": 2}, {"retail_micro": 30_000}, 30_000),
        ({"customer": "10"}, {"cdr_cost_micro": 0}, 0),
        ({"customer": "-10"}, {}, 45_000),
    ],
)
def test_the_first_fallback_markup_prices_the_best_cost(
    known: dict[str, Any], call: dict[str, Any], charge: int
) -> None:
    """R5 (3), Z16, Z17: the chosen tariff's, else the number's, else the customer's; rounded as the tariff says."""
    told = at_close(picture(**known), **call)
    assert isinstance(told, Rated)
    assert (told.step, told.charge_micro, told.billed_seconds, told.tariff) == (3, charge, 77, "EMPTY")
    assert (told.customer_id, told.number_id, told.call_class, told.band) == (1, 10, "National", "peak")


@pytest.mark.parametrize(
    ("known", "call"),
    [
        ({}, {}),
        ({"customer": "10"}, {"cdr_cost_micro": None}),
        ({"customer": "10"}, {"currency": "EUR"}),
    ],
)
def test_without_a_markup_or_a_cost_in_pounds_a_call_stays_unpriced(
    known: dict[str, Any], call: dict[str, Any]
) -> None:
    """R5 (4), Z17: never billed at zero by accident."""
    told = at_close(picture(**known), **call)
    assert isinstance(told, Held)
    assert (told.outcome, told.reason, told.customer_id) == ("unpriced", "no_price", 1)


def test_a_fallback_markup_is_asked_at_the_close_only() -> None:
    """R5 (3): at billing time only."""
    known, calls = picture(tariff="100"), columns_of([Cdr(**CALL)])
    assert isinstance(verdict(calls, judge(calls, known), known, 0), Held)


def test_what_is_not_a_question_of_price_stays_as_it_is() -> None:
    """Z18, Z22: an unanswered call is step 0; a number that nobody has is in suspense, whatever is marked up."""
    assert at_close(picture(tariff="100"), seconds=0).step == 0  # type: ignore[union-attr]
    told = at_close(picture(tariff="100"), charged_number="442079460999")
    assert isinstance(told, Held)
    assert told.reason == "unknown_number"


def test_a_data_session_has_no_billed_seconds() -> None:
    """Z18: billed seconds are those of voice."""
    told = at_close(picture(tariff="100"), service_type="data", seconds=0, volume_bytes=5_000)
    assert isinstance(told, Rated)
    assert (told.charge_micro, told.billed_seconds, told.call_class) == (100_000, 0, "National")


def test_calls_are_priced_each_by_its_own_cost_in_one_batch() -> None:
    """R5 (3): as columns, in their order; one whose charge would not fit stays unpriced."""
    known = picture(customer="100")
    costs = [10_000, None, 2**62 + 2**61, 30_000]
    calls = columns_of([Cdr(**{**CALL, "cdr_cost_micro": cost}) for cost in costs])
    judged = judge_at_close(calls, known)
    told = [verdict(calls, judged, known, row) for row in range(len(costs))]
    assert [each.charge_micro if isinstance(each, Rated) else each.reason for each in told] == [
        20_000,
        "no_price",
        "no_price",
        60_000,
    ]
