"""Everything that judging a call needs to know, as it is under one generation of the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from rating.domain.tariffs import Tariff

KNOWN_CLASSES = frozenset(
    {
        "Inbound",
        "Local",
        "National",
        "Mobile",
        "International",
        "Non-Geographic",
        "Freephone",
        "Premium",
        "Directory",
        "SMS",
        "Data",
    }
)


@dataclass(frozen=True, slots=True)
class Choices:
    """SPEC C10: what a number or a customer says of its rating; percentages of cost."""

    tariff: str | None = None
    class_tariffs: Mapping[str, str] = field(default_factory=dict)
    class_markups: Mapping[str, Decimal] = field(default_factory=dict)
    fallback_markup: Decimal | None = None

    def tariff_for(self, call_class: str) -> str | None:
        """SPEC Z16: its tariff for the class, else its tariff."""
        return self.class_tariffs.get(call_class) or self.tariff


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as rating sees it: `history` is (first day, status), the earliest first."""

    customer_id: int
    status: str
    history: tuple[tuple[date, str], ...]
    choices: Choices = Choices()

    def status_on(self, day: date) -> str:
        """SPEC C8: the status on a local day; before the first entry it is the first."""
        status = self.history[0][1] if self.history else self.status
        for begins, entry in self.history:
            if begins > day:
                break
            status = entry
        return status


@dataclass(frozen=True, slots=True)
class Number:
    """A number on a customer's account."""

    number_id: int
    customer_id: int
    number_type: str
    choices: Choices = Choices()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who holds a number from its first to its last day, both included; `end` None is open."""

    assignment_id: int
    number_id: int
    customer_id: int
    start: date
    end: date | None = None

    def active_on(self, day: date) -> bool:
        """SPEC R3: whether the call plan is active on the local day."""
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Status:
    """SPEC C8: what a status does to usage."""

    accumulates_charges: bool
    dropped: bool


@dataclass(slots=True)
class Picture:
    """What is known under one generation. Numbers are digits of E.164; assignments are in the order of their start."""

    generation: int = 0
    assignments: dict[str, tuple[Assignment, ...]] = field(default_factory=dict)
    numbers: dict[int, Number] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    ignored_types: frozenset[str] = frozenset()
    destinations: dict[str, tuple[str, str]] = field(default_factory=dict)
    inbound_classes: dict[str, str] = field(default_factory=dict)
    tariffs: dict[str, Tariff] = field(default_factory=dict)
    default_tariffs: dict[tuple[str, str], str] = field(default_factory=dict)
    system_default: str | None = None
    known_classes: frozenset[str] = KNOWN_CLASSES

    def default_tariff(self, source: str, number_type: str) -> str | None:
        """SPEC R5 (1): per source and number type, else number type, else source, else the system's."""
        defaults = self.default_tariffs
        return (
            defaults.get((source, number_type))
            or defaults.get(("", number_type))
            or defaults.get((source, ""))
            or self.system_default
        )
