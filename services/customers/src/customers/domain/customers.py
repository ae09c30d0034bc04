"""A customer's details: what they are, what they default to, what is missing (SPEC C1, C2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from contracts.customers import (
    Address,
    BillLengths,
    LowInvoicePolicy,
    Markups,
    PaymentTerms,
    PlanPeriod,
    PortalAccess,
)
from customers.domain import reference as lists
from customers.domain.course import Course
from customers.domain.plans import check_plans
from customers.domain.prices import check_day
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.domain.status import History, status_now

REFERENCES = {
    "payment_method": lists.PAYMENT_METHODS,
    "vat_rate": lists.VAT_RATES,
    "account_manager": lists.ACCOUNT_MANAGERS,
    "billing_cycle": lists.BILLING_CYCLES,
    "bill_style": lists.BILL_STYLES,
    "annual_increase_profile": lists.ANNUAL_INCREASE_PROFILES,
}
"""The details that are codes of reference lists."""
RATING_FIELDS = ("tariff", "class_tariffs", "class_markups", "fallback_markup")
_ACCOUNT_NUMBER = re.compile(r"\w[\w ./\-]{0,39}")


@dataclass(frozen=True)
class Details:
    """What is typed in about a customer. Money in pounds."""

    name: str
    company_name: str = ""
    billing_address: Address = field(default_factory=Address)
    contact_numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    payment_method: str | None = None
    payment_terms: PaymentTerms | None = None
    vat_rate: str | None = None
    vat_number: str = ""
    account_manager: str | None = None
    billing_cycle: str | None = None
    anchor_month: int | None = None
    bill_style: str | None = None
    bill_lengths: BillLengths = field(default_factory=BillLengths)
    low_invoice: LowInvoicePolicy = field(default_factory=LowInvoicePolicy)
    credit_limit: Decimal | None = None
    rating: Markups = field(default_factory=Markups)
    discount_plans: tuple[PlanPeriod, ...] = ()
    portal_access: PortalAccess = field(default_factory=PortalAccess)
    annual_increase_profile: str | None = None
    annual_increase_date: date | None = None
    notes: str = ""


@dataclass(frozen=True)
class Customer:
    """A customer as it is now. `version` grows with each change of these; `created_at` is set when it is stored."""

    customer_id: int
    version: int
    account_number: str
    details: Details
    history: History
    created_at: datetime | None = None
    course: Course = field(default_factory=Course)


def status_of(customer: Customer, today: date) -> str:
    """SPEC C8, C14, C15: the code of the status that it has now; Final Bill and Drop set it at once."""
    return customer.course.status or status_now(customer.history, today)


def new_details(given: Mapping[str, Any], book: Book) -> Details:
    """The details of a new customer: as given, absent ones from the default entries of their lists.

    Raises:
        RuleBroken: a code is not known, or retired.
    """
    defaults = {name: book.default(list_name) for name, list_name in REFERENCES.items()}
    nobody = Details(name="")
    return _checked(with_changes(nobody, {**defaults, **given}), nobody, book)


def changed_details(before: Details, changes: Mapping[str, Any], book: Book) -> Details:
    """The details with some of them changed; a retired code may stay, but not be chosen. Raises as `new_details`."""
    return _checked(with_changes(before, changes), before, book)


def with_changes(details: Details, changes: Mapping[str, Any]) -> Details:
    """The details with these fields; the rating choices are given flat and kept together."""
    plain = {name: value for name, value in changes.items() if name not in RATING_FIELDS}
    return replace(details, rating=with_markups(details.rating, changes), **plain)


def with_markups(rating: Markups, changes: Mapping[str, Any]) -> Markups:
    """SPEC C10: the rating choices with those that the changes name."""
    return rating.model_copy(update={name: changes[name] for name in RATING_FIELDS if name in changes})


def _checked(details: Details, before: Details, book: Book) -> Details:
    for name, list_name in REFERENCES.items():
        code = getattr(details, name)
        if code is not None and code != getattr(before, name):
            book.require(list_name, code, name)
    if details.discount_plans != before.discount_plans:
        check_plans(details.discount_plans)
    if details.annual_increase_date is not None:
        check_day(details.annual_increase_date, "annual_increase_date")
    return details


def missing_for_invoice(details: Details) -> tuple[str, ...]:
    """SPEC C1: what a first invoice still needs, in words. An email is not needed for an invoice (SPEC Z10)."""
    needed = {
        "billing address": details.billing_address.lines,
        "payment method": details.payment_method,
        "VAT rate": details.vat_rate,
        "billing cycle": details.billing_cycle,
        "bill style": details.bill_style,
    }
    return tuple(words for words, value in needed.items() if not value)


def check_account_number(typed: str) -> str:
    """SPEC C2: an account number as given.

    Raises:
        RuleBroken: it has other characters than letters, digits, spaces and . / - _, or more than 40.
    """
    typed = typed.strip()
    if not _ACCOUNT_NUMBER.fullmatch(typed):
        message = f"'{typed[:50]}': an account number is 1 to 40 letters, digits, spaces or . / - _"
        raise RuleBroken("account_number", message)
    return typed


def format_account_number(prefix: str, width: int, number: int) -> str:
    """SPEC C2: the prefix and the number, with zeros up to the width."""
    return f"{prefix}{number:0{width}d}"
