"""Default value sets, and the form for a new customer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body as Sent
from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from contracts.base import Id
from customers.api.bodies import After, DefaultSetBody, FormSoFar, Limit
from customers.api.bodies.default_sets import FORM_EXAMPLES, SET_EXAMPLES
from customers.api.customers import READ, IfMatch
from customers.api.views import Page, WarningView, expected_version, page, tag, view_warnings
from customers.domain.default_sets import DefaultSet, Start, as_json
from customers.service import default_sets as use
from service_kit.auth import principal, scope
from service_kit.http import Router, repeatable

router = Router(tags=["default value sets"])
WRITE = [scope("reference:write")]
_SETS, _ONE = "/default-sets", "/default-sets/{set_id}"
_Set = Annotated[DefaultSetBody, Sent(openapi_examples=SET_EXAMPLES)]


class DefaultSetView(BaseModel):
    """A set; of the values only those that it fills."""

    set_id: int
    version: int
    name: str
    is_default: bool
    values: dict[str, Any] = Field(description="fields of a customer, as they are sent")


class StartView(BaseModel):
    """What a form starts or goes on with; values that are absent are empty in the form."""

    values: FormSoFar
    default_set: int | None = Field(description="the set that was loaded")
    warnings: list[WarningView] = Field(description="what of the set was left out, as it was retired since")


@router.get(
    "/customers/new",
    dependencies=READ,
    summary="What the form for a new customer starts with",
    response_model=StartView,
)
async def get_form(
    chosen: Annotated[Id | None, Query(alias="set", description="the default set unless given")] = None,
) -> JSONResponse:
    """SPEC C3: the defaults of the reference lists, and on top of them the values of the set."""
    return _start(await use.start_form(chosen))


@router.get(_SETS, dependencies=READ, summary="Default value sets")
async def get_sets(limit: Limit = 100, after: After = 0) -> Page[DefaultSetView]:
    return page(await use.list_sets(after=after, limit=limit), limit, _view, lambda each: each.set_id)


@router.post(_SETS, status_code=201, dependencies=WRITE, summary="Add a set")
async def post_set(body: _Set, request: Request, response: Response) -> DefaultSetView:
    made = await use.add_set(body.name, body.is_default, body.values.given(), principal(request))
    response.headers["Location"] = f"/default-sets/{made.set_id}"
    tag(response, made.version)
    return _view(made)


@router.get(_ONE, dependencies=READ, summary="A set")
async def get_set(set_id: Id, response: Response) -> DefaultSetView:
    found = await use.get_set(set_id)
    tag(response, found.version)
    return _view(found)


@router.put(_ONE, dependencies=WRITE, summary="Replace a set")
async def put_set(
    set_id: Id, body: _Set, request: Request, response: Response, if_match: IfMatch = None
) -> DefaultSetView:
    changed = await use.change_set(
        set_id,
        body.name,
        body.is_default,
        body.values.given(),
        expected=expected_version(if_match, needed=True),
        actor=principal(request),
    )
    tag(response, changed.version)
    return _view(changed)


@router.delete(_ONE, status_code=204, dependencies=WRITE, summary="Remove a set")
async def delete_set(set_id: Id, request: Request, if_match: IfMatch = None) -> Response:
    await use.remove_set(set_id, expected=expected_version(if_match), actor=principal(request))
    return Response(status_code=204)


@router.post(
    f"{_ONE}/apply",
    dependencies=[*READ, repeatable("nothing is changed")],
    summary="Load a set over a form",
    response_model=StartView,
)
async def apply_set(set_id: Id, body: Annotated[FormSoFar, Sent(openapi_examples=FORM_EXAMPLES)]) -> JSONResponse:
    """SPEC C3: what was typed so far, with the set's values over it. Nothing is stored."""
    return _start(await use.apply_set(set_id, body.given()))


def _view(each: DefaultSet) -> DefaultSetView:
    return DefaultSetView(**{**vars(each), "values": as_json(each.values)})


def _start(start: Start) -> JSONResponse:
    warned = [each.model_dump() for each in view_warnings(start.warnings)]
    shown = {"values": as_json(start.values), "default_set": start.default_set, "warnings": warned}
    return JSONResponse(shown)
