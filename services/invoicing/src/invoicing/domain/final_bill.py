"""Customers on their way out: Final Bill and Dropped in runs (SPEC C14, C15, Z4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from contracts.customers import CustomerState
from invoicing.domain.charges import Charge
from invoicing.domain.runs import Run
from invoicing.domain.transactions import ZERO, Transaction

NOTHING_TO_BILL: Literal["nothing_to_bill"] = "nothing_to_bill"
SETTLED: Literal["settled"] = "settled"
DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class FinalAccount:
    """What a Final Bill customer's account has beside what a bill would hold.

    `balance` is in pounds; `invoiced` says that an approved invoice of this Final Bill exists.
    """

    balance: Decimal = ZERO
    invoiced: bool = False


NO_ACCOUNT = FinalAccount()


def course_of(customer: CustomerState) -> tuple[int | None, date | None, date | None]:
    """What Final Bill, Drop and Reinstate change of a customer: where it differs, a draft is out of date (SPEC Z9)."""
    return customer.final_bill_id, customer.final_bill_date, customer.drop_date


def settle_to(charge: Charge, bill_to: date, *, on_the_way_out: bool) -> date:
    """SPEC Z4: who is on Final Bill or dropped has every charge settled to its end, also where that lies ahead."""
    return max(bill_to, charge.end) if on_the_way_out and charge.end is not None else bill_to


def final_decision(
    customer: CustomerState, run: Run, account: FinalAccount, owed: Sequence[Transaction]
) -> Literal["create", "nothing_to_bill", "settled"]:
    """SPEC C14: what a run does with a Final Bill customer.

    The first makes the final invoice, even an empty one; each later one an invoice while there are charges or a
    balance. The first that finds nothing left, at or after the final bill date, finds the customer settled.

    Args:
        owed: all that would be on the invoice.
    """
    if not account.invoiced or owed or account.balance != 0:
        return "create"
    if customer.final_bill_date is None or run.bill_to < customer.final_bill_date:
        return NOTHING_TO_BILL
    return SETTLED
