"""Usage that a discount plan priced: lines of their own, on the account and on paper."""

from __future__ import annotations

from decimal import Decimal

from tests.invoicing.made import totals, usage_line

from invoicing.documents.words import Money, _section
from invoicing.domain.usage import Close, differences, usage_transactions
from invoicing.service.printing import sections_of
from invoicing.store.readmodel import Labels

PLAIN = usage_line("3.00")
PRICED = usage_line("0.41", plan="MOBILE-500", list_price=Decimal("2.61"), discount=Decimal("2.20"))
CLOSE = Close(close_id=1, customer_id=1, lines=(PLAIN, PRICED), totals=totals(PLAIN, PRICED))


def test_a_part_priced_by_a_plan_is_a_transaction_of_its_own() -> None:
    """Z2: per number, call class and band, and per part priced by a discount plan."""
    plain, priced = usage_transactions(CLOSE)
    assert (plain.plan, plain.net, plain.description) == ("", Decimal("3.00"), "National calls, peak")
    assert (priced.plan, priced.net, priced.description) == (
        "MOBILE-500",
        Decimal("0.41"),
        "National calls, peak, plan MOBILE-500",
    )
    assert differences(CLOSE, [plain, priced]) == []


def test_a_line_of_a_plan_cannot_stand_for_the_one_beside_it() -> None:
    """I4: control totals are compared line by line."""
    plain, _ = usage_transactions(CLOSE)
    assert differences(CLOSE, [plain, plain])


def test_the_bill_says_which_plan_and_what_it_took_off() -> None:
    """I8, R7: the customer sees what the plan is worth."""
    (section,) = sections_of(usage_transactions(CLOSE), Labels({}, {}))
    printed = [row[0] for row in _section(section, Money("GBP"))["usage"]]
    assert printed == ["National", "National, plan MOBILE-500: £2.20 discount"]
