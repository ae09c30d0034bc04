"""The whole computation: every record of a folder judged once, every customer billed (SPEC R1, R3, Z3, Z21, Z22)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.support.reference import bills
from tests.support.reference.bills import ReferenceInvoice, UsageKey, UsageSum
from tests.support.reference.carrier import Carrier, Customer, read_carrier, read_plan
from tests.support.reference.judging import (
    DUPLICATE,
    OUTCOMES,
    RATED,
    REJECTED,
    UNPRICED,
    Judged,
    price_at_close,
    rate_call,
)
from tests.support.reference.records import Call, Record, records_of

UNBILLED_REASONS = (bills.HELD_BACK, bills.NOT_DUE, bills.PARKED, bills.ROLLED_FORWARD, bills.AFTER_BILL_TO)


@dataclass
class ReferenceResult:
    """What the platform must come to; money in pounds.

    Attributes:
        outcomes: how many records of each source ended how; each source has all six outcomes.
        held_by_reason: how many records are held or rejected, by reason; of rejected ones the words are our own.
        rated_charge: the exact sum of all call charges.
        charges_by_customer: the same by account number; a customer without rated calls is not in it.
        invoices: by account number.
        unbilled: the exact sums of call charges that are on no invoice, by reason.
    """

    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    held_by_reason: Counter[str] = field(default_factory=Counter)
    rated_charge: Decimal = Decimal(0)
    charges_by_customer: dict[str, Decimal] = field(default_factory=dict)
    invoices: dict[str, ReferenceInvoice] = field(default_factory=dict)
    unbilled: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(UNBILLED_REASONS, Decimal(0)))

    @property
    def net(self) -> Decimal:
        """All invoices, net."""
        return sum((invoice.net for invoice in self.invoices.values()), bills.NOTHING)

    @property
    def vat(self) -> Decimal:
        """The VAT on all invoices."""
        return sum((invoice.vat for invoice in self.invoices.values()), bills.NOTHING)

    @property
    def gross(self) -> Decimal:
        """All invoices with VAT."""
        return self.net + self.vat

    @property
    def billed_charge(self) -> Decimal:
        """The exact sum of the call charges that are on invoices."""
        return sum((invoice.usage_exact for invoice in self.invoices.values()), Decimal(0))

    def total(self, outcome: str) -> int:
        """How many records of all sources ended so."""
        return sum(counts[outcome] for counts in self.outcomes.values())

    @property
    def received(self) -> int:
        """How many records came in."""
        return sum(map(self.total, OUTCOMES))


@dataclass
class Ledger:
    """What is kept of the calls while they pass: sums, and the ids that were seen. No call is kept."""

    carrier: Carrier
    bill_to: date
    result: ReferenceResult = field(default_factory=ReferenceResult)
    to_bill: dict[Customer, dict[UsageKey, UsageSum]] = field(default_factory=lambda: defaultdict(dict))
    at_close: dict[Customer, list[tuple[Call, Judged]]] = field(default_factory=lambda: defaultdict(list))
    later: Decimal = Decimal(0)
    _seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, record: Record) -> Judged | None:
        """SPEC Z21, Z22: counts a record once; None for one that is rejected or a duplicate."""
        if not isinstance(record, Call):
            self._count(record.source, REJECTED, f"rejected: {record.reason}")
            return None
        seen = self._seen[record.source]
        if record.record_id in seen:
            self._count(record.source, DUPLICATE)
            return None
        seen.add(record.record_id)
        judged = rate_call(self.carrier, record)
        self._count(record.source, judged.outcome, judged.reason)
        if judged.outcome == RATED:
            self._charge(record, judged)
        elif judged.outcome == UNPRICED and judged.local_day <= self.bill_to:
            self._keep_for_close(record, judged)
        return judged

    def _keep_for_close(self, call: Call, judged: Judged) -> None:
        """SPEC R5 (3): what has a price at billing time only."""
        priced = price_at_close(self.carrier, call, judged)
        if priced.outcome == RATED and priced.number:
            self.at_close[priced.number.customer].append((call, priced))

    def bill_fallbacks(self, customer: Customer) -> None:
        """The customer is billed: what only the close has a price for is rated from now on."""
        for call, priced in self.at_close.pop(customer, ()):
            outcomes = self.result.outcomes[call.source]
            outcomes[UNPRICED] -= 1
            outcomes[RATED] += 1
            self.result.held_by_reason["no_price"] -= 1
            self._charge(call, priced)

    def usage_of(self, customer: Customer) -> dict[UsageKey, UsageSum]:
        """What a close of the customer charges for, fallback mark-ups included."""
        usage = {key: replace(calls) for key, calls in self.to_bill.get(customer, {}).items()}
        for call, priced in self.at_close.get(customer, ()):
            assert priced.number
            key = (priced.number.name, priced.call_class, priced.band)
            usage.setdefault(key, UsageSum()).add(call.seconds, priced.charge)
        return usage

    def _count(self, source: str, outcome: str, reason: str = "") -> None:
        self.result.outcomes.setdefault(source, dict.fromkeys(OUTCOMES, 0))[outcome] += 1
        if reason:
            self.result.held_by_reason[reason] += 1

    def _charge(self, call: Call, judged: Judged) -> None:
        assert judged.number
        customer = judged.number.customer
        self.result.rated_charge += judged.charge
        charges = self.result.charges_by_customer
        charges[customer.account] = charges.get(customer.account, Decimal(0)) + judged.charge
        if judged.local_day > self.bill_to:  # SPEC Z3
            self.later += judged.charge
            return
        key = (judged.number.name, judged.call_class, judged.band)
        self.to_bill[customer].setdefault(key, UsageSum()).add(call.seconds, judged.charge)


def bill(ledger: Ledger, invoice_date: date) -> ReferenceResult:
    """The run over all customers: their invoices, and why the rest of the charges is on none."""
    result = ledger.result
    result.unbilled[bills.AFTER_BILL_TO] = ledger.later
    for customer in ledger.carrier.customers.values():
        usage = ledger.to_bill.get(customer, {})
        reason = bills.standing(customer, ledger.bill_to)
        if reason == bills.BILLED:
            invoice = bills.make_invoice(customer, ledger.usage_of(customer), ledger.bill_to, invoice_date)
            if invoice is not None:
                ledger.bill_fallbacks(customer)
                result.invoices[customer.account] = invoice
                continue
            reason = bills.ROLLED_FORWARD
        if usage:
            result.unbilled[reason] += sum((calls.charge for calls in usage.values()), Decimal(0))
    return result


def compute(folder: Path) -> ReferenceResult:
    """What the platform must come to for a carrier folder.

    Args:
        folder: `plan.json`, `customers.jsonl`, `tariffs/`, `destinations.csv`, `inbound-classes.csv`,
            `cdr-files.json` with `cdr-files/`, and `stream.jsonl`.
    """
    plan = read_plan(folder)
    ledger = Ledger(read_carrier(folder, plan), date.fromisoformat(plan["bill_to"]))
    for record in records_of(folder):
        ledger.take(record)
    return bill(ledger, date.fromisoformat(plan["invoice_date"]))
