"""Charges on numbers and features."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body as Sent
from fastapi import Request, Response
from pydantic import BaseModel

from contracts.base import Id
from contracts.customers import Charge
from customers.api.bodies import After, Limit
from customers.api.bodies.lines import (
    CHARGE_CHANGE_EXAMPLES,
    CHARGE_EXAMPLES,
    Cancelling,
    ChargeChange,
    NewCharge,
)
from customers.api.customers import READ, WRITE, IfMatch
from customers.api.views import Page, expected_version, page, tag
from customers.service import charges as use
from customers.service.charges import OwnedCharge
from customers.store.numbers import Owner
from service_kit.auth import principal
from service_kit.http import Router

router = Router(tags=["charges"])
New = Annotated[NewCharge, Sent(openapi_examples=CHARGE_EXAMPLES)]


class ChargeView(Charge):
    """A charge and what it is on: a number or a feature; its end is that of what it is on, or before."""

    customer_id: Id
    number_id: Id | None
    feature_id: Id | None


class ChargesView(BaseModel):
    """What stands in the place of a charge that was changed or cancelled: two where it changes on a day, none where
    nothing is left of it."""

    items: list[ChargeView]


@router.get("/numbers/{number_id}/charges", dependencies=READ, summary="The charges of a number")
async def get_number_charges(number_id: Id, limit: Limit = 100, after: After = 0) -> Page[ChargeView]:
    return _page(await use.list_charges(Owner(0, number_id, None)), limit, after)


@router.get("/features/{feature_id}/charges", dependencies=READ, summary="The charges of a feature or call plan")
async def get_feature_charges(feature_id: Id, limit: Limit = 100, after: After = 0) -> Page[ChargeView]:
    return _page(await use.list_charges(Owner(0, None, feature_id)), limit, after)


@router.post("/numbers/{number_id}/charges", status_code=201, dependencies=WRITE, summary="Add a charge to a number")
async def post_number_charge(number_id: Id, body: New, request: Request, response: Response) -> ChargeView:
    return _added(response, await use.add_charge(number_id, None, body.order(), principal(request)))


@router.post("/features/{feature_id}/charges", status_code=201, dependencies=WRITE, summary="Add a charge to a feature")
async def post_feature_charge(feature_id: Id, body: New, request: Request, response: Response) -> ChargeView:
    return _added(response, await use.add_charge(None, feature_id, body.order(), principal(request)))


@router.get("/charges/{charge_id}", dependencies=READ, summary="A charge")
async def get_charge(charge_id: Id, response: Response) -> ChargeView:
    """The ETag is that of the number or feature it is on."""
    found = await use.get_charge(charge_id)
    tag(response, found.version)
    return _view(found)


@router.put("/charges/{charge_id}", dependencies=WRITE, summary="Change a charge, from a day on or as a correction")
async def put_charge(
    charge_id: Id,
    body: Annotated[ChargeChange, Sent(openapi_examples=CHARGE_CHANGE_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> ChargesView:
    """With `from` the charge ends the day before and another begins, in the same periods; on the charge's first day
    or earlier another takes its place. Without it the charge is corrected: that acts on days not charged yet."""
    expected = expected_version(if_match, needed=True)
    found = await use.change_charge(
        charge_id, body.changes(), body.first_day, expected=expected, actor=principal(request)
    )
    if found:
        tag(response, found[0].version)
    return _all(found)


@router.post("/charges/{charge_id}/cancel", dependencies=WRITE, summary="Cancel a charge from a day on")
async def cancel_charge(charge_id: Id, body: Cancelling, request: Request) -> ChargesView:
    """A recurring charge ends the day before. What has not begun by that day is as if it had never been there: what was
    charged for it is refunded."""
    return _all(await use.cancel_charge(charge_id, body.first_day, principal(request)))


def _page(found: list[OwnedCharge], limit: int, after: int) -> Page[ChargeView]:
    return page(use.in_page(found, after, limit), limit, _view, lambda each: each.charge.charge_id)


def _added(response: Response, owned: OwnedCharge) -> ChargeView:
    response.headers["Location"] = f"/charges/{owned.charge.charge_id}"
    tag(response, owned.version)
    return _view(owned)


def _all(found: list[OwnedCharge]) -> ChargesView:
    return ChargesView(items=[_view(each) for each in found])


def _view(owned: OwnedCharge) -> ChargeView:
    return ChargeView(**vars(owned.owner), **dict(owned.charge))
