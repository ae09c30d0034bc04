"""A customer's details and its status history."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.customers import Address, CustomerCreated, StatusPeriod
from contracts.topics import MAX_MESSAGE_BYTES
from customers.api.bodies import CustomerChange
from customers.domain import uk
from customers.domain.customers import (
    Customer,
    Details,
    changed_details,
    check_account_number,
    format_account_number,
    missing_for_invoice,
    new_details,
    with_changes,
)
from customers.domain.events import customer_state
from customers.domain.reference import PAYMENT_METHODS, Book, Entry
from customers.domain.rules import RuleBroken
from customers.domain.status import MOST_CHANGES, holding, status_now, status_on, with_change

BOOK = Book(uk.defaults())
COMPLETE: dict[str, Any] = {"name": "Fenwick Tiles", "billing_address": Address(lines=("1 Mill Lane",))}


def period(day: str, status: str, reason: str | None = None) -> StatusPeriod:
    return StatusPeriod(status=status, effective_from=date.fromisoformat(day), reason=reason)


def test_what_is_absent_takes_the_default_of_its_list() -> None:
    details = new_details({"name": "Fenwick Tiles", "payment_method": "card"}, BOOK)
    assert (details.payment_method, details.vat_rate) == ("card", "standard")
    assert (details.billing_cycle, details.bill_style, details.account_manager) == ("monthly", "farthing", None)


def test_only_the_billing_address_is_missing_of_a_customer_with_a_name() -> None:
    """C1: only the name is required to save; what a first invoice still needs is listed."""
    assert missing_for_invoice(new_details({"name": "Fenwick Tiles"}, BOOK)) == ("billing address",)
    assert missing_for_invoice(new_details(COMPLETE, BOOK)) == ()


def test_a_missing_email_is_not_missing_for_an_invoice() -> None:
    """Z10"""
    assert missing_for_invoice(new_details({**COMPLETE, "emails": ()}, BOOK)) == ()


def test_each_missing_detail_is_named() -> None:
    """C1"""
    missing = missing_for_invoice(Details(name="Fenwick Tiles"))
    assert missing == ("billing address", "payment method", "VAT rate", "billing cycle", "bill style")


def test_an_unknown_code_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(RuleBroken, match="bank_transfer, card, cheque, direct_debit") as refused:
        new_details({"name": "Fenwick Tiles", "payment_method": "gold"}, BOOK)
    assert refused.value.field == "payment_method"


def test_a_retired_code_may_stay_but_not_be_chosen() -> None:
    book = Book([*uk.defaults(), Entry(PAYMENT_METHODS, "standing_order", "Standing order", retired=True)])
    holder = Details(name="Fenwick Tiles", payment_method="standing_order")
    assert changed_details(holder, {"notes": "rang"}, book).payment_method == "standing_order"
    with pytest.raises(RuleBroken, match="is retired"):
        new_details({"name": "Other", "payment_method": "standing_order"}, book)


def test_rating_choices_are_given_flat_and_kept_together() -> None:
    """C10"""
    details = new_details({**COMPLETE, "tariff": "uk-home", "class_markups": {"Mobile": Decimal("12.5")}}, BOOK)
    assert (details.rating.tariff, details.rating.class_markups) == ("uk-home", {"Mobile": Decimal("12.5")})
    again = changed_details(details, {"fallback_markup": Decimal(10)}, BOOK)
    assert (again.rating.tariff, again.rating.fallback_markup) == ("uk-home", Decimal(10))


def test_account_numbers_have_a_prefix_and_a_width() -> None:
    """C2"""
    assert format_account_number("F", 6, 42) == "F000042"
    assert format_account_number("", 2, 1234) == "1234"


@pytest.mark.parametrize("wrong", ["", " ", "-", "a\tb", "x" * 41, "a\nb"])
def test_an_account_number_of_other_characters_is_refused(wrong: str) -> None:
    with pytest.raises(RuleBroken, match="an account number is"):
        check_account_number(wrong)


def test_the_status_on_a_day_is_the_last_that_began_by_then() -> None:
    """C8: what was the status on day D?"""
    history = (period("2025-01-01", "active"), period("2025-02-01", "final_bill"), period("2025-03-01", "dropped"))
    assert status_on(history, date(2024, 12, 31)) is None
    asked = {day: status_on(history, date.fromisoformat(day)) for day in ("2025-01-31", "2025-02-01", "2025-06-01")}
    assert [found and found.status for found in asked.values()] == ["active", "final_bill", "dropped"]


def test_before_its_history_begins_a_customer_has_the_first_status() -> None:
    assert status_now((period("2025-02-01", "active"),), date(2025, 1, 1)) == "active"


def test_of_two_changes_for_one_day_the_later_recorded_holds() -> None:
    """C8: every change is kept; the others are told what holds."""
    history = (period("2025-01-01", "active"),)
    for change in (period("2025-02-01", "dropped", "mistake"), period("2025-02-01", "final_bill", "closing")):
        history = with_change(history, change)
    assert [each.status for each in history] == ["active", "dropped", "final_bill"]
    assert [each.status for each in holding(history)] == ["active", "final_bill"]
    found = status_on(history, date(2025, 2, 1))
    assert found is not None
    assert found.reason == "closing"


def test_a_change_back_in_time_takes_its_place() -> None:
    """C8"""
    history = with_change((period("2025-01-01", "active"), period("2025-03-01", "dropped")), period("2025-02-01", "x"))
    assert [each.status for each in history] == ["active", "x", "dropped"]


def test_the_same_change_again_leaves_the_history_as_it_is() -> None:
    history = with_change((period("2025-01-01", "active"),), period("2025-02-01", "dropped"))
    assert with_change(history, period("2025-02-01", "dropped")) is history


def test_the_event_carries_the_whole_state_without_the_notes() -> None:
    details = new_details({**COMPLETE, "notes": "a secret", "credit_limit": Decimal("250.00")}, BOOK)
    customer = Customer(7, 3, "F000007", details, (period("2025-01-01", "active"),))
    event = customer_state(CustomerCreated, customer, date(2025, 1, 15))
    assert (event.customer_id, event.version, event.status, event.missing) == (7, 3, "active", ())
    assert event.credit_limit == Decimal("250.00")
    assert "secret" not in event.model_dump_json()


def test_a_history_does_not_outgrow_its_event() -> None:
    """No message over 900 kB: a customer's event carries the whole history."""
    history = tuple(period("2025-01-01", "active") for _ in range(MOST_CHANGES))
    with pytest.raises(RuleBroken, match="no more are kept"):
        with_change(history, period("2025-02-01", "dropped"))


