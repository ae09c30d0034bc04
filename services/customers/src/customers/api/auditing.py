"""The audit log: of a customer, and of what belongs to no customer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from contracts.base import Id
from customers.api import csvs
from customers.api.bodies import After, Limit
from customers.api.customers import READ
from customers.api.views import AuditView, Page, page
from customers.domain.auditing import Asked
from customers.service import auditing as use
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["audit"])
LISTS = [scope("reference:read")]


def _exactly(description: str) -> Any:
    return Query(max_length=200, description=description)


_Order = Annotated[Literal["oldest", "newest"], Query(description="which come first")]


async def _filters(
    entity: Annotated[str | None, _exactly("customer, number, feature ...; reference, default_set, price")] = None,
    entity_id: Annotated[str | None, _exactly("its id; of an entry list/code")] = None,
    field: Annotated[str | None, _exactly("the field that changed; created, removed")] = None,
    actor: Annotated[str | None, _exactly("who changed it")] = None,
    first: Annotated[date | None, Query(alias="from", description="the first local day")] = None,
    last: Annotated[date | None, Query(alias="to", description="the last local day, included")] = None,
    text: Annotated[str, _exactly("a part of the old or new value as JSON, in any case")] = "",
    order: _Order = "oldest",
) -> Asked:
    return Asked(None, entity, entity_id, field, actor, first, last, text, order == "newest")


_Filters = Annotated[Asked, Depends(_filters)]


@router.get("/customers/{customer_id}/audit", dependencies=READ, summary="Who changed what on a customer")
async def get_audit(customer_id: Id, filters: _Filters, limit: Limit = 100, after: After = 0) -> Page[AuditView]:
    """SPEC C19: one item for each field that changed, with its old and new value."""
    return await _page(replace(filters, customer_id=customer_id), limit, after)


@router.get(
    "/customers/{customer_id}/audit.csv",
    dependencies=READ,
    summary="The same as CSV, all of it",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_audit_csv(customer_id: Id, filters: _Filters) -> StreamingResponse:
    return await _file(f"audit-{customer_id}", replace(filters, customer_id=customer_id))


@router.get("/audit", dependencies=LISTS, summary="Who changed reference lists, prices and default value sets")
async def get_lists_audit(filters: _Filters, limit: Limit = 100, after: After = 0) -> Page[AuditView]:
    """SPEC C19: what belongs to no customer."""
    return await _page(filters, limit, after)


@router.get(
    "/audit.csv",
    dependencies=LISTS,
    summary="The same as CSV, all of it",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_lists_audit_csv(filters: _Filters) -> StreamingResponse:
    return await _file("audit", filters)


async def _page(asked: Asked, limit: int, after: int) -> Page[AuditView]:
    found = await use.list_audit(asked, after=after, limit=limit)
    return page(found, limit, AuditView.model_validate, lambda row: row["audit_id"])


async def _file(name: str, asked: Asked) -> StreamingResponse:
    await use.list_audit(asked, after=0, limit=1)  # what is wrong is said before the answer begins
    return csvs.answer(name, list(AuditView.model_fields), _rows(asked))


async def _rows(asked: Asked) -> AsyncIterator[list[list[Any]]]:
    async for found in use.all_audit(asked):
        yield [[_cell(row[name]) for name in AuditView.model_fields] for row in found]


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
