"""What an action does to what a customer has, for those who look at it before they do it (SPEC C18)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contracts.customers import Charge
from customers.domain.changes import Change
from customers.domain.charges import charged_within
from customers.domain.numbers import Assignment, Entity, Feature, Number

What = Literal["ends", "cancelled", "opens", "begins"]


@dataclass(frozen=True)
class Effect:
    """What becomes of a number, a feature, a call plan or a charge.

    `ends`: its end was `before` and is `on`. `cancelled`: it would have begun on `on`. `opens`: it ended on `before`
    and ends on `on` (open where that is None). `begins`: it is new from `on`, or there again.
    """

    what: What
    kind: Literal["number", "feature", "call_plan", "charge", "number_type"]
    entity_id: int
    name: str
    on: date | None
    before: date | None = None


def effects(changes: Iterable[Change]) -> Iterator[Effect]:
    """The effects of changes, in their order; each charge behind what it is on. Active periods are as their plans."""
    for change in changes:
        if isinstance(change.before or change.after, Assignment):
            continue
        yield from _of_entity(change.before, change.after)
        yield from _of_charges(change.before, change.after)


def _of_entity(before: Entity | None, after: Entity | None) -> Iterator[Effect]:
    entity = after or before
    assert entity is not None
    kind, entity_id, name = _named(entity)
    if after is None:
        yield Effect("cancelled", kind, entity_id, name, entity.start)
    elif before is None:
        yield Effect("begins", kind, entity_id, name, after.start)
    elif before.end != after.end:
        yield Effect(_moved(before.end, after.end), kind, entity_id, name, after.end, before.end)
    if isinstance(before, Number) and isinstance(after, Number) and before.number_type != after.number_type:
        yield Effect("begins", "number_type", entity_id, f"{after.number}: {after.number_type}", None)


def _moved(before: date | None, after: date | None) -> What:
    return "opens" if after is None or (before is not None and after > before) else "ends"


def _named(entity: Entity) -> tuple[Literal["number", "feature", "call_plan"], int, str]:
    if isinstance(entity, Number):
        return "number", entity.number_id, entity.number
    assert isinstance(entity, Feature)
    return entity.kind, entity.feature_id, entity.description


def _of_charges(before: Entity | None, after: Entity | None) -> Iterator[Effect]:
    old, new = _charged(before), _charged(after)
    for charge_id, charge in new.items():
        known = old.get(charge_id)
        if known is None:
            yield Effect("begins", "charge", charge_id, charge.description, charge.start)
        elif known.end != charge.end:
            yield Effect(_moved(known.end, charge.end), "charge", charge_id, charge.description, charge.end, known.end)
    for charge_id, charge in old.items():
        if charge_id not in new:
            yield Effect("cancelled", "charge", charge_id, charge.description, charge.start)


def _charged(entity: Entity | None) -> dict[int, Charge]:
    if entity is None or isinstance(entity, Assignment):
        return {}
    return {each.charge_id: each for each in charged_within(entity.charges, entity.end)}
