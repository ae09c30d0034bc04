"""What a use case does to numbers, features and active periods: their states before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from customers.domain.numbers import Assignment, Entity, Feature, Number
from money.dates import day_before

_Entity = TypeVar("_Entity", Number, Feature, Assignment)


@dataclass(frozen=True)
class Change:
    """An entity before and after. Without a state before, it is new; without one after, it is as if it never was."""

    before: Entity | None
    after: Entity | None


Changes = tuple[Change, ...]


def id_of(entity: Entity) -> int:
    """The id of an entity: no two have the same."""
    match entity:
        case Number():
            return entity.number_id
        case Feature():
            return entity.feature_id
        case Assignment():
            return entity.assignment_id


def changes_between(before: Iterable[Entity], after: Iterable[Entity]) -> Changes:
    """What changes from one set of entities to another; each state that differs has the next version.

    Returns:
        First what stays or is new, in the order of `after`, then what goes, in the reverse order of `before`: so
        that nothing is told that refers to what is not there.
    """
    known = {id_of(each): each for each in before}
    wanted = {id_of(each): each for each in after}
    put = [_put(known.get(key), each) for key, each in wanted.items() if known.get(key) != each]
    gone = [Change(each, None) for key, each in reversed(known.items()) if key not in wanted]
    return (*put, *gone)


def _put(before: Entity | None, after: Entity) -> Change:
    if before is None:
        return Change(None, after)
    return Change(before, replace(after, version=before.version + 1))


def taking(change: Change) -> Assignment | None:
    """The active period of a change, where it has a day that it had not before."""
    before, after = change.before, change.after
    if not isinstance(after, Assignment):
        return None
    within = isinstance(before, Assignment) and before.start <= after.start
    return None if within and isinstance(before, Assignment) and not _ends_later(before, after) else after


def _ends_later(before: Assignment, after: Assignment) -> bool:
    return before.end is not None and (after.end is None or after.end > before.end)


def ended_before(entity: _Entity, day: date) -> _Entity | None:
    """An entity whose last day is the one before, at the latest; None where it begins on the day or later."""
    if entity.start >= day:
        return None
    last = day_before(day)
    return entity if entity.end is not None and entity.end <= last else replace(entity, end=last)
