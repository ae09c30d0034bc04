"""Reference lists."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from contracts.reference import ReferenceUpdated
from customers.api.bodies import ReferenceEntry
from customers.api.customers import IfMatch
from customers.api.views import ReferencePage, expected_version, tag
from customers.domain.events import reference_updated
from customers.service import reference as use
from service_kit.auth import principal, scope

router = APIRouter(tags=["reference lists"])
READ = [scope("reference:read")]
WRITE = [scope("reference:write")]


@router.get("/reference", dependencies=READ, summary="All entries of all lists")
async def get_reference() -> ReferencePage:
    return ReferencePage(items=[reference_updated(entry) for entry in await use.list_entries()])


@router.get("/reference/{list_name}", dependencies=READ, summary="The entries of a list")
async def get_list(list_name: str) -> ReferencePage:
    return ReferencePage(items=[reference_updated(entry) for entry in await use.list_entries(list_name)])


@router.get("/reference/{list_name}/{code}", dependencies=READ, summary="An entry")
async def get_entry(list_name: str, code: str, response: Response) -> ReferenceUpdated:
    entry = await use.get_entry(list_name, code)
    tag(response, entry.version)
    return reference_updated(entry)


@router.put("/reference/{list_name}/{code}", dependencies=WRITE, summary="Add an entry, or replace it")
async def put_entry(
    list_name: str, code: str, body: ReferenceEntry, request: Request, response: Response, if_match: IfMatch = None
) -> ReferenceUpdated:
    use.check_list(list_name)
    entry = await use.save_entry(
        body.entry(list_name, code),
        expected=expected_version(if_match),
        actor=principal(request),
        price_from=body.valid_from,
    )
    tag(response, entry.version)
    return reference_updated(entry)
