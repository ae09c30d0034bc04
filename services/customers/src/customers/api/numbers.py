"""Numbers and features."""

from __future__ import annotations

from fastapi import Request, Response

from contracts.base import Id
from contracts.customers import FeatureState
from customers.api.bodies import After, Limit, NewFeature, NewNumber, NumberChange
from customers.api.customers import READ, WRITE, IfMatch
from customers.api.views import LineView, Page, expected_version, page, tag, view_line
from customers.domain.events import feature_state
from customers.domain.numbers import Feature
from customers.service import numbers as use
from service_kit.auth import principal
from service_kit.http import Router

router = Router(tags=["numbers and features"])


@router.post("/customers/{customer_id}/numbers", status_code=201, dependencies=WRITE, summary="Add a number")
async def post_number(customer_id: Id, body: NewNumber, request: Request, response: Response) -> LineView:
    line = await use.add_number(customer_id, body.order(), principal(request))
    response.headers["Location"] = f"/numbers/{line.number.number_id}"
    tag(response, line.number.version)
    return view_line(line)


@router.get("/customers/{customer_id}/numbers", dependencies=READ, summary="A customer's numbers")
async def get_numbers(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[LineView]:
    found = await use.list_numbers(customer_id, after=after, limit=limit)
    return page(found, limit, view_line, lambda line: line.number.number_id)


@router.get("/numbers/{number_id}", dependencies=READ, summary="A number")
async def get_number(number_id: Id, response: Response) -> LineView:
    line = await use.get_number(number_id)
    tag(response, line.number.version)
    return view_line(line)


@router.patch("/numbers/{number_id}", dependencies=WRITE, summary="Change a number, or end it with its call plan")
async def patch_number(
    number_id: Id, body: NumberChange, request: Request, response: Response, if_match: IfMatch = None
) -> LineView:
    line = await use.change_number(
        number_id, body.given(), expected=expected_version(if_match), actor=principal(request)
    )
    tag(response, line.number.version)
    return view_line(line)


@router.post("/customers/{customer_id}/features", status_code=201, dependencies=WRITE, summary="Add a feature")
async def post_feature(customer_id: Id, body: NewFeature, request: Request) -> FeatureState:
    return _view(await use.add_feature(customer_id, body.order(), principal(request)))


@router.get("/customers/{customer_id}/features", dependencies=READ, summary="A customer's features and call plans")
async def get_features(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[FeatureState]:
    found = await use.list_features(customer_id, after=after, limit=limit)
    return page(found, limit, _view, lambda feature: feature.feature_id)


def _view(feature: Feature) -> FeatureState:
    return feature_state(FeatureState, feature)
