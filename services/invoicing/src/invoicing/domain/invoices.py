"""Making one customer's draft: what goes on it, the low policy, VAT and due date (SPEC I5, Z12 to Z15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from contracts.billing import VatLine
from contracts.customers import CustomerState
from invoicing.domain.charges import Charge, Settlement, settle
from invoicing.domain.final_bill import (
    DROPPED,
    NO_ACCOUNT,
    NOTHING_TO_BILL,
    SETTLED,
    FinalAccount,
    final_decision,
    settle_to,
)
from invoicing.domain.reference import ReferenceLists, leaving
from invoicing.domain.runs import Run
from invoicing.domain.transactions import ZERO, Transaction, net_of
from invoicing.domain.usage import Close, differences, usage_transactions
from invoicing.domain.vat import NoVatRate, vat_lines
from money.terms import due_date

LOW_USAGE_DESCRIPTION = "Low usage charge"
ROLL_FORWARD: Literal["roll_forward"] = "roll_forward"
Decision = Literal["create", "add_charge", "roll_forward", "nothing_to_bill", "settled"]


@dataclass(frozen=True, slots=True)
class Case:
    """All that a draft of one customer is made from.

    `standing` holds the stored transactions of those charges that are overcharged, by charge id; `account` is asked
    of Final Bill customers only.
    """

    customer: CustomerState
    charges: Sequence[Charge] = ()
    standing: dict[int, list[Transaction]] = field(default_factory=dict)
    unsent: Sequence[Transaction] = ()
    close: Close | None = None
    account: FinalAccount = NO_ACCOUNT


@dataclass(frozen=True, slots=True)
class Totals:
    """Net, VAT and gross of an invoice in pounds, with the VAT lines they are the sum of."""

    net: Decimal
    vat: Decimal
    gross: Decimal
    vat_lines: tuple[VatLine, ...]

    @property
    def kind(self) -> Literal["invoice", "credit_note"]:
        """SPEC Z14: a negative total is a credit note."""
        return "credit_note" if self.gross < 0 else "invoice"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a customer in a run.

    `settlements` go on Unsent in any case but parked; `new` are the further transactions of the invoice (usage, low
    usage charge). Where `totals` is None there is no invoice.
    """

    state: Literal["drafted", "skipped", "parked"]
    reason: str = ""
    settlements: tuple[Settlement, ...] = ()
    new: tuple[Transaction, ...] = ()
    totals: Totals | None = None
    due: date | None = None


def judge(case: Case, run: Run, lists: ReferenceLists) -> Verdict:
    """SPEC I3, I4, I5, C14, C15: draft, skip or park one customer of a run.

    Raises:
        ValueError: the customer's data breaks a rule; the run parks it with that reason.
    """
    if leaving(case.customer, lists) == "dropped" and not run.by_hand:
        return Verdict("skipped", DROPPED)
    missing = missing_details(case.customer, lists, given_due=run.due_date)
    if missing and not _can_be_drafted(case.customer, run, lists):
        return parked_for(missing)
    usage = usage_transactions(case.close) if case.close else []
    wrong = differences(case.close, usage) if case.close else []
    if wrong:
        return Verdict("parked", f"control totals differ: {'; '.join(wrong[:3])}")
    settlements = settled(case, run.bill_to, lists)
    owed = [*case.unsent, *(line for each in settlements for line in each.transactions), *usage]
    decision = _decision(case, run, lists, owed)
    if decision not in ("create", "add_charge"):
        return Verdict("skipped", decision, settlements)
    if decision == "add_charge":
        usage.append(_low_usage_charge(case.customer))
        owed.append(usage[-1])
    try:
        totals = totals_of(owed, case.customer, lists, run.invoice_date)
    except NoVatRate as error:
        return parked_for([str(error)])
    return Verdict("drafted", "", settlements, tuple(usage), totals, due_on(case.customer, run, lists, totals))


def _can_be_drafted(customer: CustomerState, run: Run, lists: ReferenceLists) -> bool:
    """SPEC Z10: a draft by hand may have details missing; who bills must be known. It is not approved before."""
    return run.by_hand and lists.bill_style(customer.bill_style) is not None


