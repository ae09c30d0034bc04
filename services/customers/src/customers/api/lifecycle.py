"""Final Bill, Drop, Reinstate and Delete, and the course of a customer (SPEC C14 to C18)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Body as Sent
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from contracts.base import Id, Instant
from customers.api.bodies import After, Limit
from customers.api.bodies.lifecycle import (
    DROP_EXAMPLES,
    FINAL_BILL_EXAMPLES,
    REINSTATE_EXAMPLES,
    DeletionAction,
    DropAction,
    FinalBillAction,
    ReinstateAction,
)
from customers.api.customers import READ, WRITE, IfMatch
from customers.api.views import CustomerView, Page, expected_version, page, tag, view_customer
from customers.domain.course import Action, Kind, State
from customers.domain.effects import Effect
from customers.domain.erasing import Erasure
from customers.service import course, dropping, erasing, final_bill, reinstating
from customers.service.course import Taken
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["actions"])
ERASE = [scope("customers:erase")]
SHOWN = 2_000
"""Effects of each kind in an answer; there is always the number of all."""
DryRun = Annotated[bool, Query(description="only say what would open again")]


class EffectView(BaseModel):
    """What becomes of a number, a feature, a call plan or a charge. `on` is its end, or its first day where it is
    cancelled or begins; `before` the end that it had."""

    kind: Literal["number", "feature", "call_plan", "charge", "number_type"]
    id: Id
    name: str = Field(description="the number, or what is charged")
    on: date | None
    before: date | None


class EffectsView(BaseModel):
    """SPEC C18: what an action does to what the customer has: how much of it, and the first of each."""

    counts: dict[str, int]
    ends: list[EffectView]
    cancelled: list[EffectView]
    opens: list[EffectView]
    begins: list[EffectView]


class ActionView(BaseModel):
    """One action on a customer: its date, why, who took it when, and what became of it."""

    action_id: Id
    customer_id: Id
    kind: Kind
    on: date | None = Field(description="its date, where it has one")
    notice_date: date | None
    reason: str | None
    actor: str
    at: Instant
    state: State
    terms: dict[str, Any] = Field(description="what else was asked for")
    problem: str | None = Field(description="why it could not be done on its day")


class TakenView(CustomerView):
    """A customer after an action, and what that did. In a dry run it is what would be, and there is no action."""

    action: ActionView | None = None
    effects: EffectsView


class ErasureView(BaseModel):
    """SPEC C17: the record of an erasure, which names nobody."""

    customer_id: Id
    erased_at: Instant
    confirmed: dict[str, datetime] = Field(description="when each service had erased what it had")
    waiting_for: tuple[str, ...] = Field(description="the services that have not confirmed yet")


@router.post("/customers/{customer_id}/final-bill", dependencies=WRITE, summary="Final Bill")
async def post_final_bill(
    customer_id: Id,
    body: Annotated[FinalBillAction, Sent(openapi_examples=FINAL_BILL_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> TakenView:
    """The customer is charged up to the date and gets its last bills; when it is settled a run drops it. Taken again,
    the date moves. Billing only: services are still to be disconnected with their provider."""
    expected, actor = expected_version(if_match), principal(request)
    taken = await final_bill.final_bill(customer_id, body.order(), dry_run=body.dry_run, expected=expected, actor=actor)
    return _answer(response, taken, dry_run=body.dry_run)


@router.delete("/customers/{customer_id}/final-bill", dependencies=WRITE, summary="Withdraw a Final Bill")
async def delete_final_bill(
    customer_id: Id, request: Request, response: Response, dry_run: DryRun = False, if_match: IfMatch = None
) -> TakenView:
    """Status and ends are as before, what was cancelled is there again; possible until the customer is dropped."""
    expected, actor = expected_version(if_match), principal(request)
    taken = await final_bill.withdraw_final_bill(customer_id, dry_run=dry_run, expected=expected, actor=actor)
    return _answer(response, taken, dry_run=dry_run)


@router.post("/customers/{customer_id}/drop", dependencies=WRITE, summary="Drop a customer")
async def post_drop(
    customer_id: Id,
    body: Annotated[DropAction, Sent(openapi_examples=DROP_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> TakenView:
    """At once no usage is allocated and no run bills the customer; what it has ends on the date. Billing only: services
    are still to be disconnected with their provider."""
    expected, actor = expected_version(if_match), principal(request)
    taken = await dropping.drop(customer_id, body.order(), dry_run=body.dry_run, expected=expected, actor=actor)
    return _answer(response, taken, dry_run=body.dry_run)


@router.post("/customers/{customer_id}/reinstate", dependencies=WRITE, summary="Reinstate a dropped customer")
async def post_reinstate(
    customer_id: Id,
    body: Annotated[ReinstateAction, Sent(openapi_examples=REINSTATE_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> TakenView:
    """The customer goes on from the date with what Final Bill or Drop ended; nothing is charged for the gap. A date
    that lies ahead is planned: the customer is dropped until then. Billing only: services are still to be connected."""
    expected, actor = expected_version(if_match), principal(request)
    taken = await reinstating.reinstate(customer_id, body.order(), dry_run=body.dry_run, expected=expected, actor=actor)
    return _answer(response, taken, dry_run=body.dry_run)


@router.delete("/customers/{customer_id}/reinstate", dependencies=WRITE, summary="Withdraw a planned reinstatement")
async def delete_reinstate(
    customer_id: Id, request: Request, response: Response, if_match: IfMatch = None
) -> TakenView:
    expected, actor = expected_version(if_match), principal(request)
    return _answer(response, await reinstating.withdraw_reinstatement(customer_id, expected=expected, actor=actor))


@router.post("/customers/{customer_id}/deletion", dependencies=ERASE, summary="Mark a customer for deletion")
async def post_deletion(
    customer_id: Id, body: DeletionAction, request: Request, response: Response, if_match: IfMatch = None
) -> TakenView:
    """Only a dropped one. In thirty days all services erase what they have of it; until then the mark can be taken
    back, and nothing else be done. Save invoices and letters first."""
    expected, actor = expected_version(if_match), principal(request)
    return _answer(response, await erasing.mark(customer_id, body.reason, expected=expected, actor=actor))


@router.delete("/customers/{customer_id}/deletion", dependencies=ERASE, summary="Take the mark for deletion back")
async def delete_deletion(customer_id: Id, request: Request, response: Response, if_match: IfMatch = None) -> TakenView:
    expected, actor = expected_version(if_match), principal(request)
    return _answer(response, await erasing.unmark(customer_id, expected=expected, actor=actor))


@router.get("/customers/{customer_id}/actions", dependencies=READ, summary="The course of a customer")
async def get_actions(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[ActionView]:
    """The actions on it, in the order in which they were taken; those that were only planned too."""
    found = await course.list_actions(customer_id, after=after, limit=limit)
    return page(found, limit, _view_action, lambda action: action.action_id)


@router.get("/erasures", dependencies=READ, summary="Erased customers, and which services have confirmed it")
async def get_erasures(limit: Limit = 100, after: After = 0, customer_id: Id | None = None) -> Page[ErasureView]:
    found = await erasing.list_erasures(after=after, limit=limit, customer_id=customer_id)
    return page(found, limit, _view_erasure, lambda erasure: erasure.customer_id)


def _answer(response: Response, taken: Taken, *, dry_run: bool = False) -> TakenView:
    if not dry_run:
        tag(response, taken.customer.version)
    return TakenView(
        **dict(view_customer(taken.customer)),
        action=_view_action(taken.action) if taken.action else None,
        effects=_view_effects(taken.effects),
    )


def _view_action(action: Action) -> ActionView:
    return ActionView(**vars(action))


def _view_effects(done: Iterable[Effect]) -> EffectsView:
    kinds: dict[str, list[EffectView]] = {"ends": [], "cancelled": [], "opens": [], "begins": []}
    for each in done:
        view = EffectView(kind=each.kind, id=each.entity_id, name=each.name, on=each.on, before=each.before)
        kinds[each.what].append(view)
    counts = {what: len(found) for what, found in kinds.items()}
    return EffectsView(counts=counts, **{what: found[:SHOWN] for what, found in kinds.items()})


def _view_erasure(erasure: Erasure) -> ErasureView:
    return ErasureView(**vars(erasure), waiting_for=erasure.waiting_for)