def test_the_largest_customer_fits_into_one_event() -> None:
    """No message over 900 kB, or the relay would hold the customer back and a run's marker would overtake it."""
    wide = "字" * 200
    code = "字" * 64
    days = [date.fromordinal(730_000 + day) for day in range(MOST_CHANGES)]
    body = CustomerChange.model_validate(
        {
            "name": wide,
            "company_name": wide,
            "billing_address": {"lines": ["字" * 100] * 10, "postcode": "字" * 100},
            "contact_numbers": [f"020 7946 {1000 + index} ext. 12345678" for index in range(50)],
            "emails": [f"{index}@{'x' * 60}.example" for index in range(50)],
            "discount_plans": [
                {"plan": f"{code[:61]}{index}", "start": "2025-01-01", "end": "2025-12-31", "quantity": 1_000_000}
                for index in range(100)
            ],
            "portal_access": {"reports": [f"{'x' * 62}{index}" for index in range(50)]},
            "class_tariffs": {f"{code[:60]}{index}": code for index in range(200)},
            "class_markups": {f"{code[:60]}{index}": "99999.999999" for index in range(200)},
        }
    )
    history = tuple(StatusPeriod(status=code, effective_from=day, reason=wide) for day in days)
    details = with_changes(Details(name=""), body.details())
    event = customer_state(CustomerCreated, Customer(7, 1, code, details, history), date(2025, 1, 1))
    assert len(event.model_dump_json().encode()) < MAX_MESSAGE_BYTES
