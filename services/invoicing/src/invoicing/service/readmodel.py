"""Taking in what customers says: whole states, the newest version of each; and the markers of a run's cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

from contracts.base import CustomerEvent, Event
from contracts.customers import (
    Charge,
    CustomerState,
    FeatureRemoved,
    FeatureState,
    NumberRemoved,
    NumberState,
    RunMarker,
)
from contracts.reference import ReferenceUpdated
from invoicing.domain.final_bill import course_of
from invoicing.service.erasing import let_go
from invoicing.service.recreating import recreate_drafts_of
from invoicing.service.settling import settle_leaving
from invoicing.service.vat import revalue_drafts
from invoicing.store import credit, runs
from invoicing.store import readmodel as store
from service_kit.database import Transaction, transaction
from service_kit.kafka import Received

CONSUMER = "invoicing"
TURNED = "Final Bill, Drop or Reinstate"
_State = TypeVar("_State", CustomerState, NumberState, FeatureState, ReferenceUpdated)


async def take_in_customers(batch: Sequence[Received]) -> None:
    """Apply a batch of `customers`: states first, then the markers that stand behind them."""
    async with transaction() as tx:
        events = await _fresh(tx, batch)
        concerned = {each.customer_id for each in events if isinstance(each, CustomerEvent)}
        await store.lock_customers(tx.connection, concerned)
        events = await let_go(tx, events)
        await _customers(tx, _newest(events, CustomerState, lambda state: state.customer_id))
        numbers = _newest(events, NumberState, lambda state: state.number_id)
        features = _newest(events, FeatureState, lambda state: state.feature_id)
        await _numbers_and_features(tx, numbers, features)
        await settle_leaving(tx, concerned)
        await runs.put_markers(tx.connection, [each for each in events if isinstance(each, RunMarker)])


async def take_in_reference(batch: Sequence[Received]) -> None:
    """Apply a batch of `reference`: entries first, then the markers that stand behind them."""
    async with transaction() as tx:
        events = await _fresh(tx, batch)
        entries = _newest(events, ReferenceUpdated, lambda entry: (entry.list, entry.code))
        await store.put_reference(tx.connection, entries)
        if any(each.list == "vat_rates" for each in entries):
            await credit.note_all(tx.connection)
        await runs.put_markers(tx.connection, [each for each in events if isinstance(each, RunMarker)])


async def _fresh(tx: Transaction, batch: Sequence[Received]) -> list[Event]:
    fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
    return [each.event for each in batch if each.id in fresh]


def _newest(events: Iterable[Event], kind: type[_State], key: Callable[[_State], Any]) -> list[_State]:
    """The highest version of each entity among these events."""
    newest: dict[Any, _State] = {}
    for event in events:
        if isinstance(event, kind):
            known = newest.get(key(event))
            if known is None or event.version > known.version:
                newest[key(event)] = event
    return list(newest.values())


async def _customers(tx: Transaction, states: Sequence[CustomerState]) -> None:
    if not states:
        return
    before = await store.customers_by_id(tx.connection, [state.customer_id for state in states])
    taken = set(await store.put_customers(tx.connection, states))
    await credit.note_known(tx.connection, taken)
    changed = [(before[each.customer_id], each) for each in states if each.customer_id in taken & before.keys()]
    turned = [state.customer_id for known, state in changed if course_of(known) != course_of(state)]
    await recreate_drafts_of(tx, turned, TURNED)
    await revalue_drafts(tx, [state for known, state in changed if known.vat_rate != state.vat_rate])


async def _numbers_and_features(
    tx: Transaction, numbers: Sequence[NumberState], features: Sequence[FeatureState]
) -> None:
    taken_numbers = await store.put_numbers(tx.connection, [_number_row(each) for each in numbers])
    taken_features = await store.put_features(tx.connection, [_feature_row(each) for each in features])
    owners: list[NumberState | FeatureState] = [each for each in numbers if each.number_id in taken_numbers]
    owners += [each for each in features if each.feature_id in taken_features]
    charges = [row for each in owners if not isinstance(each, NumberRemoved | FeatureRemoved) for row in _rows(each)]
    await store.put_charges(tx.connection, charges)
    kept = [row["charge_id"] for row in charges]
    await store.remove_other_charges(tx.connection, numbers=taken_numbers, features=taken_features, kept=kept)


def _number_row(state: NumberState) -> dict[str, Any]:
    names = ("number_id", "customer_id", "version", "number", "label")
    return {**{name: getattr(state, name) for name in names}, "removed": isinstance(state, NumberRemoved)}


def _feature_row(state: FeatureState) -> dict[str, Any]:
    names = ("feature_id", "customer_id", "number_id", "version", "description")
    return {**{name: getattr(state, name) for name in names}, "removed": isinstance(state, FeatureRemoved)}


def _rows(owner: NumberState | FeatureState) -> list[dict[str, Any]]:
    feature_id = owner.feature_id if isinstance(owner, FeatureState) else None
    return [
        {
            "charge_id": charge.charge_id,
            "customer_id": owner.customer_id,
            "number_id": owner.number_id,
            "feature_id": feature_id,
            "kind": charge.kind,
            "description": charge.description,
            "amount": charge.amount,
            "quantity": charge.quantity,
            "every_months": charge.frequency_months,
            "in_advance": charge.in_advance,
            "vat_rate": charge.vat_rate,
            "start": charge.start,
            "end": _end(charge, owner.end),
            "anchor": charge.anchor,
            "removed": False,
        }
        for charge in owner.charges
    ]


def _end(charge: Charge, owner_end: date | None) -> date | None:
    """A charge ends with the number or feature that has it, or before."""
    ends = [day for day in (charge.end, owner_end) if day is not None]
    return min(ends, default=None)
