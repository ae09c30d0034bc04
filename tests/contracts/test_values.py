"""Money, amounts and instants on the wire."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from contracts.billing import AccountBalanceChanged, RunTotals
from contracts.cdrs import CdrReceived
from contracts.closing import ControlTotals
from contracts.events import EVENTS, parse


def test_money_is_a_string_of_pounds_and_pence() -> None:
    """SPEC, Words: money is never float."""
    event = AccountBalanceChanged(customer_id=7, version=1, balance=Decimal("12.50"))
    assert event.payload()["balance"] == "12.50"
    assert RunTotals().model_dump(mode="json")["gross"] == "0.00"


@pytest.mark.parametrize("wrong", [12.5, 12, "12.5", "1e2", "NaN", ""])
def test_money_in_another_form_is_refused(wrong: object) -> None:
    """DESIGN, Events: money is a decimal string with a pattern."""
    with pytest.raises(ValidationError):
        AccountBalanceChanged.model_validate({"customer_id": 7, "version": 1, "balance": wrong})


def test_zero_is_never_negative() -> None:
    """Z1: zero is 0.00, never -0.00."""
    assert AccountBalanceChanged(customer_id=7, version=1, balance=Decimal("-0.00")).payload()["balance"] == "0.00"


def test_an_exact_sum_keeps_its_digits() -> None:
    """Z2: control totals compare the exact unrounded sum."""
    totals = ControlTotals(calls=3, seconds=61, net_exact=Decimal("0.123450"))
    assert totals.model_dump(mode="json")["net_exact"] == "0.123450"


def test_an_instant_needs_its_zone_and_becomes_utc() -> None:
    """R1: a CDR's start comes with its zone."""
    cdr = CdrReceived.model_validate({"source": "northstar", "start": "2025-07-01T00:30:00+01:00"})
    assert cdr.start == datetime(2025, 6, 30, 23, 30, tzinfo=UTC)
    with pytest.raises(ValidationError, match="time zone"):
        CdrReceived.model_validate({"source": "northstar", "start": "2025-07-01T00:30:00"})


def test_an_older_reader_takes_a_newer_event() -> None:
    """E1: unknown fields are ignored."""
    value = '{"customer_id": 7, "version": 1, "balance": "1.00", "something_new": true}'
    assert parse("account.balance_changed", value) == AccountBalanceChanged(
        customer_id=7, version=1, balance=Decimal("1.00")
    )


def test_the_event_table_is_whole() -> None:
    """DESIGN, Events: also what nobody sends yet."""
    assert {"usage.reversed", "usage.adjusted", "erasure.confirmed", "credit.limit.reached", "customer.settled"} <= set(
        EVENTS
    )
