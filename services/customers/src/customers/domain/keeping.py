"""Ending all that a customer has on a day, and giving back exactly that (SPEC C14 to C16, Z6, Z8).

Numbers, features and active periods are looked at as they are, one by one: each begins on a day and may end on one. So
a number's call plans and periods end with it, as they lie within its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from customers.domain.changes import id_of
from customers.domain.charges import Charges
from customers.domain.numbers import Assignment, Entity, Feature, Number
from money.dates import day_before


@dataclass(frozen=True)
class Kept:
    """What the actions of a customer's present course took from one number, feature or active period.

    Attributes:
        ended_on: the day of the action that took it last.
        end_set: whether the end is the action's; `end_before` is then what it was, None for open.
        charges: those that would have begun after the day.
        number_id: of the number that it was linked to, where that was cancelled.
        cancelled: all of it, where it would have begun after the day: it is as if it had never been there.
        type_before, type_set: the number's type before a drop, and the one that ignores its traffic.
    """

    entity_id: int
    ended_on: date
    end_set: bool = False
    end_before: date | None = None
    charges: Charges = ()
    number_id: int | None = None
    cancelled: Entity | None = None
    type_before: str | None = None
    type_set: str | None = None


Keeping = Mapping[int, Kept]
"""By the entity's id."""


@dataclass(frozen=True)
class Ended:
    """What is left of a customer's entities, and what was taken from them."""

    entities: tuple[Entity, ...]
    kept: Keeping


def ended_by(entities: Iterable[Entity], kept: Keeping, day: date) -> Ended:
    """SPEC C14, C15, Z6: everything ends on a day at the latest; what would begin after it is cancelled.

    Args:
        entities: all that the customer has.
        kept: what was taken from it before, in the same course: an end that is set again was open before that.
        day: the last day.
    """
    there = list(entities)
    gone = {id_of(each) for each in there if each.start > day}
    left: list[Entity] = []
    now = dict(with_followers(there, kept))
    for each in there:
        known = now.get(id_of(each), Kept(id_of(each), day))
        if each.start > day:
            now[known.entity_id] = Kept(known.entity_id, day, cancelled=_as_before(each, known))
            continue
        ended, taken = _ended(each, known, day, gone)
        left.append(ended)
        if ended is not each:
            now[known.entity_id] = taken
    return Ended(tuple(left), now)


def _ended(entity: Entity, known: Kept, day: date, gone: set[int]) -> tuple[Entity, Kept]:
    taken: dict[str, Any] = {}
    left: dict[str, Any] = {}
    if entity.end is None or entity.end > day:
        again = known.end_set and entity.end == known.ended_on
        taken |= {"end_set": True, "end_before": known.end_before if again else entity.end}
        left["end"] = day
    if not isinstance(entity, Assignment) and any(charge.start > day for charge in entity.charges):
        later = tuple(charge for charge in entity.charges if charge.start > day)
        taken["charges"] = (*known.charges, *later)
        left["charges"] = tuple(charge for charge in entity.charges if charge.start <= day)
    if isinstance(entity, Feature) and entity.number_id in gone:
        taken["number_id"] = entity.number_id
        left["number_id"] = None
    return (replace(entity, **left), replace(known, **taken, ended_on=day)) if left else (entity, known)


def goes_beyond(entity: Entity, day: date) -> bool:
    """Whether something has a day, or a charge that begins, after the last day of its customer."""
    if entity.end is None or entity.end > day:
        return True
    return not isinstance(entity, Assignment) and any(charge.start > day for charge in entity.charges)


def goes_on_across(before: Entity, after: Entity, day: date) -> bool:
    """Whether a charge that ended before its customer was reinstated on a day is to be charged on that day again."""
    ended = {charge_id for charge_id, end in _last_days(before) if end is not None and end < day}
    return any(charge_id in ended and (end is None or end >= day) for charge_id, end in _last_days(after))


def _last_days(entity: Entity) -> Iterator[tuple[int, date | None]]:
    """Of each charge of something, its own or that of what it is for."""
    for charge in () if isinstance(entity, Assignment) else entity.charges:
        yield charge.charge_id, min((end for end in (charge.end, entity.end) if end is not None), default=None)


