"""The reference guides, classifies and prices calls as the rules say."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.reference import Call, Carrier, rate_call
from tests.support.reference.deck import Deck, read_rate, read_tariff

FIFTY = {"National": "50"}
START = datetime(2025, 1, 15, 9, 30, tzinfo=UTC)
RATES = (
    {"call_class": "National", "band": "peak", "price_per_minute": "0.02"},
    {"call_class": "National", "price_per_minute": "0.01"},
    {"call_class": "SMS", "price_per_minute": "0.05"},
    {"call_class": "Data", "price_per_minute": "0.50"},
    {"call_class": "Inbound Freephone", "price_per_minute": "0.03"},
    {"prefix": "33", "price_per_minute": "0.10"},
    {"prefix": "336", "price_per_minute": "0.30", "valid_from": "2025-01-16"},
    {"prefix": "3361", "price_per_minute": "0.40", "valid_to": "2025-01-14"},
    {"prefix": "3362", "price_per_minute": "0.20", "band": "weekend"},
    {"prefix": "3363", "price_per_minute": "0.25", "valid_to": "2025-01-15"},
)


def carrier(*customers: dict[str, Any]) -> Carrier:
    """A carrier with the tariff MAIN for all and an empty one, EMPTY."""
    deck = Deck(
        destinations={"441": "National", "447": "Mobile", "33": "International"},
        inbound={"44808": "Inbound Freephone"},
        system_default="MAIN",
    )
    deck.tariffs["MAIN"] = read_tariff({"code": "MAIN"}, RATES)
    deck.tariffs["EMPTY"] = read_tariff({"code": "EMPTY", "rounding_places": 2}, ())
    for rates in (deck.tariffs["MAIN"].by_class, deck.destinations, deck.inbound):
        deck.classes.update(rates.values() if rates is not deck.tariffs["MAIN"].by_class else rates)
    made = Carrier(deck)
    for row in customers or (customer(),):
        made.add(row)
    return made


def customer(account: str = "D1", **fields: Any) -> dict[str, Any]:
    """A customer with the number +441632960001, its fields and those of the number (`number_...`) changed."""
    number = {"number": "+441632960001", "number_type": "geographic", "call_plan": "standard", "start": "2025-01-01"}
    number |= {name.removeprefix("number_"): fields.pop(name) for name in list(fields) if name.startswith("number_")}
    return {"account_number": account, "numbers": [number], **fields}


def call(**fields: Any) -> Call:
    """A minute to a national number."""
    usual = {
        "source": "northstar",
        "record_id": "R1",
        "charged_number": "01632960001",
        "other_party": "01614960000",
        "service": "voice",
        "inbound": False,
        "start": START,
        "seconds": 60,
        "used": 60,
    }
    return Call(**(usual | fields))


@pytest.mark.parametrize(
    ("row", "changes", "outcome", "reason"),
    [
        (customer(), {}, "rated", ""),
        (customer(), {"charged_number": "01632960002"}, "suspended", "unknown_number"),
        (customer(number_number_type="ignore_traffic"), {}, "ignored", "ignored_number_type"),
        (customer(number_number_type="ignore_traffic", status="dropped"), {}, "ignored", "ignored_number_type"),
        (customer(status="dropped"), {}, "suspended", "customer_dropped"),
        (customer(status="dropped", number_end="2025-01-14"), {}, "suspended", "customer_dropped"),
        (customer(status="paused"), {}, "suspended", "status_does_not_accumulate"),
        (customer(status="paused", number_end="2025-01-14"), {}, "suspended", "status_does_not_accumulate"),
        (customer(status="active_do_not_bill"), {}, "rated", ""),
        (customer(status="final_bill"), {}, "rated", ""),
        (customer(number_end="2025-01-14"), {}, "suspended", "no_active_call_plan"),
        (customer(number_end="2025-01-15"), {}, "rated", ""),
        (customer(number_start="2025-01-15"), {}, "rated", ""),
        (customer(number_start="2025-01-16"), {}, "suspended", "no_active_call_plan"),
        (customer(tariff="EMPTY"), {}, "unpriced", "no_price"),
        (customer(), {"other_party": "+99912345"}, "unpriced", "no_price"),
        (customer(), {"other_party": "+99912345", "used": 0, "seconds": 0}, "rated", ""),
    ],
)
def test_a_call_has_the_first_outcome_that_applies(
    row: dict[str, Any], changes: dict[str, Any], outcome: str, reason: str
) -> None:
    """Z22: unknown number, ignored, customer dropped, no active call plan, unpriced, rated."""
    judged = rate_call(carrier(row), call(**changes))
    assert (judged.outcome, judged.reason) == (outcome, reason)


def test_the_status_of_the_calls_day_counts_and_the_drop_at_once() -> None:
    """Z7: dropped now refuses also calls before; a drop that was taken back leaves the gap unallocated."""
    history = [
        {"status": "active", "effective_from": "2024-06-01"},
        {"status": "dropped", "effective_from": "2025-01-10"},
        {"status": "active", "effective_from": "2025-01-20"},
    ]
    reinstated = carrier(customer(status="active", status_history=history))
    days = {9: "rated", 10: "suspended", 19: "suspended", 20: "rated"}
    for day, outcome in days.items():
        assert rate_call(reinstated, call(start=START.replace(day=day))).outcome == outcome, day


def test_a_number_that_moves_is_charged_to_its_holder_on_the_day() -> None:
    """R3: held by one customer to the 10th, by another from the 12th."""
    moved = carrier(customer("D1", number_end="2025-01-10"), customer("D2", number_start="2025-01-12"))
    for day, account, outcome in ((10, "D1", "rated"), (11, "D1", "suspended"), (12, "D2", "rated")):
        judged = rate_call(moved, call(start=START.replace(day=day)))
        assert judged.number is not None
        assert (judged.number.customer.account, judged.outcome) == (account, outcome)


@pytest.mark.parametrize(
    ("changes", "call_class"),
    [
        ({}, "National"),
        ({"other_party": "07700900000"}, "Mobile"),
        ({"other_party": "0033123456789"}, "International"),
        ({"call_class": "Mobile"}, "Mobile"),
        ({"call_class": "Unheard of"}, "National"),
        ({"service": "sms"}, "SMS"),
        ({"service": "data", "other_party": ""}, "Data"),
        ({"inbound": True}, "Inbound"),
        ({"inbound": True, "other_party": "withheld"}, "Inbound"),
        ({"other_party": "+99912345"}, ""),
    ],
)
def test_the_class_is_the_records_the_services_the_numbers_or_the_destinations(
    changes: dict[str, Any], call_class: str
) -> None:
    """R4: in this order."""
    assert rate_call(carrier(), call(**changes)).call_class == call_class


def test_an_inbound_call_has_the_class_of_the_charged_numbers_prefix() -> None:
    """R4: freephone, where the customer pays for being called."""
    judged = rate_call(
        carrier(customer(number_number="+448081570001")), call(charged_number="+448081570001", inbound=True)
    )
    assert (judged.call_class, judged.charge) == ("Inbound Freephone", Decimal("0.0300"))


@pytest.mark.parametrize(
    ("changes", "charge"),
    [
        ({}, "0.0200"),
        ({"start": START.replace(hour=20)}, "0.0100"),
        ({"other_party": "+33123456789"}, "0.1000"),
        ({"other_party": "+33623456789"}, "0.1000"),
        ({"other_party": "+33623456789", "start": START.replace(day=18)}, "0.2000"),
        ({"other_party": "+33633456789"}, "0.2500"),
        ({"other_party": "+33633456789", "start": START.replace(day=16)}, "0.3000"),
        ({"other_party": "+33613456789"}, "0.1000"),
        ({"other_party": "+33613456789", "start": START.replace(day=14)}, "0.4000"),
        ({"service": "sms", "used": 2}, "0.1000"),
        ({"service": "sms", "used": 1, "other_party": "+33123456789"}, "0.0500"),
        ({"service": "data", "used": 2_500_000}, "1.2500"),
        ({"used": 0, "seconds": 0}, "0"),
    ],
)
def test_the_longest_prefix_with_a_rate_that_holds_answers(changes: dict[str, Any], charge: str) -> None:
    """R5, Z16: only rates valid on the local day and in the band take part; else the class rate. Valid-to counts."""
    assert rate_call(carrier(), call(**changes)).charge == Decimal(charge)


@pytest.mark.parametrize(
    ("fields", "costs", "expected"),
    [
        ({"class_markups": FIFTY}, ("0.10",), ("rated", 2, "0.15")),
        ({"class_markups": FIFTY, "number_class_markups": {"National": "10"}}, ("0.10",), ("rated", 2, "0.11")),
        ({"class_markups": {"Mobile": "50"}}, ("0.10",), ("unpriced", 0, "0")),
        ({"class_markups": FIFTY}, (None,), ("unpriced", 0, "0")),
        ({"class_markups": FIFTY}, ("0",), ("rated", 2, "0.00")),
        ({"number_class_tariffs": {"National": "MAIN"}, "class_markups": FIFTY}, ("0.10",), ("rated", 1, "0.02")),
        ({"number_class_tariffs": {"Mobile": "MAIN"}, "class_markups": FIFTY}, ("0.10",), ("rated", 2, "0.15")),
    ],
)  # fmt: skip
def test_where_the_chosen_tariff_has_no_rate_the_markup_answers(
    fields: dict[str, Any], costs: tuple[str | None, ...], expected: tuple[str, int, str]
) -> None:
    """R5, Z16, Z17: the other tariffs are not asked; the number's markup goes before the customer's."""
    costs_given = tuple(None if cost is None else Decimal(cost) for cost in costs)
    judged = rate_call(carrier(customer(tariff="EMPTY", **fields)), call(costs=costs_given))
    assert (judged.outcome, judged.step, judged.charge) == (*expected[:2], Decimal(expected[2]))


def test_a_default_tariff_is_by_source_and_number_type_before_number_type_before_all() -> None:
    """R5 (1)."""
    made = carrier()
    made.deck.tariffs["TYPE"] = read_tariff({"code": "TYPE"}, [{"call_class": "National", "price_per_minute": "1"}])
    made.deck.tariffs["BOTH"] = read_tariff({"code": "BOTH"}, [{"call_class": "National", "price_per_minute": "2"}])
    made.deck.defaults = {(None, "geographic"): "TYPE", ("northstar", "geographic"): "BOTH"}
    assert rate_call(made, call()).tariff == "BOTH"
    assert rate_call(made, call(source="skylark")).tariff == "TYPE"
    made.deck.defaults = {(None, "mobile"): "TYPE"}
    assert rate_call(made, call()).tariff == "MAIN"


def test_an_empty_cell_of_a_rate_means_nothing_or_one_second() -> None:
    """R6: increments are 1/1 unless said, there is no maximum unless said."""
    rate = read_rate({"prefix": "33", "price_per_minute": "0.1", "maximum_charge": "", "initial_seconds": ""})
    assert (rate.initial, rate.step, rate.maximum, rate.minimum, rate.band) == (1, 1, None, 0, None)
