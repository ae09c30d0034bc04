"""Who customers, numbers and their holders are, as plain facts (SPEC R3, C8 to C10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rating.domain.choices import Choices

NO_CHOICES = Choices()


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as rating sees it: `history` is (first day, status), the earliest first."""

    customer_id: int
    status: str
    history: tuple[tuple[date, str], ...]
    choices: Choices = NO_CHOICES


@dataclass(frozen=True, slots=True)
class Number:
    """A number on a customer's account."""

    number_id: int
    customer_id: int
    number_type: str
    choices: Choices = NO_CHOICES


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who holds a number from its first to its last day, both included; `end` None is open."""

    assignment_id: int
    number_id: int
    customer_id: int
    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """SPEC C8: what a status does to usage."""

    accumulates_charges: bool
    dropped: bool
