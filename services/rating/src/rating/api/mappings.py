"""Mappings of suppliers' CSV files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import ConfigDict

from rating.api.views import Page
from rating.domain.mapping import CdrMapping
from rating.service import mappings as use
from rating.store.mappings import NamedMapping
from service_kit.auth import principal, scope

router = APIRouter(tags=["mappings"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["northstar"])]
_EXAMPLE: dict[str, Any] = {
    "description": "Northstar, daily",
    "header": ["Kind", "Id", "From", "To", "Date", "Time", "Length", "Cost"],
    "columns": {
        "call_type": "Kind",
        "record_id": ["Date", "Id"],
        "charged_number": "From",
        "other_party": "To",
        "date": "Date",
        "time": "Time",
        "duration": "Length",
        "cdr_cost": "Cost",
    },
    "call_types": {"OUT": {"service_type": "voice", "direction": "outbound"}},
    "duration_unit": "hh:mm:ss",
    "cost_unit": "pence",
    "empty_when_zero": ["cdr_cost"],
}
NewMapping = Annotated[CdrMapping, Body(examples=[_EXAMPLE])]


class MappingView(CdrMapping):
    """A mapping with its name; its version grows with every change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "northstar", "version": 1, **_EXAMPLE}]})

    name: str
    version: int


@router.get("/mappings", dependencies=READ, summary="All mappings")
async def get_mappings() -> Page[MappingView]:
    return Page(items=[_view(each) for each in await use.list_mappings()])


@router.get("/mappings/{name}", dependencies=READ, summary="A mapping")
async def get_mapping(name: str) -> MappingView:
    return _view(await use.get_mapping(name))


@router.put("/mappings/{name}", dependencies=WRITE, summary="Add a mapping, or change it")
async def put_mapping(name: Name, body: NewMapping, request: Request) -> MappingView:
    return _view(await use.save_mapping(name, body, principal(request)))


def _view(named: NamedMapping) -> MappingView:
    return MappingView(name=named.name, version=named.version, **named.mapping.model_dump())
