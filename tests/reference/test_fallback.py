"""The reference prices what only the close has a price for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.reference import Call, Carrier, rate_call
from tests.support.reference.deck import Deck, read_tariff
from tests.support.reference.judging import price_at_close
from tests.support.reference.totals import Ledger, bill

COST = (None, Decimal("0.0125"), None)


def carrier(tariff: dict[str, Any], **customer: Any) -> Carrier:
    """A carrier with an empty default tariff and one customer, fields of its number as `number_...`."""
    deck = Deck(destinations={"441": "National"}, system_default="EMPTY")
    deck.tariffs["EMPTY"] = read_tariff({"code": "EMPTY", **tariff}, ())
    own = {name.removeprefix("number_"): customer.pop(name) for name in list(customer) if name.startswith("number_")}
    number = {"number": "+441632960001", "number_type": "geographic", "call_plan": "standard", "start": "2025-01-01"}
    made = Carrier(deck)
    made.add(
        {"account_number": "D1", "billing_address": {"lines": ["1 High Street"]}, "numbers": [number | own], **customer}
    )
    return made


def call(**fields: Any) -> Call:
    """A minute to a national number, with a cost."""
    start = datetime(2025, 1, 15, 9, 30, tzinfo=UTC)
    usual = {"source": "northstar", "record_id": "R1", "service": "voice", "inbound": False, "start": start}
    numbers = {"charged_number": "01632960001", "other_party": "01614960000", "seconds": 60, "used": 60}
    return Call(**(usual | numbers | {"costs": COST} | fields))


@pytest.mark.parametrize(
    ("tariff", "customer", "costs", "charge"),
    [
        ({"fallback_markup": "100"}, {"number_fallback_markup": "50", "fallback_markup": "10"}, COST, "0.0250"),
        ({}, {"number_fallback_markup": "50", "fallback_markup": "10"}, COST, "0.0188"),
        ({}, {"fallback_markup": "10"}, COST, "0.0138"),
        ({"rounding_places": 2}, {"fallback_markup": "10"}, COST, "0.01"),
        ({}, {"fallback_markup": "10"}, (Decimal("0.02"), Decimal("0.01"), None), "0.0220"),
        ({"fallback_markup": "0"}, {"fallback_markup": "10"}, COST, "0.0125"),
        ({"fallback_markup": "100"}, {}, (None, None, None), None),
        ({}, {}, COST, None),
    ],
)
def test_a_fallback_is_the_tariffs_then_the_numbers_then_the_customers(
    tariff: dict[str, Any], customer: dict[str, Any], costs: tuple[Any, ...], charge: str | None
) -> None:
    """R5 (3), Z16, Z17: on the best cost, rounded as the chosen tariff says; without cost or markup it has no price."""
    made = carrier(tariff, **customer)
    unpriced = rate_call(made, call(costs=costs))
    assert unpriced.outcome == "unpriced"
    priced = price_at_close(made, call(costs=costs), unpriced)
    assert (priced.outcome, priced.step) == (("rated", 3) if charge else ("unpriced", 0))
    assert str(priced.charge) == (charge or "0")


def test_what_the_close_prices_is_rated_once_its_customer_is_billed() -> None:
    """R5 (3), Z3: it is on the invoice of the bill-to date; a later call is left unpriced."""
    ledger = Ledger(carrier({}, fallback_markup="100"), date(2025, 1, 31))
    later = datetime(2025, 2, 1, 9, tzinfo=UTC)
    for each in (call(), call(record_id="R2", start=later), call(record_id="R3", costs=(None, None, None))):
        ledger.take(each)
    result = bill(ledger, date(2025, 2, 1))
    assert (result.total("rated"), result.total("unpriced")) == (1, 2)
    assert (result.invoices["D1"].usage_exact, result.rated_charge) == (Decimal("0.0250"), Decimal("0.0250"))
