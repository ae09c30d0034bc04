"""What is answered: the states of the contracts, and pages of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from fastapi import Response
from pydantic import BaseModel, Field

from contracts.base import Code
from contracts.customers import AssignmentState, CustomerState, FeatureState, NumberState, StatusPeriod
from contracts.reference import StatusFlags
from customers.config import settings
from customers.domain.customers import Customer
from customers.domain.events import assignment_state, customer_state, feature_state, number_state
from customers.domain.numbers import Line, LinePlan
from customers.domain.warnings import Warned, warnings_of, without_annual
from customers.service.problems import version_needed
from service_kit import clock
from service_kit.http import Invalid

T = TypeVar("T")
_Item = TypeVar("_Item")


class Page(BaseModel, Generic[T]):
    """A page of items; `next` is the `after` of the next one, null on the last."""

    items: list[T]
    next: int | None


def _hidden(_: Any) -> bool:
    return not settings().annual_increases


class WarningView(BaseModel):
    """A field whose value was accepted, and what to think of about it."""

    field: str
    message: str


class CustomerView(CustomerState):
    """A customer as other services know it, with the notes that they are not told."""

    notes: str
    annual_increase_profile: Code | None = Field(
        default=None, exclude_if=_hidden, description="absent where annual increases are switched off (SPEC C12)"
    )
    annual_increase_date: date | None = Field(default=None, exclude_if=_hidden, description="the same")
    created_at: datetime | None = Field(default=None, description="when it was added")
    warnings: tuple[WarningView, ...] = Field(
        default=(), description="what was accepted but is odd, by field: to be looked at"
    )


class PlanView(BaseModel):
    """A call plan of a number, and the active period that it gives."""

    call_plan: FeatureState
    assignment: AssignmentState


class LineView(PlanView):
    """A number with the call plan of today; in a gap with the last one, and before all of them with the first."""

    number: NumberState


class NumberView(LineView):
    """A number with all its call plans, the earliest first, and the features that are linked to it."""

    call_plans: list[PlanView]
    features: list[FeatureState]


class StatusView(BaseModel):
    """SPEC C8: the status on a day; null before the history begins."""

    customer_id: int
    on: date
    status: str | None
    name: str | None
    effective_from: date | None
    reason: str | None
    flags: StatusFlags | None
    history: tuple[StatusPeriod, ...]


class AuditView(BaseModel):
    """SPEC C19: one changed field."""

    audit_id: int
    entity: str
    entity_id: str
    at: datetime
    actor: str
    field: str
    old: Any
    new: Any


def view_customer(customer: Customer, warned: Iterable[Warned] = ()) -> CustomerView:
    """A customer, as answered; with warnings beside those of its details."""
    view = customer_state(CustomerView, customer, clock.today())
    return view.model_copy(
        update={"created_at": customer.created_at, "warnings": view_warnings((*warnings_of(customer.details), *warned))}
    )


def view_warnings(warned: Iterable[Warned]) -> tuple[WarningView, ...]:
    """Warnings, as answered: none about what is hidden (SPEC C12)."""
    shown = warned if settings().annual_increases else without_annual(warned)
    return tuple(WarningView(**vars(each)) for each in shown)


def view_line(line: Line) -> LineView:
    """A number, as answered."""
    return LineView(
        number=number_state(NumberState, line.number),
        **vars(view_plan(line.plan_at(clock.today()))),
    )


def view_plan(plan: LinePlan) -> PlanView:
    """A call plan of a number, as answered."""
    return PlanView(
        call_plan=feature_state(FeatureState, plan.feature),
        assignment=assignment_state(AssignmentState, plan.assignment),
    )


def page(found: Sequence[_Item], limit: int, view: Callable[[_Item], T], key: Callable[[_Item], int]) -> Page[T]:
    """A page of what was found; a full one may have another behind it."""
    return Page(items=[view(item) for item in found], next=key(found[-1]) if len(found) == limit else None)


def tag(response: Response, version: int) -> None:
    """SPEC C20: the version as an ETag, to be sent back in If-Match."""
    response.headers["ETag"] = f'"{version}"'


def expected_version(if_match: str | None, *, needed: bool = False) -> int | None:
    """The version named in If-Match; None where any will do (`*`, or no header where none is needed).

    Raises:
        Problem: 428 where the header is needed and absent, 422 where it is no ETag of ours.
    """
    if if_match is None and needed:
        raise version_needed()
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f'If-Match: {if_match!r} is not an ETag of this service: it looks like "7"')
    return int(text)
