"""Reinstate: a dropped customer goes on from a day, with what the drop ended (SPEC C16, Z8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeAlias

from contracts.customers import Charge
from contracts.reference import StatusFlags
from customers.domain.changes import id_of
from customers.domain.charges import Charges
from customers.domain.course import Course, NotNow, with_status_after
from customers.domain.customers import Customer, status_of
from customers.domain.keeping import Keeping, Kept, fitting, is_ended_by, revived, with_followers
from customers.domain.numbers import Assignment, Entity, Feature, Number
from customers.domain.reference import STATUSES, Book, Entry
from customers.domain.rules import RuleBroken
from customers.domain.status import status_on
from money.dates import day_before, next_day

Reopen: TypeAlias = date | Literal["all", "none"]
"""Which numbers and features are open again: those that the drop ended on a day, all that it ended, or none."""


@dataclass(frozen=True)
class ReinstateOrder:
    """What the action is asked for; `on` is the first day charged again. Without a status it is the list's default."""

    on: date
    reason: str | None = None
    reopen: Reopen = "all"
    status: str | None = None


def check_reinstate(customer: Customer, order: ReinstateOrder, book: Book, today: date) -> str:
    """SPEC C16, Z8: whether it can be done, or will be on its day. Returns the status that the customer is to have.

    Raises:
        NotNow: the customer is not dropped.
        RuleBroken: the date is not after the drop date, or the status is none to reinstate with.
    """
    if not book.status(status_of(customer, today)).dropped:
        message = f"customer {customer.customer_id} is not dropped: there is nothing to reinstate"
        raise NotNow("customer-not-dropped", "Customer not dropped", message)
    last = dropped_on(customer, today)
    if last is not None and order.on <= last:
        message = f"the customer was dropped on {last}: give a later day ({next_day(last)} leaves no gap)"
        raise RuleBroken("reinstate_date", message)
    return _status(order.status, book)


def dropped_on(customer: Customer, today: date) -> date | None:
    """The last day before it was dropped, also of one that was added as dropped."""
    if customer.course.drop_date is not None:
        return customer.course.drop_date
    period = status_on(customer.history, today)
    return day_before(period.effective_from) if period else None


def _status(asked: str | None, book: Book) -> str:
    able = [each for each in book.entries(STATUSES) if not each.retired and _is_ordinary(each)]
    codes = [each.code for each in able]
    if asked is not None:
        if asked not in codes:
            message = f"'{asked}' is no status to reinstate with: use one of {', '.join(codes) or 'none yet'}"
            raise RuleBroken("status", message)
        return asked
    usual = book.default(STATUSES)
    if usual in codes:
        return usual or ""
    if not codes:
        raise RuleBroken("status", f"no status is active: add one with PUT /reference/{STATUSES}/CODE")
    return codes[0]


def _is_ordinary(entry: Entry) -> bool:
    flags = entry.attributes
    return isinstance(flags, StatusFlags) and not (flags.dropped or flags.final_bill)


def reinstated(customer: Customer, order: ReinstateOrder, status: str) -> Customer:
    """SPEC C16, Z7: the customer with an active status from the day on; what dropped it is over."""
    history = with_status_after(customer.history, day_before(order.on), status, order.reason)
    return replace(customer, history=history, course=Course(reinstate_date=order.on))


def ids_to_reopen(entities: Sequence[Entity], kept: Keeping) -> int:
    """The most ids that reopening takes: a charge each, and a call plan with its active period."""
    charges = sum(len(each.charges) for each in entities if not isinstance(each, Assignment))
    taken = sum(len(each.charges) for each in kept.values())
    cancelled = [each.cancelled for each in kept.values() if each.cancelled]
    later = sum(len(each.charges) for each in cancelled if not isinstance(each, Assignment))
    return charges + taken + later + 2 * len(entities)


