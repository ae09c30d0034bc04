"""Who changed what, when (SPEC C19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from contracts.base import Contract
from customers.domain.changes import Change, id_of
from customers.domain.numbers import Entity
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


def removed(customer_id: int | None, entity: str, entity_id: object, state: Any) -> Trace:
    """The trace of an entity that was taken away, with its whole state."""
    return Trace(customer_id, entity, str(entity_id), "removed", as_json(vars(state)), None)


def opened(what: Opened) -> Iterator[Trace]:
    """The traces of a new customer with all that was added with it."""
    customer = what.customer
    beside = {"account_number": customer.account_number, "history": customer.history}
    state = as_json({**vars(customer.details), **beside})
    yield Trace(customer.customer_id, "customer", str(customer.customer_id), "created", None, state)
    for line in what.lines:
        yield from map(added, line.entities())
    yield from map(added, what.features)


def added(entity: Entity) -> Trace:
    """The trace of a new number, feature or assignment."""
    return created(entity.customer_id, kind_of(entity), id_of(entity), entity)


def changed(changes: Iterable[Change]) -> Iterator[Trace]:
    """The traces of what changed; what was taken away leaves its whole state."""
    for change in changes:
        before, after = change.before, change.after
        if after is None:
            assert before is not None
            yield removed(before.customer_id, kind_of(before), id_of(before), before)
        elif before is None:
            yield added(after)
        else:
            yield from differences(after.customer_id, kind_of(after), id_of(after), before, after)


def kind_of(entity: Entity) -> str:
    """What the log calls it."""
    return type(entity).__name__.lower()
