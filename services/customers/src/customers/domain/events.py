"""What the other services are told: the whole state of what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import TypeVar

from contracts.base import Event
from contracts.billing import BillingRunRequested
from contracts.customers import (
    AssignmentCreated,
    AssignmentRemoved,
    AssignmentState,
    AssignmentUpdated,
    CustomerCreated,
    CustomerState,
    FeatureCreated,
    FeatureRemoved,
    FeatureState,
    FeatureUpdated,
    NumberCreated,
    NumberRemoved,
    NumberState,
    NumberUpdated,
    ReferenceRunMarker,
    RunMarker,
)
from contracts.reference import ReferenceUpdated
from customers.domain.changes import Change
from customers.domain.charges import charged_within
from customers.domain.customers import Customer, missing_for_invoice, status_of
from customers.domain.numbers import Assignment, Entity, Feature, Line, Number
from customers.domain.opening import Opened
from customers.domain.reference import LISTS, Entry
from customers.domain.status import holding

_Customer = TypeVar("_Customer", bound=CustomerState)
_Number = TypeVar("_Number", bound=NumberState)
_Feature = TypeVar("_Feature", bound=FeatureState)
_Assignment = TypeVar("_Assignment", bound=AssignmentState)
COURSE = ("final_bill_date", "final_bill_id", "drop_date", "dropped_by_run", "reinstate_date", "deletion_due")
"""What the other services are told of a customer's course, beside its status."""


def customer_state(kind: type[_Customer], customer: Customer, today: date) -> _Customer:
    """A customer as an event of this kind."""
    return kind(
        customer_id=customer.customer_id,
        version=customer.version,
        account_number=customer.account_number,
        status=status_of(customer, today),
        status_history=holding(customer.history),
        missing=missing_for_invoice(customer.details),
        **{name: getattr(customer.course, name) for name in COURSE},
        **vars(customer.details),
    )


def number_state(kind: type[_Number], number: Number) -> _Number:
    """A number as an event of this kind; its charges end with it."""
    return kind(**{**vars(number), "charges": charged_within(number.charges, number.end)})


def feature_state(kind: type[_Feature], feature: Feature) -> _Feature:
    """A feature as an event of this kind; its charges end with it."""
    return kind(**{**vars(feature), "charges": charged_within(feature.charges, feature.end)})


def assignment_state(kind: type[_Assignment], assignment: Assignment) -> _Assignment:
    """An assignment as an event of this kind."""
    return kind(**vars(assignment))


def opened(what: Opened, today: date) -> Iterator[Event]:
    """All that a new customer brings; what is referred to comes before what refers to it."""
    yield customer_state(CustomerCreated, what.customer, today)
    for line in what.lines:
        yield from line_added(line)
    for feature in what.features:
        yield feature_state(FeatureCreated, feature)


def line_added(line: Line) -> Iterator[Event]:
    """A number that was added, its call plans, and behind each what lets it receive usage."""
    yield number_state(NumberCreated, line.number)
    for plan in line.plans:
        yield feature_state(FeatureCreated, plan.feature)
        yield assignment_state(AssignmentCreated, plan.assignment)


def changed(changes: Iterable[Change]) -> Iterator[Event]:
    """What was added, changed, or taken away as if it had never been there; what is there again has changed."""
    for change in changes:
        if change.after is None:
            assert change.before is not None
            yield _removed(replace(change.before, version=change.before.version + 1))
        else:
            yield _created(change.after) if change.after.version == 1 else _updated(change.after)


def _created(entity: Entity) -> Event:
    match entity:
        case Number():
            return number_state(NumberCreated, entity)
        case Feature():
            return feature_state(FeatureCreated, entity)
        case Assignment():
            return assignment_state(AssignmentCreated, entity)


def _updated(entity: Entity) -> Event:
    match entity:
        case Number():
            return number_state(NumberUpdated, entity)
        case Feature():
            return feature_state(FeatureUpdated, entity)
        case Assignment():
            return assignment_state(AssignmentUpdated, entity)


def _removed(entity: Entity) -> Event:
    match entity:
        case Number():
            return number_state(NumberRemoved, entity)
        case Feature():
            return feature_state(FeatureRemoved, entity)
        case Assignment():
            return assignment_state(AssignmentRemoved, entity)


def reference_updated(entry: Entry) -> ReferenceUpdated:
    """An entry of a reference list, with what it does in the field of its list."""
    kind = LISTS[entry.list]
    does = {kind[0]: entry.attributes} if kind else {}
    return ReferenceUpdated.model_validate(
        {
            "list": entry.list,
            "code": entry.code,
            "version": entry.version,
            "name": entry.name,
            "retired": entry.retired,
            "is_default": entry.is_default,
            **does,
        }
    )


def run_markers(run: BillingRunRequested, customers: int, reference: int) -> Iterator[RunMarker]:
    """One marker of a run for each partition of `customers` and `reference`.

    Args:
        run: the run that was requested.
        customers: how many partitions that topic has.
        reference: the same of that one.
    """
    for partition in range(customers):
        yield RunMarker(run_id=run.run_id, marked_topic="customers", partition=partition, partitions=customers)
    for partition in range(reference):
        yield ReferenceRunMarker(run_id=run.run_id, marked_topic="reference", partition=partition, partitions=reference)
