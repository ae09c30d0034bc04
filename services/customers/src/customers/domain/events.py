"""What the other services are told: the whole state of what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TypeVar

from contracts.base import Event
from contracts.billing import BillingRunRequested
from contracts.customers import (
    AssignmentCreated,
    AssignmentState,
    AssignmentUpdated,
    CustomerCreated,
    CustomerState,
    FeatureCreated,
    FeatureState,
    FeatureUpdated,
    NumberCreated,
    NumberState,
    NumberUpdated,
    ReferenceRunMarker,
    RunMarker,
)
from contracts.reference import ReferenceUpdated
from customers.domain.customers import Customer, missing_for_invoice
from customers.domain.numbers import Assignment, Feature, Line, Number
from customers.domain.opening import Opened
from customers.domain.reference import LISTS, Entry
from customers.domain.status import holding, status_now

_Customer = TypeVar("_Customer", bound=CustomerState)
_Number = TypeVar("_Number", bound=NumberState)
_Feature = TypeVar("_Feature", bound=FeatureState)
_Assignment = TypeVar("_Assignment", bound=AssignmentState)


def customer_state(kind: type[_Customer], customer: Customer, today: date) -> _Customer:
    """A customer as an event of this kind."""
    return kind(
        customer_id=customer.customer_id,
        version=customer.version,
        account_number=customer.account_number,
        status=status_now(customer.history, today),
        status_history=holding(customer.history),
        missing=missing_for_invoice(customer.details),
        **vars(customer.details),
    )


def number_state(kind: type[_Number], number: Number) -> _Number:
    """A number as an event of this kind."""
    return kind(**vars(number))


def feature_state(kind: type[_Feature], feature: Feature) -> _Feature:
    """A feature as an event of this kind."""
    return kind(**vars(feature))


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
    """A number that was added, its call plan, and last what lets it receive usage."""
    yield number_state(NumberCreated, line.number)
    yield feature_state(FeatureCreated, line.call_plan)
    yield assignment_state(AssignmentCreated, line.assignment)


def line_changed(before: Line, after: Line) -> Iterator[Event]:
    """What changed of a line, and nothing that did not."""
    if after.number != before.number:
        yield number_state(NumberUpdated, after.number)
    if after.call_plan != before.call_plan:
        yield feature_state(FeatureUpdated, after.call_plan)
    if after.assignment != before.assignment:
        yield assignment_state(AssignmentUpdated, after.assignment)


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
