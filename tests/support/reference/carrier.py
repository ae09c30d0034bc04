"""The carrier of a folder: its customers, who holds which number, their charges and rating choices (SPEC C1 to C10)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.reference.charges import Charge
from tests.support.reference.deck import NO_CHOICE, Choice, Deck, read_deck
from tests.support.reference.numbers import digits_of

ACTIVE, DO_NOT_BILL, FINAL_BILL, DROPPED = "active", "active_do_not_bill", "final_bill", "dropped"
ACCUMULATES = frozenset({ACTIVE, DO_NOT_BILL, FINAL_BILL})
MONTHS_OF_CYCLE: dict[str, int | None] = {"monthly": 1, "quarterly": 3, "manual": None}
IGNORED_TYPES = frozenset({"ignore_traffic"})
DEFAULT_STATUS, DEFAULT_CYCLE, DEFAULT_VAT_RATE = ACTIVE, "monthly", "standard"


@dataclass(frozen=True)
class LowPolicy:
    """SPEC I5, Z12: what becomes of a bill under the threshold; pounds."""

    policy: str = "roll_forward"
    threshold: Decimal = Decimal("0.00")
    charge: Decimal = Decimal("0.00")


@dataclass(eq=False)
class Customer:
    """Who pays, and what decides whether and how a bill is made. `status` is the present one."""

    account: str
    status: str = DEFAULT_STATUS
    history: tuple[tuple[date, str], ...] = ()
    cycle: str = DEFAULT_CYCLE
    anchor_month: int | None = None
    vat_rate: str = DEFAULT_VAT_RATE
    low: LowPolicy = LowPolicy()
    choice: Choice = NO_CHOICE
    missing: tuple[str, ...] = ()
    charges: list[Charge] = field(default_factory=list)

    def status_on(self, day: date) -> str:
        """SPEC C8: the status on a local day; before the history begins, the first of it."""
        begun = [status for effective_from, status in self.history if effective_from <= day]
        if begun:
            return begun[-1]
        return self.history[0][1] if self.history else self.status


@dataclass(frozen=True, eq=False)
class Number:
    """A number with the active period of its call plan, on a customer's account (SPEC R3)."""

    customer: Customer
    number: str
    kind: str
    start: date
    end: date | None
    choice: Choice = NO_CHOICE

    @property
    def name(self) -> str:
        """Tells it from the same number in another period: each has lines of its own on a bill (SPEC Z2)."""
        return f"{self.number} from {self.start}"

    def active_on(self, day: date) -> bool:
        """Whether its call plan covers this local day."""
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass
class Carrier:
    """All that is needed to say what calls and charges come to."""

    deck: Deck
    customers: dict[str, Customer] = field(default_factory=dict)
    numbers: dict[str, list[Number]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> Customer:
        """Takes in a customer from a line of `customers.jsonl`."""
        customer = read_customer(row)
        self.customers[customer.account] = customer
        for entry in row.get("numbers") or ():
            self._add_number(customer, entry)
        for entry in row.get("features") or ():
            customer.charges.extend(_charges(entry))
        return customer

    def _add_number(self, customer: Customer, entry: Mapping[str, Any]) -> None:
        number = Number(
            customer,
            entry["number"],
            entry["number_type"],
            _needed_day(entry, "start"),
            _day(entry, "end"),
            read_choice(entry),
        )
        self.numbers.setdefault(digits_of(number.number), []).append(number)
        customer.charges.extend(_charges(entry))
        if entry.get("call_plan_charge"):
            plan = {"description": f"Call plan {entry['call_plan']}", "kind": "recurring", **entry["call_plan_charge"]}
            customer.charges.append(_charge(plan, entry))

    def holder(self, digits: str, day: date) -> Number | None:
        """SPEC R3: the number that was active on the day, else the one that was so last, else the one that will be."""
        held = self.numbers.get(digits)
        if not held:
            return None
        active = [number for number in held if number.active_on(day)]
        earlier = [number for number in held if number.start <= day]
        if active or earlier:
            return max(active or earlier, key=lambda number: number.start)
        return min(held, key=lambda number: number.start)


def read_customer(row: Mapping[str, Any]) -> Customer:
    """A customer with the defaults of the UK where its line gives none."""
    return Customer(
        account=row["account_number"],
        status=row.get("status") or DEFAULT_STATUS,
        history=tuple(
            sorted((_needed_day(each, "effective_from"), each["status"]) for each in row.get("status_history") or ())
        ),
        cycle=row.get("billing_cycle") or DEFAULT_CYCLE,
        anchor_month=row.get("anchor_month"),
        vat_rate=row.get("vat_rate") or DEFAULT_VAT_RATE,
        low=_low_policy(row.get("low_invoice") or {}),
        choice=read_choice(row),
        missing=tuple(missing_details(row)),
    )


def missing_details(row: Mapping[str, Any]) -> Iterable[str]:
    """SPEC C1, Z10: what a first invoice lacks; an email address is not among it. What is absent takes a default."""
    address = row.get("billing_address") or {}
    if not any(line.strip() for line in address.get("lines") or ()):
        yield "billing address"
    for name in ("payment_method", "vat_rate", "billing_cycle", "bill_style"):
        if name in row and not row[name]:
            yield name.replace("_", " ")


def read_choice(row: Mapping[str, Any]) -> Choice:
    """The rating fields of a customer's or a number's entry."""
    fallback = row.get("fallback_markup")
    return Choice(
        row.get("tariff"),
        dict(row.get("class_tariffs") or {}),
        {name: Decimal(percent) for name, percent in (row.get("class_markups") or {}).items()},
        None if fallback is None else Decimal(fallback),
    )


def _low_policy(given: Mapping[str, Any]) -> LowPolicy:
    usual = LowPolicy()
    return LowPolicy(
        given.get("policy") or usual.policy,
        Decimal(given.get("threshold") or usual.threshold),
        Decimal(given.get("charge") or usual.charge),
    )


def _charges(owner: Mapping[str, Any]) -> Iterable[Charge]:
    return [_charge(entry, owner) for entry in owner.get("charges") or ()]


def _charge(entry: Mapping[str, Any], owner: Mapping[str, Any]) -> Charge:
    ends = [day for day in (_day(entry, "end"), _day(owner, "end")) if day]
    recurring = entry["kind"] == "recurring"
    in_advance = entry.get("in_advance")
    return Charge(
        description=entry.get("description") or "",
        price=Fraction(entry["amount"]),
        quantity=Fraction(entry.get("quantity") or "1"),
        start=_day(entry, "start") or _needed_day(owner, "start"),
        end=min(ends, default=None),
        months=int(entry.get("frequency_months") or 1) if recurring else None,
        in_advance=True if in_advance is None else bool(in_advance),
        vat_rate=entry.get("vat_rate"),
    )


def _day(entry: Mapping[str, Any], name: str) -> date | None:
    return date.fromisoformat(entry[name]) if entry.get(name) else None


def _needed_day(entry: Mapping[str, Any], name: str) -> date:
    return date.fromisoformat(entry[name])


def read_plan(folder: Path) -> dict[str, Any]:
    """The plan of a carrier folder."""
    plan: dict[str, Any] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    return plan


def read_carrier(folder: Path, plan: Mapping[str, Any]) -> Carrier:
    """The whole carrier of a folder."""
    carrier = Carrier(read_deck(folder, plan))
    with (folder / "customers.jsonl").open(encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            carrier.add(json.loads(line))
    return carrier
