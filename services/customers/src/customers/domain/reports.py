"""Reports about customers: how they stand to their limits, and what is missing before they can be billed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, Literal, TypeVar

from customers.domain.accounts import Account, Standing
from customers.domain.cards import Named

CreditSort = Literal["customer_id", "headroom", "used_percent", "balance"]
ReadySort = Literal["customer_id", "account_number", "name"]


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind the row with this value of what is sorted by, and this id."""

    value: Decimal | str | int
    row_id: int


_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Placed(Generic[_Row]):
    """A row of a report, and where it stands."""

    row: _Row
    place: Place


@dataclass(frozen=True)
class CreditAsked:
    """Which customers of the credit limit report, in which order; no standings are all of them."""

    standings: tuple[Standing, ...] = ()
    sort: CreditSort = "customer_id"
    descending: bool = False


@dataclass(frozen=True)
class CreditRow:
    """SPEC C13: a customer and its account."""

    customer: Named
    account: Account


@dataclass(frozen=True)
class ReadyAsked:
    """In which order the customers that are not ready are wanted."""

    sort: ReadySort = "customer_id"
    descending: bool = False


@dataclass(frozen=True)
class NotReady:
    """SPEC C1: a customer that cannot be invoiced, and why; `invoiced` is whether it ever was, as far as is known."""

    customer: Named
    missing: tuple[str, ...]
    created_on: date
    invoiced: bool


@dataclass(frozen=True)
class WithoutTariff:
    """SPEC C10, R5: a number that has no tariff for all call classes, nor has its customer.

    `covered` are the call classes for which there is one nevertheless.
    """

    customer: Named
    number_id: int
    number: str
    number_type: str
    label: str
    start: date
    end: date | None
    covered: tuple[str, ...]
