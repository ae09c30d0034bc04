"""Numbers: added, found, changed, moved, ended, and their call plans."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body as Sent
from fastapi import Query, Request, Response

from contracts.base import Id
from contracts.customers import FeatureState
from customers.api.bodies import After, Limit, NewNumber
from customers.api.bodies.lines import (
    MOVE_EXAMPLES,
    NUMBER_EXAMPLES,
    PLAN_EXAMPLES,
    Move,
    NewCallPlan,
    NumberChange,
    NumberEnding,
    NumberQuery,
)
from customers.api.customers import READ, WRITE, IfMatch
from customers.api.views import (
    LineView,
    NumberView,
    Page,
    PlanView,
    expected_version,
    page,
    tag,
    view_line,
    view_plan,
)
from customers.domain.events import feature_state
from customers.service import numbers as use
from customers.service.lines import LinkedLine
from customers.service.moving import move_number
from service_kit.auth import principal
from service_kit.http import Router

router = Router(tags=["numbers"])


class NumbersAsked(NumberQuery):
    """The query of `GET /numbers`."""

    limit: Limit = 100
    after: After = 0


WithFeatures = Annotated[bool, Query(description="linked features go too; otherwise they stay, as the customer's")]


@router.post("/customers/{customer_id}/numbers", status_code=201, dependencies=WRITE, summary="Add a number")
async def post_number(customer_id: Id, body: NewNumber, request: Request, response: Response) -> LineView:
    line = await use.add_number(customer_id, body.order(), principal(request))
    response.headers["Location"] = f"/numbers/{line.number.number_id}"
    tag(response, line.number.version)
    return view_line(line)


@router.get("/customers/{customer_id}/numbers", dependencies=READ, summary="A customer's numbers")
async def get_numbers(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[LineView]:
    found = await use.list_numbers_of(customer_id, after=after, limit=limit)
    return page(found, limit, view_line, lambda line: line.number.number_id)


@router.get("/numbers", dependencies=READ, summary="Numbers by id: as one number in any spelling, of a customer, ...")
async def find_numbers(asked: Annotated[NumbersAsked, Query()]) -> Page[LineView]:
    """Who has or had a number, and when: each customer that it was on has a number of its own here."""
    found = await use.list_numbers(
        after=asked.after,
        limit=asked.limit,
        customer_id=asked.customer_id,
        held=asked.number,
        active_on=asked.active_on,
    )
    return page(found, asked.limit, view_line, lambda line: line.number.number_id)


@router.get("/numbers/{number_id}", dependencies=READ, summary="A number with its call plans and linked features")
async def get_number(number_id: Id, response: Response) -> NumberView:
    return _answer(response, await use.get_number(number_id))


@router.put("/numbers/{number_id}", dependencies=WRITE, summary="Change the details that are sent")
@router.patch("/numbers/{number_id}", dependencies=WRITE, summary="The same", operation_id="patch_number")
async def change_number(
    number_id: Id,
    body: Annotated[NumberChange, Sent(openapi_examples=NUMBER_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> NumberView:
    found = await use.change_number(
        number_id,
        body.changes(),
        with_features=body.with_features,
        expected=expected_version(if_match, needed=request.method == "PUT"),
        actor=principal(request),
    )
    return _answer(response, found)


@router.post("/numbers/{number_id}/end", dependencies=WRITE, summary="End a number with its call plan and charges")
async def end_number(
    number_id: Id, body: NumberEnding, request: Request, response: Response, if_match: IfMatch = None
) -> NumberView:
    found = await use.change_number(
        number_id,
        {"end": body.on},
        with_features=body.with_features,
        expected=expected_version(if_match),
        actor=principal(request),
    )
    return _answer(response, found)


@router.delete("/numbers/{number_id}", status_code=204, dependencies=WRITE, summary="Remove a number added by mistake")
async def delete_number(
    number_id: Id, request: Request, with_features: WithFeatures = False, if_match: IfMatch = None
) -> None:
    """As if it had never been there: what was charged for it is refunded, its unbilled calls are held again."""
    await use.remove_number(
        number_id, with_features=with_features, expected=expected_version(if_match), actor=principal(request)
    )


@router.post(
    "/numbers/{number_id}/move", status_code=201, dependencies=WRITE, summary="Move a number to another customer"
)
async def post_move(
    number_id: Id,
    body: Annotated[Move, Sent(openapi_examples=MOVE_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> NumberView:
    """It ends at its customer the day before, and is answered as the new customer has it, with ids of its own."""
    found = await move_number(number_id, body.order(), expected=expected_version(if_match), actor=principal(request))
    response.headers["Location"] = f"/numbers/{found.line.number.number_id}"
    return _answer(response, found)


@router.get("/numbers/{number_id}/call-plans", dependencies=READ, summary="A number's call plans, the earliest first")
async def get_call_plans(number_id: Id, limit: Limit = 100, after: After = 0) -> Page[PlanView]:
    """`after` counts those that were answered before."""
    plans = (await use.get_number(number_id)).line.plans
    upto = after + limit
    return Page(items=[view_plan(plan) for plan in plans[after:upto]], next=upto if upto < len(plans) else None)


@router.post(
    "/numbers/{number_id}/call-plans", status_code=201, dependencies=WRITE, summary="Another call plan from a day on"
)
async def post_call_plan(
    number_id: Id,
    body: Annotated[NewCallPlan, Sent(openapi_examples=PLAN_EXAMPLES)],
    request: Request,
    response: Response,
) -> NumberView:
    """The call plan of that day ends the day before. Given an end, the number is not active from then on, until
    another call plan begins."""
    return _answer(response, await use.change_call_plan(number_id, body.order(), principal(request)))


def _answer(response: Response, found: LinkedLine) -> NumberView:
    tag(response, found.line.number.version)
    return NumberView(
        **vars(view_line(found.line)),
        call_plans=[view_plan(plan) for plan in found.line.plans],
        features=[feature_state(FeatureState, feature) for feature in found.features],
    )
