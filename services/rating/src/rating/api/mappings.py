"""Mappings of suppliers' CSV files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from rating.api.views import Page
from rating.domain.mapping import CdrMapping
from rating.service import mappings as use
from rating.store.mappings import NamedMapping
from service_kit.auth import principal, scope

router = APIRouter(tags=["mappings"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class MappingView(CdrMapping):
    """A mapping with its name; its version grows with every change."""

    name: str
    version: int


@router.get("/mappings", dependencies=READ, summary="All mappings")
async def get_mappings() -> Page[MappingView]:
    return Page(items=[_view(each) for each in await use.list_mappings()])


@router.get("/mappings/{name}", dependencies=READ, summary="A mapping")
async def get_mapping(name: str) -> MappingView:
    return _view(await use.get_mapping(name))


@router.put("/mappings/{name}", dependencies=WRITE, summary="Add a mapping, or change it")
async def put_mapping(name: Name, body: CdrMapping, request: Request) -> MappingView:
    return _view(await use.save_mapping(name, body, principal(request)))


def _view(named: NamedMapping) -> MappingView:
    return MappingView(name=named.name, version=named.version, **named.mapping.model_dump())
