"""What a customer's page shows beside its details: when it is billed next, and what is to be thought of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts.reference import BillingCycle, StatusFlags
from customers.domain.accounts import Account, KnownInvoice, KnownPayment
from customers.domain.course import Course
from customers.domain.customers import Customer, missing_for_invoice, status_of
from customers.domain.reference import BILLING_CYCLES, STATUSES, Book, Entry
from money.dates import add_months

OPEN_INVOICES = ("approved", "sent", "part_paid")


@dataclass(frozen=True)
class Counts:
    """What a customer has. Open is what has not ended: today, or from a later day on.

    Attributes:
        features: without call plans, which are counted as the numbers' own.
        recurring_charges: those that run today.
        recurring_monthly: what they come to in a month, net pounds, rounded once.
    """

    numbers: int
    numbers_open: int
    features: int
    features_open: int
    recurring_charges: int
    recurring_monthly: Decimal


@dataclass(frozen=True)
class NextBill:
    """SPEC C5, Z10: the month whose runs take the customer next, as far as is known here.

    Attributes:
        month: its first day; None where it is not known or there is none.
        hindered_by: why no run takes the customer, or parks it; empty where nothing is in the way.
        last_bill_to, last_invoice_date: of the latest invoice with a number.
    """

    cycle: str | None
    cycle_name: str | None
    every_months: int | None
    anchor_month: int | None
    month: date | None
    hindered_by: tuple[str, ...]
    last_bill_to: date | None
    last_invoice_date: date | None


@dataclass(frozen=True)
class Overview:
    """All that a customer's page needs."""

    customer: Customer
    status: str
    status_entry: Entry | None
    counts: Counts
    account: Account
    invoices: tuple[KnownInvoice, ...]
    payments: tuple[KnownPayment, ...]
    next_bill: NextBill
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def next_bill(customer: Customer, invoices: Sequence[KnownInvoice], book: Book, today: date) -> NextBill:
    """When the customer is billed next, from its cycle and the latest invoices known, the newest first."""
    code = customer.details.billing_cycle
    entry = book.find(BILLING_CYCLES, code) if code else None
    cycle = entry.attributes if entry and isinstance(entry.attributes, BillingCycle) else None
    billed = [each for each in invoices if each.number is not None and each.status != "removed"]
    every = cycle.every_months if cycle else None
    last = billed[0] if billed else None
    hindered = tuple(_hindrances(customer, cycle, book, today))
    return NextBill(
        cycle=code,
        cycle_name=entry.name if entry else None,
        every_months=every,
        anchor_month=customer.details.anchor_month,
        month=_next_month(every, customer.details.anchor_month, last, today) if not hindered else None,
        hindered_by=hindered,
        last_bill_to=last.bill_to if last else None,
        last_invoice_date=last.invoice_date if last else None,
    )


def _next_month(every: int | None, anchor: int | None, last: KnownInvoice | None, today: date) -> date | None:
    """The first month from today's on, and behind the last bill's, that the cycle bills in."""
    if every is None:
        return None
    first = today.replace(day=1)
    if last is not None:
        first = max(first, add_months(last.bill_to.replace(day=1), 1))
    if anchor is None:
        # The first bill makes the anchor; which that was is not known of who has had some.
        return first if last is None or every == 1 else None
    return next(month for ahead in range(12) if ((month := add_months(first, ahead)).month - anchor) % every == 0)


def _hindrances(customer: Customer, cycle: BillingCycle | None, book: Book, today: date) -> Iterator[str]:
    code = status_of(customer, today)
    entry = book.find(STATUSES, code)
    flags = entry.attributes if entry else None
    if entry and isinstance(flags, StatusFlags) and (flags.dropped or not (flags.billed_in_runs or flags.final_bill)):
        yield f"status {entry.name} is not billed in runs"
    if cycle is not None and cycle.every_months is None:
        yield "billing cycle: by hand only"
    missing = missing_for_invoice(customer.details)
    if missing:
        yield f"missing details: {', '.join(missing)}"


def warnings_of(
    customer: Customer, account: Account, invoices: Sequence[KnownInvoice], book: Book, today: date
) -> tuple[str, ...]:
    """What whoever opens the page should see at once."""
    return (
        *_of_limit(account),
        *_of_invoices(invoices, today),
        *_of_details(customer),
        *_of_course(customer.course),
        *_of_status(customer, book, today),
    )


def _of_limit(account: Account) -> Iterator[str]:
    if account.standing == "over":
        yield f"over the credit limit of {account.credit_limit} by {-(account.headroom or 0)}"
    if account.standing == "near":
        yield f"near the credit limit of {account.credit_limit}: {account.headroom} left"


def _of_invoices(invoices: Sequence[KnownInvoice], today: date) -> Iterator[str]:
    """Only of the latest that are known; what was paid on account is not known of each."""
    overdue = [
        each
        for each in invoices
        if each.status in OPEN_INVOICES and each.kind == "invoice" and each.due_date and each.due_date < today
    ]
    if overdue:
        earliest = min(each.due_date for each in overdue if each.due_date)
        yield f"{len(overdue)} of the latest invoices past due, the earliest since {earliest}"


def _of_details(customer: Customer) -> Iterator[str]:
    if not customer.details.emails:
        yield "no email address: bills cannot be emailed"


def _of_course(course: Course) -> Iterator[str]:
    if course.deletion_due is not None:
        yield f"marked for deletion: erased on {course.deletion_due}"
    elif course.drop_date is not None:
        yield f"dropped: charged up to {course.last_day}"
    elif course.final_bill_date is not None:
        yield f"on Final Bill: charged up to {course.final_bill_date}"


def _of_status(customer: Customer, book: Book, today: date) -> Iterator[str]:
    for period in customer.history:
        if period.effective_from > today and customer.course.status is None:
            entry = book.find(STATUSES, period.status)
            yield f"status becomes {entry.name if entry else period.status} on {period.effective_from}"
