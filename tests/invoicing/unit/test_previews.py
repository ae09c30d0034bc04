"""The charges as they would be after an action."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.invoicing import made

from invoicing.domain.charges import Charge
from invoicing.domain.previews import Proposal, as_if, settled_as_if

START = date(2025, 1, 1)


def a_charge(**what: Any) -> Charge:
    usual: dict[str, Any] = {
        "charge_id": 1,
        "customer_id": 2,
        "kind": "recurring",
        "description": "Line rental",
        "amount": Decimal("31.00"),
        "every_months": 1,
        "start": START,
    }
    return Charge(**{**usual, **what})


@pytest.mark.parametrize(
    ("action", "end", "would_end"),
    [
        ("final_bill", None, date(2025, 3, 15)),
        ("final_bill", date(2025, 3, 10), date(2025, 3, 10)),  # an earlier end stays
        ("final_bill", date(2025, 3, 20), date(2025, 3, 15)),
        ("final_bill", date(2025, 2, 28), date(2025, 3, 15)),  # the Final Bill before set it: it moves
        ("drop", date(2025, 2, 28), date(2025, 2, 28)),  # and stays when it is dropped
        ("drop", None, date(2025, 3, 15)),
    ],
)
def test_final_bill_and_drop_end_what_is_open_or_ends_later(action: Any, end: date | None, would_end: date) -> None:
    """C14, C15: an earlier end date stays; end dates set by a Final Bill move with it."""
    customer = made.customer(status="final_bill", final_bill_date=date(2025, 2, 28))
    proposal = Proposal(action, date(2025, 3, 15), bill_to=date(2025, 3, 31))
    (charge,) = as_if([a_charge(end=end)], customer, proposal)
    assert charge.end == would_end


def test_what_starts_later_would_be_cancelled_and_what_was_removed_is_left_out() -> None:
    """Z6, C18."""
    proposal = Proposal("drop", date(2025, 3, 15), bill_to=date(2025, 3, 31))
    charges = [a_charge(start=date(2025, 3, 16)), a_charge(removed=True)]
    (charge,) = as_if(charges, made.customer(), proposal)
    assert charge.cancelled


def test_a_reinstatement_would_charge_what_was_dropped_from_its_day_in_the_old_periods() -> None:
    """Z8: quarterly from January; dropped on 10 February, back on 11 March: 21 of 31 days of March in arrears."""
    dropped = date(2025, 2, 10)
    charges = [
        a_charge(every_months=3, in_advance=False, end=dropped, charged_to=dropped),
        a_charge(end=date(2025, 2, 9), charged_to=date(2025, 2, 9)),  # ended before
        a_charge(kind="one_off", every_months=None, end=dropped, charged_to=START),
        a_charge(end=None),
    ]
    proposal = Proposal("reinstate", date(2025, 3, 11), bill_to=date(2025, 3, 31), reopen=dropped)
    (line,) = settled_as_if(as_if(charges, made.customer(), proposal), {}, proposal)
    assert (line.first_day, line.last_day, line.net) == (date(2025, 3, 11), date(2025, 3, 31), Decimal("7.00"))
    customer = made.customer(drop_date=date(2025, 2, 9), final_bill_date=dropped)
    for reopen, days in {"all": [10, 9], "none": [], date(2025, 2, 9): [9]}.items():
        asked = replace(proposal, reopen=reopen)  # type: ignore[arg-type]
        found = as_if(charges, customer, asked)
        assert [each.start for each in found] == [proposal.on] * len(days)