def reopened(
    entities: tuple[Entity, ...], kept: Keeping, order: ReinstateOrder, ids: Iterator[int]
) -> tuple[Entity, ...]:
    """SPEC C16, Z8: what the drop ended is open again from the day on; nothing is charged for the gap.

    Each recurring charge ends with the drop, and another begins on the day in the same periods; one-offs are not
    charged again. After a gap a number has another call plan like the one before. What would have begun in the gap
    begins on the day. What was to end in the gap, or was ended by hand since, stays ended.

    Args:
        entities: all that the customer has.
        kept: what Final Bill and the drop took from it.
        order: from when on, and which.
        ids: fresh ids.
    """
    chosen = {key: each for key, each in with_followers(entities, kept).items() if _is_chosen(each, order.reopen)}
    back: list[Entity] = []
    for each in entities:
        known = chosen.get(id_of(each))
        back += [each] if known is None else _again(each, known, order.on, ids)
    back += [begun for each in chosen.values() if each.cancelled for begun in _begun(each.cancelled, order.on, ids)]
    periods = tuple(_periods(back, ids))
    return tuple(_with_types(fitting([*back, *periods], chosen), kept))


def _is_chosen(known: Kept, reopen: Reopen) -> bool:
    return reopen == "all" or known.ended_on == reopen


def _again(entity: Entity, known: Kept, day: date, ids: Iterator[int]) -> Iterator[Entity]:
    """An entity that the drop ended, open again; a call plan after a gap stays ended, and another goes on."""
    over = known.end_before is not None and known.end_before < day
    if over or isinstance(entity, Assignment) or not is_ended_by(entity, known):
        yield entity
        return
    stopped, going = _split(entity.charges, known, day, ids)
    if isinstance(entity, Feature) and entity.kind == "call_plan" and day > next_day(known.ended_on):
        yield replace(entity, charges=stopped)
        yield replace(entity, feature_id=next(ids), version=1, start=day, end=known.end_before, charges=tuple(going))
        return
    yield replace(entity, end=known.end_before, charges=(*stopped, *going))


def _split(charges: Charges, known: Kept, day: date, ids: Iterator[int]) -> tuple[Charges, Charges]:
    """The charges up to the drop, and those that go on from the day."""
    last = known.ended_on
    running = [each for each in charges if each.kind == "recurring" and (each.end is None or each.end > last)]
    stopped = tuple(each.model_copy(update={"end": last}) if each in running else each for each in charges)
    return stopped, (*_from(running, day, ids), *_from(known.charges, day, ids))


def _from(charges: Iterable[Charge], day: date, ids: Iterator[int]) -> Charges:
    """What is charged from a day on: in the old periods, and no one-off of an earlier day."""
    later = [each for each in charges if each.start >= day]
    begun = [each for each in charges if each.start < day and each.kind == "recurring"]
    going = [each for each in begun if each.end is None or each.end >= day]
    return (
        *later,
        *(
            each.model_copy(update={"charge_id": next(ids), "start": day, "anchor": each.anchor or each.start})
            for each in going
        ),
    )


def _begun(cancelled: Entity, day: date, ids: Iterator[int]) -> Iterator[Entity]:
    """What the drop cancelled: as it was planned, or from the day on where that lay in the gap."""
    if cancelled.end is not None and cancelled.end < day:
        return
    back = revived(cancelled)
    if back.start >= day:
        yield back
    elif isinstance(back, Assignment):
        yield replace(back, start=day)
    else:
        yield replace(back, start=day, charges=_from(back.charges, day, ids))


def _periods(entities: Iterable[Entity], ids: Iterator[int]) -> Iterator[Assignment]:
    """The active periods of call plans that have none yet."""
    there = list(entities)
    having = {each.feature_id for each in there if isinstance(each, Assignment)}
    held = {each.number_id: each.number for each in there if isinstance(each, Number)}
    for each in there:
        new = isinstance(each, Feature) and each.kind == "call_plan" and each.feature_id not in having
        if new and isinstance(each, Feature) and each.number_id in held:
            yield Assignment(
                assignment_id=next(ids),
                customer_id=each.customer_id,
                version=1,
                number_id=each.number_id,
                feature_id=each.feature_id,
                number=held[each.number_id],
                call_plan=each.code or "",
                start=each.start,
                end=each.end,
            )


def _with_types(entities: Iterable[Entity], kept: Keeping) -> Iterator[Entity]:
    """SPEC Z8: numbers get back the type they had, unless they were given another by hand since."""
    for each in entities:
        known = kept.get(id_of(each))
        changed = isinstance(each, Number) and known is not None and known.type_set == each.number_type
        if changed and isinstance(each, Number) and known is not None and known.type_before is not None:
            yield replace(each, number_type=known.type_before)
        else:
            yield each
