"""What is kept of each customer to find, filter and sort it, and what may be asked of it (SPEC F1, F2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from customers.domain.customers import Customer, missing_for_invoice, status_of
from customers.domain.rules import RuleBroken
from customers.domain.search import correctable, document_of, key_of, words_of
from money.dates import day_before

NO_LIMIT = Decimal("Infinity")
COUNTED = 1_000
"""Of more than so many customers the number is not told: to count them would cost more than to find a page."""

SortField = Literal[
    "account_number",
    "name",
    "company_name",
    "status",
    "account_manager",
    "billing_cycle",
    "payment_method",
    "vat_rate",
    "bill_style",
    "tariff",
    "credit_limit",
    "balance",
    "created_on",
]


@dataclass(frozen=True)
class Listed:
    """A customer's row of the search table; texts without a value are empty, so that they can be compared.

    Attributes:
        account_key, name_key, company_key: as they are compared, for beginnings and sorting.
        document: all words of these, for parts.
        words: those of its names that are looked for as a whole, in any order.
        status: today's; `status_until` is the last day on which it is, None where no change is planned.
        tariff, tariffs: the default one; all that the customer has, of call classes too.
        credit_limit: infinite where there is none.
        has_email, incomplete: whether bills can be sent; whether a first invoice lacks something.
    """

    customer_id: int
    account_number: str
    name: str
    company_name: str
    account_key: str
    name_key: str
    company_key: str
    document: str
    words: tuple[str, ...]
    status: str
    status_until: date | None
    account_manager: str
    billing_cycle: str
    payment_method: str
    vat_rate: str
    bill_style: str
    tariff: str
    tariffs: tuple[str, ...]
    credit_limit: Decimal
    has_email: bool
    incomplete: bool


def listed(customer: Customer, today: date) -> Listed:
    """What is kept of a customer for searching, as it is on a day."""
    details = customer.details
    changes = [period.effective_from for period in customer.history if period.effective_from > today]
    tariff = details.rating.tariff or ""
    return Listed(
        customer_id=customer.customer_id,
        account_number=customer.account_number,
        name=details.name,
        company_name=details.company_name,
        account_key=key_of(customer.account_number),
        name_key=key_of(details.name),
        company_key=key_of(details.company_name),
        document=document_of(details.name, details.company_name, customer.account_number),
        words=tuple(sorted(words_listed(customer))),
        status=status_of(customer, today),
        status_until=day_before(min(changes)) if changes and customer.course.status is None else None,
        account_manager=details.account_manager or "",
        billing_cycle=details.billing_cycle or "",
        payment_method=details.payment_method or "",
        vat_rate=details.vat_rate or "",
        bill_style=details.bill_style or "",
        tariff=tariff,
        tariffs=tuple(sorted({tariff, *details.rating.class_tariffs.values()} - {""})),
        credit_limit=NO_LIMIT if details.credit_limit is None else details.credit_limit,
        has_email=bool(details.emails),
        incomplete=bool(missing_for_invoice(details)),
    )


def words_listed(customer: Customer) -> set[str]:
    """The words of a customer's names that are found as a whole, and when they are typed wrongly."""
    found = (*words_of(customer.details.name), *words_of(customer.details.company_name))
    return set(filter(correctable, found))


@dataclass(frozen=True)
class Criteria:
    """SPEC F2: what QuickSearch filters by; all that is given must hold. Texts are codes, or parts as typed.

    Attributes:
        balance_from, balance_to: pounds, both included; what the customer owes is positive.
        created_from, created_to: local dates, both included.
        credit_limit_over: pounds; customers without a limit are over any.
    """

    account_manager: tuple[str, ...] = ()
    billing_cycle: tuple[str, ...] = ()
    payment_method: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    bill_style: tuple[str, ...] = ()
    vat_rate: tuple[str, ...] = ()
    tariff: tuple[str, ...] = ()
    name: str = ""
    company_name: str = ""
    account_number: str = ""
    number: str = ""
    balance_from: Decimal | None = None
    balance_to: Decimal | None = None
    balance: Literal["owes", "in_credit", "zero"] | None = None
    created_from: date | None = None
    created_to: date | None = None
    credit_limit_over: Decimal | None = None
    has_email: bool | None = None
    incomplete: bool | None = None

    @property
    def given(self) -> int:
        """How many criteria there are."""
        return sum(each not in ((), "", None) for each in vars(self).values())

    def check(self) -> None:
        """Refuse what nothing can fulfil. Raises RuleBroken: says which field and why."""
        _check_order("balance", self.balance_from, self.balance_to)
        _check_order("created", self.created_from, self.created_to)


def _check_order(field_name: str, low: Decimal | date | None, high: Decimal | date | None) -> None:
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        message = f"{field_name}_to ({high}) is before {field_name}_from ({low}): swap them"
        raise RuleBroken(f"{field_name}_to", message)


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind the customer with this value of the field sorted by, and this id."""

    value: str | Decimal | date
    customer_id: int


@dataclass(frozen=True)
class Order:
    """How a list is sorted; customers with equal values by their ids."""

    field: SortField = "name"
    descending: bool = False


@dataclass(frozen=True)
class ListRow:
    """SPEC F2: a line of the list. Money in pounds; `balance` is what the customer owes."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    status: str
    status_name: str
    status_colour: str | None
    account_manager: str | None
    billing_cycle: str | None
    payment_method: str | None
    vat_rate: str | None
    bill_style: str | None
    tariff: str | None
    credit_limit: Decimal | None
    balance: Decimal
    created_on: date
    has_email: bool
    incomplete: bool
    place: Place = field(compare=False)


@dataclass(frozen=True)
class Counted:
    """How many there are: `count` is exact up to `COUNTED`, else it is that and `exact` is false."""

    count: int
    exact: bool
