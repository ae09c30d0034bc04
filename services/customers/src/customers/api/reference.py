"""Reference lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body as Sent
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field

from contracts.base import Code
from contracts.reference import ReferenceUpdated
from customers.api.bodies import Limit, ListOrder, ReferenceEntry
from customers.api.bodies.reference import ENTRY_EXAMPLES
from customers.api.customers import IfMatch
from customers.api.views import expected_version, tag
from customers.domain.events import reference_updated
from customers.domain.reference import Entry
from customers.service import reference as use
from customers.service.reference import UsedEntry
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["reference lists"])
READ = [scope("reference:read")]
WRITE = [scope("reference:write")]
_LIST, _ONE = "/reference/{list_name}", "/reference/{list_name}/{code}"
_List = Annotated[str, Path(max_length=64, examples=["payment_methods"])]
_CodeOf = Annotated[Code, Path(examples=["direct_debit"])]


class EntryView(ReferenceUpdated):
    """An entry of a list, with its place in it."""

    position: int = Field(description="lower ones are shown first, equal ones by code")


class Uses(BaseModel):
    """How much an entry is used now; what has ended is not counted."""

    customers: int
    numbers: int
    features: int
    charges: int = Field(description="with a VAT rate of their own")
    default_sets: int
    entries: int = Field(description="of reference lists that name it")


class UsedEntryView(EntryView):
    """An entry, and how much it is used."""

    uses: Uses


class ReferencePage(BaseModel):
    """Entries of reference lists in the order in which they are shown; `next` is the `after` of the next page."""

    items: list[EntryView]
    next: str | None = None


@router.get("/reference", dependencies=READ, summary="All entries of all lists")
async def get_reference() -> ReferencePage:
    return ReferencePage(items=[_view(entry) for entry in await use.list_entries()])


@router.get(_LIST, dependencies=READ, summary="The entries of a list")
async def get_list(
    list_name: _List,
    retired: Annotated[bool | None, Query(description="only those that are, or are not; both unless given")] = None,
    q: Annotated[str, Query(max_length=100, description="a part of the code or name, in any case")] = "",
    limit: Limit = 1000,
    after: Annotated[Code | None, Query(description="the `next` of the page before")] = None,
) -> ReferencePage:
    found = await use.page_of_list(list_name, retired=retired, text=q, after=after, limit=limit)
    return ReferencePage(items=[_view(entry) for entry in found], next=found[-1].code if len(found) == limit else None)


@router.get(_ONE, dependencies=READ, summary="An entry, and how much it is used")
async def get_entry(list_name: _List, code: _CodeOf, response: Response) -> UsedEntryView:
    return _used(await use.get_entry(list_name, code), response)


@router.put(_ONE, dependencies=WRITE, summary="Add an entry, or change it")
async def put_entry(
    list_name: _List,
    code: _CodeOf,
    body: Annotated[ReferenceEntry, Sent(openapi_examples=ENTRY_EXAMPLES)],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> EntryView:
    """`If-Match` is needed for an entry that is there, not for a new one. Every change reaches the other services."""
    use.check_list(list_name)
    entry = await use.save_entry(
        body.edit(list_name, code),
        expected=expected_version(if_match),
        seen=if_match is not None,
        actor=principal(request),
        price_from=body.valid_from,
    )
    tag(response, entry.version)
    return _view(entry)


@router.delete(_ONE, dependencies=WRITE, summary="Retire an entry: it can be chosen no more")
async def delete_entry(
    list_name: _List, code: _CodeOf, request: Request, response: Response, if_match: IfMatch = None
) -> UsedEntryView:
    """SPEC C4: who has it keeps it. It is retired also where nobody has it: what was billed with it names it."""
    return await _retired(True, list_name, code, request, response, if_match)


@router.post(f"{_ONE}/restore", dependencies=WRITE, summary="Let a retired entry be chosen again")
async def restore_entry(
    list_name: _List, code: _CodeOf, request: Request, response: Response, if_match: IfMatch = None
) -> UsedEntryView:
    return await _retired(False, list_name, code, request, response, if_match)


@router.post(f"{_LIST}/order", dependencies=WRITE, summary="Show a list in another order")
async def order_list(
    list_name: _List,
    body: Annotated[ListOrder, Sent(openapi_examples={"first": {"value": {"codes": ["card", "direct_debit"]}}})],
    request: Request,
) -> ReferencePage:
    return ReferencePage(
        items=[_view(entry) for entry in await use.order_list(list_name, body.codes, principal(request))]
    )


async def _retired(
    retired: bool, list_name: str, code: str, request: Request, response: Response, if_match: str | None
) -> UsedEntryView:
    expected = expected_version(if_match)
    return _used(
        await use.retire_entry(list_name, code, retired=retired, expected=expected, actor=principal(request)), response
    )


def _view(entry: Entry) -> EntryView:
    return EntryView(**vars(reference_updated(entry)), position=entry.position)


def _used(found: UsedEntry, response: Response) -> UsedEntryView:
    tag(response, found.entry.version)
    return UsedEntryView(**vars(_view(found.entry)), uses=Uses(**found.uses))
