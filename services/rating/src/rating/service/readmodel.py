"""Taking in what customers says, through the gate: whole states, the newest version of each; and run markers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

from contracts.base import Event
from contracts.customers import AssignmentRemoved, AssignmentState, CustomerState, FeatureState, NumberState, RunMarker
from contracts.reference import ReferenceUpdated
from rating.domain.changes import HandsChanged, Held, day_of_status_change, hands_changed
from rating.domain.numbers import normalise
from rating.service import cuts, erasing, guiding_again, retrying
from rating.store import gate
from rating.store import readmodel as store
from rating.store.features import put_features
from rating.store.readmodel import Course
from service_kit.database import Transaction, transaction
from service_kit.kafka import Received

CONSUMER = "rating"
LISTS_THAT_JUDGE = frozenset({"statuses", "number_types"})
_State = TypeVar("_State", CustomerState, NumberState, AssignmentState, FeatureState, ReferenceUpdated)


async def take_in_customers(batch: Sequence[Received]) -> None:
    """Apply a batch of `customers`: states first, then the markers that stand behind them."""
    async with transaction() as tx:
        events = await erasing.let_go(tx, await _fresh(tx, batch))
        customers = _newest(events, CustomerState, lambda state: state.customer_id)
        numbers = _newest(events, NumberState, lambda state: state.number_id)
        assignments = _newest(events, AssignmentState, lambda state: state.assignment_id)
        if customers or numbers or assignments:
            await _apply(tx, customers, numbers, assignments)
        await put_features(tx.connection, _newest(events, FeatureState, lambda state: state.feature_id))
        await _note_markers(tx, events)


async def _apply(
    tx: Transaction,
    customers: Sequence[CustomerState],
    numbers: Sequence[NumberState],
    assignments: Sequence[AssignmentState],
) -> None:
    generation = await gate.pass_alone(tx.connection)
    hands = await _hands_changed(tx, assignments)
    statuses = await _statuses_changed(tx, customers)
    await store.put_customers(tx.connection, customers, generation)
    await store.put_numbers(tx.connection, numbers, generation)
    await store.put_assignments(tx.connection, assignments, generation)
    await retrying.request(
        tx,
        generation,
        numbers={normalise(each.number) for each in numbers} | {normalise(each.number) for each in assignments},
        customers={each.customer_id for each in customers},
    )
    await guiding_again.request(tx, generation, hands=hands, customers=statuses)


async def _hands_changed(tx: Transaction, states: Sequence[AssignmentState]) -> list[HandsChanged]:
    known = await store.known_assignments(tx.connection, [each.assignment_id for each in states])
    found: list[HandsChanged] = []
    for state in states:
        version, before = known.get(state.assignment_id, (0, None))
        if state.version > version:
            found += hands_changed(before, _held(state))
    return found


def _held(state: AssignmentState) -> Held | None:
    if isinstance(state, AssignmentRemoved):
        return None
    return Held(normalise(state.number), state.customer_id, state.start, state.end)


async def _statuses_changed(tx: Transaction, states: Sequence[CustomerState]) -> dict[int, date]:
    """From which day on which customers have another status; those that were not known have no usage yet."""
    known = await store.known_courses(tx.connection, [each.customer_id for each in states])
    found: dict[int, date] = {}
    for state in states:
        before = known.get(state.customer_id)
        day = _day_of_change(before, state) if before and before.version < state.version else None
        if day is not None:
            found[state.customer_id] = day
    return found


def _day_of_change(before: Course, state: CustomerState) -> date | None:
    """SPEC C14: a customer whom a run dropped keeps nothing that is unbilled, of whatever day."""
    if state.dropped_by_run is not None and before.dropped_by_run is None:
        return date.min
    entries = sorted((entry.effective_from, entry.status) for entry in state.status_history)
    return day_of_status_change(before.history, entries)


async def take_in_reference(batch: Sequence[Received]) -> None:
    """Apply a batch of `reference`: the lists that say how a call is judged, then the markers."""
    async with transaction() as tx:
        events = await _fresh(tx, batch)
        entries = _newest(events, ReferenceUpdated, lambda entry: (entry.list, entry.code))
        judging = [entry for entry in entries if entry.list in LISTS_THAT_JUDGE]
        if judging:
            generation = await gate.pass_alone(tx.connection)
            await store.put_reference(tx.connection, judging, generation)
            if any(entry.list == "statuses" for entry in judging):
                await retrying.request(tx, generation, held_by_status=True)
        await _note_markers(tx, events)


async def _fresh(tx: Transaction, batch: Sequence[Received]) -> list[Event]:
    fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
    return [each.event for each in batch if each.id in fresh]


async def _note_markers(tx: Transaction, events: Iterable[Event]) -> None:
    markers = [event for event in events if isinstance(event, RunMarker)]
    if markers:
        await cuts.note_markers(tx, markers)


def _newest(events: Iterable[Event], kind: type[_State], key: Callable[[_State], Any]) -> list[_State]:
    """The highest version of each entity among these events."""
    newest: dict[Any, _State] = {}
    for event in events:
        if isinstance(event, kind):
            known = newest.get(key(event))
            if known is None or event.version > known.version:
                newest[key(event)] = event
    return list(newest.values())
