"""Entries of reference lists, and what a book of them answers (SPEC C4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.base import Contract
from contracts.reference import (
    BillingCycle,
    BillStyle,
    CallPlan,
    NumberType,
    PaymentMethod,
    StandardFeature,
    StatusFlags,
    VatRate,
)
from customers.domain.prices import Price, prices_of
from customers.domain.rules import RuleBroken

STATUSES = "statuses"
BILLING_CYCLES = "billing_cycles"
PAYMENT_METHODS = "payment_methods"
VAT_RATES = "vat_rates"
ACCOUNT_MANAGERS = "account_managers"
BILL_STYLES = "bill_styles"
NUMBER_TYPES = "number_types"
STATUS_REASONS = "status_reasons"
ANNUAL_INCREASE_PROFILES = "annual_increase_profiles"
CALL_PLANS = "call_plans"
STANDARD_FEATURES = "standard_features"

LISTS: dict[str, tuple[str, type[Contract]] | None] = {
    STATUSES: ("status", StatusFlags),
    BILLING_CYCLES: ("billing_cycle", BillingCycle),
    PAYMENT_METHODS: ("payment_method", PaymentMethod),
    VAT_RATES: ("vat_rate", VatRate),
    ACCOUNT_MANAGERS: None,
    BILL_STYLES: ("bill_style", BillStyle),
    NUMBER_TYPES: ("number_type", NumberType),
    STATUS_REASONS: None,
    ANNUAL_INCREASE_PROFILES: None,
    CALL_PLANS: ("call_plan", CallPlan),
    STANDARD_FEATURES: ("standard_feature", StandardFeature),
}
"""Every list, and the field of `reference.updated` that says what its entries do; None where the name says it all."""


@dataclass(frozen=True)
class Entry:
    """An entry of a reference list. `attributes` is what it does, of the type that `LISTS` names.

    Those with a lower `position` are shown first; of equal ones the code decides.
    """

    list: str
    code: str
    name: str
    attributes: Contract | None = None
    retired: bool = False
    is_default: bool = False
    version: int = 1
    position: int = 0


class Book:
    """All entries of all lists, as they were when a use case looked."""

    def __init__(self, entries: Iterable[Entry], prices: Iterable[Price] = ()) -> None:
        self._prices = tuple(prices)
        self._lists: dict[str, dict[str, Entry]] = {name: {} for name in LISTS}
        for entry in entries:
            self._lists[entry.list][entry.code] = entry

    def default(self, list_name: str) -> str | None:
        """The code of the list's default entry, if it has one."""
        found = (entry.code for entry in self._lists[list_name].values() if entry.is_default and not entry.retired)
        return next(found, None)

    def find(self, list_name: str, code: str) -> Entry | None:
        """An entry, retired or not."""
        return self._lists[list_name].get(code)

    def require(self, list_name: str, code: str, field: str) -> Entry:
        """The entry that a field names, for new use.

        Raises:
            RuleBroken: it does not exist or is retired; lists the codes that can be used.
        """
        entry = self._lists[list_name].get(code)
        if entry is not None and not entry.retired:
            return entry
        why = "is retired" if entry else "is not known"
        raise RuleBroken(field, f"'{code}' {why} in the list {list_name}: use one of {self._codes(list_name)}")

    def entries(self, list_name: str) -> tuple[Entry, ...]:
        """The entries of a list, in the order in which they are shown."""
        return in_order(self._lists[list_name].values())

    def status(self, code: str) -> StatusFlags:
        """What a status does. Raises KeyError where no entry has the code, retired or not."""
        flags = self._lists[STATUSES][code].attributes
        assert isinstance(flags, StatusFlags)
        return flags

    def prices(self, code: str) -> tuple[Price, ...]:
        """SPEC C9, C12: a standard feature's prices, the oldest first. Raises KeyError where there is none."""
        feature = self._lists[STANDARD_FEATURES][code].attributes
        return prices_of(code, feature if isinstance(feature, StandardFeature) else StandardFeature(), self._prices)

    def _codes(self, list_name: str) -> str:
        usable = sorted(code for code, entry in self._lists[list_name].items() if not entry.retired)
        shown = ", ".join(usable[:20]) or f"none yet (add one with PUT /reference/{list_name}/CODE)"
        return shown if len(usable) <= 20 else f"{shown} ... ({len(usable)} in all)"


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries of one list as they are shown: by position, then by code."""
    return tuple(sorted(entries, key=lambda entry: (entry.position, entry.code)))
