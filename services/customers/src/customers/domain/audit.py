"""Who changed what, when (SPEC C19)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from contracts.base import Contract
from customers.domain.numbers import Assignment, Feature, Number
from customers.domain.opening import Opened


@dataclass(frozen=True)
class Trace:
    """One changed field of one entity; `created` stands for all fields of a new one. Old and new are JSON values."""

    customer_id: int | None
    entity: str
    entity_id: str
    field: str
    old: Any
    new: Any


def as_json(value: Any) -> Any:
    """A value of the domain as JSON takes it; amounts as decimal strings."""
    match value:
        case Contract():
            return value.model_dump(mode="json")
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case tuple():
            return [as_json(item) for item in value]
        case dict():
            return {key: as_json(item) for key, item in value.items()}
    return value


def differences(customer_id: int | None, entity: str, entity_id: object, before: Any, after: Any) -> Iterator[Trace]:
    """One trace for each field in which two states of a dataclass differ, its version aside."""
    for field, new in vars(after).items():
        old = getattr(before, field)
        if old != new and field != "version":
            yield Trace(customer_id, entity, str(entity_id), field, as_json(old), as_json(new))


def created(customer_id: int | None, entity: str, entity_id: object, state: Any) -> Trace:
    """The trace of a new entity."""
    return Trace(customer_id, entity, str(entity_id), "created", None, as_json(vars(state)))


def opened(what: Opened) -> Iterator[Trace]:
    """The traces of a new customer with all that was added with it."""
    customer = what.customer
    yield created(customer.customer_id, "customer", customer.customer_id, customer.details)
    for line in what.lines:
        yield from (added(line.number), added(line.call_plan), added(line.assignment))
    yield from map(added, what.features)


def added(entity: Number | Feature | Assignment) -> Trace:
    """The trace of a new number, feature or assignment."""
    match entity:
        case Number():
            return created(entity.customer_id, "number", entity.number_id, entity)
        case Feature():
            return created(entity.customer_id, "feature", entity.feature_id, entity)
        case Assignment():
            return created(entity.customer_id, "assignment", entity.assignment_id, entity)
