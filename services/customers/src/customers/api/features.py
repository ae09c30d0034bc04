"""Features: added, changed, ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body as Sent
from fastapi import Request, Response

from contracts.base import Id
from contracts.customers import FeatureState
from customers.api.bodies import After, Limit, NewFeature
from customers.api.bodies.lines import FEATURE_EXAMPLES, Ending, FeatureChange
from customers.api.customers import READ, WRITE, IfMatch
from customers.api.views import Page, expected_version, page, tag
from customers.domain.events import feature_state
from customers.domain.numbers import Feature
from customers.service import features as use
from service_kit.auth import principal
from service_kit.http import Router

router = Router(tags=["features"])


@router.post("/customers/{customer_id}/features", status_code=201, dependencies=WRITE, summary="Add a feature")
async def post_feature(customer_id: Id, body: NewFeature, request: Request, response: Response) -> FeatureState:
    feature = await use.add_feature(customer_id, body.order(), principal(request))
    response.headers["Location"] = f"/features/{feature.feature_id}"
    return _answer(response, feature)


@router.get("/customers/{customer_id}/features", dependencies=READ, summary="A customer's features and call plans")
async def get_features(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[FeatureState]:
    found = await use.list_features(customer_id, after=after, limit=limit)
    return page(found, limit, _view, lambda feature: feature.feature_id)


@router.get("/features/{feature_id}", dependencies=READ, summary="A feature, or a number's call plan")
async def get_feature(feature_id: Id, response: Response) -> FeatureState:
    return _answer(response, await use.get_feature(feature_id))


@router.put("/features/{feature_id}", dependencies=WRITE, summary="Change the details that are sent")
async def put_feature(
    feature_id: Id,
    body: Annotated[FeatureChange, Sent(openapi_examples=FEATURE_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> FeatureState:
    """Of a call plan only the words and the end: its number is then not active until another call plan begins."""
    feature = await use.change_feature(
        feature_id, body.given(), expected=expected_version(if_match, needed=True), actor=principal(request)
    )
    return _answer(response, feature)


@router.post("/features/{feature_id}/end", dependencies=WRITE, summary="End a feature with its charges")
async def end_feature(
    feature_id: Id, body: Ending, request: Request, response: Response, if_match: IfMatch = None
) -> FeatureState:
    feature = await use.change_feature(
        feature_id, {"end": body.on}, expected=expected_version(if_match), actor=principal(request)
    )
    return _answer(response, feature)


@router.delete(
    "/features/{feature_id}", status_code=204, dependencies=WRITE, summary="Remove a feature added by mistake"
)
async def delete_feature(feature_id: Id, request: Request, if_match: IfMatch = None) -> None:
    """As if it had never been there: what was charged for it is refunded."""
    await use.remove_feature(feature_id, expected=expected_version(if_match), actor=principal(request))


def _answer(response: Response, feature: Feature) -> FeatureState:
    tag(response, feature.version)
    return _view(feature)


def _view(feature: Feature) -> FeatureState:
    return feature_state(FeatureState, feature)
