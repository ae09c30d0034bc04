"""What Final Bill, Drop and Reinstate would charge and refund, before they act (SPEC C18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from contracts.closing import UsageLine
from contracts.customers import CustomerState
from invoicing.domain.adjustments import BilledLine, correction
from invoicing.domain.charges import Charge, settle
from invoicing.domain.invoices import Totals
from invoicing.domain.transactions import Transaction
from invoicing.domain.usage import LineKey, key_of

Action = Literal["final_bill", "drop", "reinstate"]
Reopen = date | Literal["all", "none"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An action that may be taken; `on` is its date.

    `reopen` is of a reinstatement: what ended on that day is open again, or all that Final Bill and Drop ended.
    `bill_to` is the last day of the bill that a reinstatement is worked out to.
    """

    action: Action
    on: date
    bill_to: date
    reopen: Reopen = "all"


@dataclass(frozen=True, slots=True)
class UsageAfter:
    """Rating's answer: what a customer used after a day. `billed` are close ids and lines, as they were billed."""

    calls: int = 0
    seconds: int = 0
    net_exact: Decimal = Decimal(0)
    billed: tuple[tuple[int, UsageLine], ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go on Unsent: `lines`, and what they come to. `usage` is None where the action takes none back."""

    lines: tuple[Transaction, ...]
    totals: Totals
    usage: UsageAfter | None = None


def as_if(charges: Iterable[Charge], customer: CustomerState, proposal: Proposal) -> list[Charge]:
    """The charges as they would be right after the action.

    Final Bill and Drop end what is open or ends later; a Final Bill that is repeated moves the ends it set. Reinstate
    begins again what recurs and was dropped on the day said, in its old periods (SPEC C14 to C16, Z8).
    """
    if proposal.action == "reinstate":
        ends = _reopened(customer, proposal)
        ended = [each for each in charges if each.kind == "recurring" and each.end in ends and not each.removed]
        return [_again(each, proposal.on) for each in ended]
    movable = customer.final_bill_date if proposal.action == "final_bill" else None
    return [_ended(each, proposal.on, movable) for each in charges if not each.removed]


def _reopened(customer: CustomerState, proposal: Proposal) -> set[date]:
    """SPEC C16: the last days of what is open again."""
    if isinstance(proposal.reopen, date):
        return {proposal.reopen}
    days = (customer.drop_date, customer.final_bill_date) if proposal.reopen == "all" else ()
    return {each for each in days if each is not None}


def _again(charge: Charge, start: date) -> Charge:
    begun = {"start": start, "anchor": charge.anchor or charge.start, "end": None, "charged_to": None}
    return replace(charge, **begun)  # type: ignore[arg-type]


def _ended(charge: Charge, on: date, movable: date | None) -> Charge:
    ends = charge.end is None or charge.end > on or charge.end == movable
    return replace(charge, end=on) if ends else charge


def settled_as_if(
    charges: Iterable[Charge], standing: Mapping[int, Sequence[Transaction]], proposal: Proposal
) -> list[Transaction]:
    """SPEC I2, Z4: what settling these charges puts on Unsent: to their ends; those that go on, to the bill-to date."""
    settled = (settle(each, each.end or proposal.bill_to, standing.get(each.charge_id, ())) for each in charges)
    return [line for each in settled for line in each.transactions]


def given_back(
    customer_id: int, usage: UsageAfter, billed: Mapping[int, Mapping[LineKey, BilledLine]]
) -> list[Transaction]:
    """SPEC Z9: the refunds of billed usage after the date.

    Args:
        billed: by close, the lines that are on an approved invoice; of others nothing is refunded, they are reversed.
    """
    found = [(line, billed.get(close_id, {}).get(key_of(line))) for close_id, line in usage.billed]
    refunds = [correction(_negative(line), of, customer_id) for line, of in found if of is not None]
    return [each for each in refunds if each.net != 0]


def _negative(line: UsageLine) -> UsageLine:
    return line.model_copy(update={"net_exact": -line.net_exact, "list_price": -line.list_price, "net": -line.net})
