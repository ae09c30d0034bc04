"""What can happen to a customer on a day. Amounts are pounds net of VAT as text, days are `YYYY-MM-DD`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

PRICE_A_SECOND = "0.0125"
"""What a call costs, whatever its band: pounds a second of the one tariff."""


@dataclass(frozen=True)
class Step:
    """Something that happens to a customer."""


@dataclass(frozen=True)
class Charge(Step):
    """A feature with one charge; `months` 0 is a one-off. `name` tells it from the customer's others."""

    name: str
    price: str
    start: str
    months: int = 1
    advance: bool = True
    quantity: str = "1"
    end: str | None = None
    vat_rate: str | None = None


@dataclass(frozen=True)
class Change(Step):
    """Another price or quantity of a charge from a day on (SPEC Z5)."""

    name: str
    first_day: str
    price: str | None = None
    quantity: str | None = None


@dataclass(frozen=True)
class Cease(Step):
    """A feature ends by hand."""

    name: str
    end: str


@dataclass(frozen=True)
class Call(Step):
    """A call of the customer's number arrives; `start` is a London wall clock time."""

    start: str
    seconds: int


@dataclass(frozen=True)
class Bill(Step):
    """The customer is in the day's run, whose drafts are made when the day ends. `approve` follows at once."""

    bill_to: str
    invoice_date: str
    approve: bool = True


@dataclass(frozen=True)
class ByHand(Step):
    """An invoice by hand, with one-off lines: description and net. `approve` follows when it is drafted."""

    bill_to: str
    lines: tuple[tuple[str, str], ...] = ()
    approve: bool = True


@dataclass(frozen=True)
class Approve(Step):
    """The customer's drafts are approved."""


@dataclass(frozen=True)
class Pay(Step):
    """Money comes in: all that is owed where no amount is given."""

    amount: str | None = None


@dataclass(frozen=True)
class FinalBill(Step):
    """SPEC C14."""

    on: str


@dataclass(frozen=True)
class Withdraw(Step):
    """A Final Bill is taken back."""


@dataclass(frozen=True)
class Drop(Step):
    """SPEC C15."""

    on: str
    ignore_traffic_type: str | None = None


@dataclass(frozen=True)
class Reinstate(Step):
    """SPEC C16, with what the drop ended."""

    on: str


OUT_OR_BACK = (FinalBill, Withdraw, Drop, Reinstate)
"""The ways out and back: which calls are charged depends on what came first."""


@dataclass(frozen=True)
class VatRate(Step):
    """SPEC C7: another VAT rate of the customer."""

    rate: str


@dataclass(frozen=True)
class Status(Step):
    """Another status from this day on; `effective_from` may be another."""

    status: str
    effective_from: str | None = None


@dataclass
class Course:
    """A customer, and what happens to it.

    Attributes:
        name: of the customer.
        opened: the first day of its number and of its status.
        fields: further fields of the customer as the API takes them.
        days: the steps of each day in order; bills come last in a day, approvals behind them.
    """

    name: str
    opened: str
    fields: dict[str, Any] = field(default_factory=dict)
    days: dict[date, list[Step]] = field(default_factory=dict)

    def on(self, day: str, *steps: Step) -> Course:
        """These steps happen on that day."""
        self.days.setdefault(date.fromisoformat(day), []).extend(steps)
        return self