def given_back(entities: Iterable[Entity], kept: Keeping) -> tuple[Entity, ...]:
    """SPEC C14: all that was taken is there again; what was changed by hand since stays as it is.

    An end is given back where it is still the action's. What was cancelled has a version that follows the one with
    which it was taken away.
    """
    there = list(entities)
    kept = with_followers(there, kept)
    back = [_opened(each, kept[id_of(each)]) if id_of(each) in kept else each for each in there]
    return fitting([*back, *(revived(each.cancelled) for each in kept.values() if each.cancelled)], kept)


def _opened(entity: Entity, known: Kept) -> Entity:
    opened = replace(entity, end=known.end_before) if is_ended_by(entity, known) else entity
    if not isinstance(opened, Assignment):
        opened = replace(opened, charges=(*opened.charges, *known.charges))
    return opened


def _as_before(entity: Entity, known: Kept) -> Entity:
    """An entity as it was before the course took anything from it."""
    opened = _opened(entity, known)
    linked = isinstance(opened, Feature) and known.number_id is not None and opened.number_id is None
    return replace(opened, number_id=known.number_id) if isinstance(opened, Feature) and linked else opened


def is_ended_by(entity: Entity, known: Kept) -> bool:
    """Whether the entity's end is still that of the action."""
    return known.end_set and entity.end == known.ended_on


def revived(entity: Entity) -> Entity:
    """An entity that was taken away, to be there again: its last version was told when it went."""
    return replace(entity, version=entity.version + 2)


def with_followers(entities: Sequence[Entity], kept: Keeping) -> Keeping:
    """What was taken, with the call plans that a number got since then: they end because it does, and follow it."""
    followed = dict(kept)
    planned = _first_planned(kept)
    numbers = {id_of(each): kept[id_of(each)] for each in entities if _is_ended_number(each, kept)}
    for each in entities:
        known = numbers.get(_number_of(each) or 0)
        if known is None or id_of(each) in kept or each.end != known.ended_on:
            continue
        following = planned.get(known.entity_id)
        ends = [end for end in (known.end_before, following and day_before(following)) if end is not None]
        followed[id_of(each)] = Kept(id_of(each), known.ended_on, end_set=True, end_before=min(ends, default=None))
    return followed


def _is_ended_number(entity: Entity, kept: Keeping) -> bool:
    known = kept.get(id_of(entity))
    return isinstance(entity, Number) and known is not None and is_ended_by(entity, known)


def _number_of(entity: Entity) -> int | None:
    """The number whose call plan or active period this is."""
    if isinstance(entity, Number) or (isinstance(entity, Feature) and entity.kind != "call_plan"):
        return None
    return entity.number_id


def _first_planned(kept: Keeping) -> dict[int, date]:
    """The first day of each number's first call plan that was cancelled."""
    first: dict[int, date] = {}
    for each in kept.values():
        if isinstance(each.cancelled, Assignment):
            number_id = each.cancelled.number_id
            first[number_id] = min(first.get(number_id, date.max), each.cancelled.start)
    return first


def fitting(entities: Iterable[Entity], kept: Keeping) -> tuple[Entity, ...]:
    """Those that can be there together: a call plan needs its number, and lies within its days; a link needs one too.

    What a link was to before is linked again. What is referred to comes before what refers to it.
    """
    there = list(entities)
    numbers = {each.number_id: each for each in there if isinstance(each, Number)}
    features = [found for each in there if isinstance(each, Feature) for found in _fit_feature(each, numbers, kept)]
    plans = {each.feature_id: each for each in features}
    periods = [
        replace(each, start=plans[each.feature_id].start, end=plans[each.feature_id].end)
        for each in there
        if isinstance(each, Assignment) and each.feature_id in plans
    ]
    with_plan = {each.number_id for each in periods}
    return (*(number for key, number in numbers.items() if key in with_plan), *features, *periods)


def _fit_feature(feature: Feature, numbers: Mapping[int, Number], kept: Keeping) -> Iterator[Feature]:
    known = kept.get(feature.feature_id)
    link = feature.number_id if feature.number_id is not None else known and known.number_id
    number = numbers.get(link or 0)
    if feature.kind == "feature":
        yield replace(feature, number_id=number.number_id if number else None)
    elif number is not None and (number.end is None or feature.start <= number.end):
        beyond = number.end is not None and (feature.end is None or feature.end > number.end)
        yield replace(feature, end=number.end) if beyond else feature
