"""The reference lists as the rules ask them (SPEC C4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

from contracts.customers import CustomerState, PaymentTerms
from contracts.reference import BillingCycle, BillStyle, ReferenceUpdated, StatusFlags


class ReferenceLists:
    """Entries by list and code."""

    def __init__(self, entries: Iterable[ReferenceUpdated]) -> None:
        self._entries = {(entry.list, entry.code): entry for entry in entries}

    def entry(self, name: str, code: str | None) -> ReferenceUpdated | None:
        """An entry of a list, or None."""
        return None if code is None else self._entries.get((name, code))

    def status(self, code: str) -> StatusFlags | None:
        """What a status does (SPEC C8)."""
        entry = self.entry("statuses", code)
        return entry.status if entry else None

    def leaving_statuses(self) -> list[str]:
        """The statuses that are Final Bill or Dropped."""
        statuses = [(code, entry.status) for (of, code), entry in self._entries.items() if of == "statuses"]
        return [code for code, does in statuses if does is not None and (does.final_bill or does.dropped)]

    def cycle(self, code: str | None) -> BillingCycle | None:
        """A billing cycle (SPEC C5)."""
        entry = self.entry("billing_cycles", code)
        return entry.billing_cycle if entry else None

    def terms(self, customer: CustomerState) -> PaymentTerms | None:
        """SPEC C6: the customer's payment terms, else those of its payment method."""
        if customer.payment_terms is not None:
            return customer.payment_terms
        entry = self.entry("payment_methods", customer.payment_method)
        return entry.payment_method.terms if entry and entry.payment_method else None

    def bill_style(self, code: str | None) -> BillStyle | None:
        """A bill style, or the list's default where the customer names none (SPEC I8)."""
        entry = self.entry("bill_styles", code) if code else self._default("bill_styles")
        return entry.bill_style if entry else None

    def _default(self, name: str) -> ReferenceUpdated | None:
        entries = [entry for (of, _), entry in self._entries.items() if of == name and not entry.retired]
        return next((entry for entry in entries if entry.is_default), entries[0] if len(entries) == 1 else None)


def status_on(customer: CustomerState, day: date) -> str:
    """SPEC C8, Z7: the status a customer has on a day; before its history begins, the first it had."""
    if not customer.status_history:
        return customer.status
    history = sorted(customer.status_history, key=lambda period: period.effective_from)
    begun = [period for period in history if period.effective_from <= day]
    return begun[-1].status if begun else history[0].status


def leaving(customer: CustomerState, lists: ReferenceLists) -> Literal["final_bill", "dropped"] | None:
    """Whether a customer is on Final Bill or dropped, as its status is now: both hold at once, whatever their date."""
    flags = lists.status(customer.status)
    if flags is None:
        return None
    if flags.dropped:
        return "dropped"
    return "final_bill" if flags.final_bill else None


def flags_in_runs(customer: CustomerState, lists: ReferenceLists, day: date) -> StatusFlags | None:
    """SPEC C8, C14, C15: what decides in a run of that day: Final Bill and Dropped at once, others from their day."""
    return lists.status(customer.status if leaving(customer, lists) else status_on(customer, day))