def settled(case: Case, bill_to: date, lists: ReferenceLists) -> tuple[Settlement, ...]:
    """SPEC I2, Z4: every charge settled to the bill-to date, or to its end who is on Final Bill or dropped."""
    out = leaving(case.customer, lists) is not None
    return tuple(
        settle(charge, settle_to(charge, bill_to, on_the_way_out=out), case.standing.get(charge.charge_id, ()))
        for charge in case.charges
    )


def _decision(case: Case, run: Run, lists: ReferenceLists, owed: Sequence[Transaction]) -> Decision:
    """SPEC C14, I5, Z11: what becomes of all that would be on the invoice."""
    if run.by_hand:
        return "create" if owed or run.confirm_empty else NOTHING_TO_BILL
    if leaving(case.customer, lists) == "final_bill":
        decided = final_decision(case.customer, run, case.account, owed)
        return NOTHING_TO_BILL if decided == SETTLED and run.taken_at_once else decided
    decision = low_decision(case.customer, owed)
    return decision if owed or decision != ROLL_FORWARD else NOTHING_TO_BILL


def parked_for(missing: Iterable[str]) -> Verdict:
    """SPEC Z10: parked with the list of what is missing."""
    return Verdict("parked", f"missing details: {', '.join(missing)}")


def missing_details(customer: CustomerState, lists: ReferenceLists, given_due: date | None = None) -> list[str]:
    """SPEC C1, Z10: what is missing for an invoice. An email address never is: sending says so."""
    needed = {
        "VAT rate": lists.entry("vat_rates", customer.vat_rate),
        "payment terms": given_due or lists.terms(customer),
        "bill style": lists.bill_style(customer.bill_style),
        "billing cycle": lists.cycle(customer.billing_cycle),
        "status": lists.status(customer.status),
    }
    told = [each.replace("_", " ") for each in customer.missing if not each.lower().startswith("email")]
    known = {each.lower() for each in told}
    return told + [name for name, found in needed.items() if found is None and name.lower() not in known]


def low_decision(
    customer: CustomerState, owed: Sequence[Transaction]
) -> Literal["create", "roll_forward", "add_charge"]:
    """SPEC I5, Z12: what to do with what would be on the invoice of a customer who is not on Final Bill."""
    policy = customer.low_invoice
    net = net_of(list(owed))
    low = not owed or net == 0 or net < policy.threshold
    if not low or policy.policy == "create":
        return "create"
    if policy.policy == ROLL_FORWARD:
        return ROLL_FORWARD
    return "create" if net < 0 or policy.charge <= 0 else "add_charge"


def _low_usage_charge(customer: CustomerState) -> Transaction:
    return Transaction(
        customer_id=customer.customer_id,
        kind="low_usage_charge",
        description=LOW_USAGE_DESCRIPTION,
        net=customer.low_invoice.charge,
    )


def totals_of(
    transactions: Iterable[Transaction], customer: CustomerState, lists: ReferenceLists, tax_point: date
) -> Totals:
    """Net, VAT and gross of an invoice with these transactions (SPEC Z13). Raises NoVatRate."""
    lines = vat_lines(((rate_of(each, customer), each.net) for each in transactions), lists, tax_point)
    net = sum((line.net for line in lines), ZERO)
    vat = sum((line.vat for line in lines), ZERO)
    return Totals(net, vat, net + vat, lines)


def rate_of(transaction: Transaction, customer: CustomerState) -> str | None:
    """SPEC Z13, C7: a transaction's own VAT rate where it has one, else the customer's as it is now."""
    return transaction.vat_rate if transaction.own_vat_rate else customer.vat_rate


def due_on(customer: CustomerState, run: Run, lists: ReferenceLists, totals: Totals) -> date | None:
    """SPEC C6, Z14: the date given with the run, else by the customer's terms; none on a credit note."""
    if totals.kind == "credit_note":
        return None
    if run.due_date is not None:
        return run.due_date
    terms = lists.terms(customer)
    return due_date(terms.kind, terms.value, run.invoice_date) if terms else None
