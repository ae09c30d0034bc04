"""Billing runs: their states, and which customers one takes (SPEC I3, C5, Z10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from contracts.billing import RunKind, RunState
from contracts.customers import CustomerState
from contracts.reference import StatusFlags
from invoicing.domain.reference import ReferenceLists, flags_in_runs

CustomerRunState = Literal["waiting", "closed", "drafted", "skipped", "parked"]

NO_SUCH_CUSTOMER = "no such customer"
IN_ANOTHER_RUN = "in another active run"
CANCELLED = "cancelled"
REMOVED = "removed by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A billing run as it is stored. `as_of` is the local day it was requested: statuses are those of that day.

    `by_hand` says that status and low policy do not count, and `confirm_empty` that an invoice without a line is wanted
    (SPEC Z11). A recreation makes drafts of its customers again; it keeps both from the run that made them first.
    `cancelling` says that drafts are still to be removed.
    """

    run_id: int
    version: int
    state: RunState
    bill_to: date
    invoice_date: date
    due_date: date | None = None
    message: str = ""
    cycles: tuple[str, ...] = ()
    customers: tuple[int, ...] | None = None
    as_of: date | None = None
    kind: RunKind = "cycles"
    by_hand: bool = False
    confirm_empty: bool = False
    cancelling: bool = False
    approving: bool = False
    sending: bool = False
    problem: str = ""

    @property
    def taken_at_once(self) -> bool:
        """Its customers were taken when it was asked for, whatever cycle and status say."""
        return self.kind in ("manual", "recreation")

    @property
    def by_list(self) -> bool:
        """It takes the customers it names, and no others."""
        return self.customers is not None


def cycle_is_due(every_months: int | None, bill_to: date, anchor_month: int | None) -> bool:
    """SPEC C5, Z10: whether the month of the bill-to date is one that a cycle bills in.

    Args:
        every_months: of the cycle; None bills by hand only.
        anchor_month: 1 to 12, set by hand or the month of the first bill; None before that: this is the first.
    """
    if every_months is None:
        return False
    return anchor_month is None or (bill_to.month - anchor_month) % every_months == 0


def takes(run: Run, customer: CustomerState, lists: ReferenceLists, first_bill: date | None) -> bool:
    """SPEC Z10: whether a run takes a customer.

    By list, whoever is named and whose status is billed; by cycles, those due, and every Final Bill customer. Final
    Bill and Dropped are what they are at the request, other statuses those of its day. A
    customer of whom the status or the cycle is not known is taken, so that it is parked and seen, not forgotten.

    Args:
        first_bill: the bill-to date of the customer's first invoice, if it has one.
    """
    flags = flags_in_runs(customer, lists, run.as_of or run.bill_to)
    if flags is not None and not _billed(flags):
        return False
    if run.by_list:
        return customer.customer_id in (run.customers or ())
    return (flags is not None and flags.final_bill) or _due(run, customer, lists, first_bill)


def _billed(flags: StatusFlags) -> bool:
    return not flags.dropped and (flags.billed_in_runs or flags.final_bill)


def _due(run: Run, customer: CustomerState, lists: ReferenceLists, first_bill: date | None) -> bool:
    cycle = lists.cycle(customer.billing_cycle)
    if cycle is None:
        return True
    if run.cycles and customer.billing_cycle not in run.cycles:
        return False
    anchor = customer.anchor_month or (first_bill.month if first_bill else None)
    return cycle_is_due(cycle.every_months, run.bill_to, anchor)
