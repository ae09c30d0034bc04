"""QuickSearch: a list of customers by criteria, sorted, in pages or as CSV (SPEC F2)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import AsyncIterator, Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, PlainSerializer

from contracts.base import Money
from customers.api import csvs
from customers.api.bodies import Day
from customers.domain.listing import Counted, Criteria, ListRow, Order, Place, SortField
from customers.service import listing as use
from service_kit.auth import scope
from service_kit.http import Invalid

router = APIRouter(tags=["search"])
READ = [scope("customers:read")]


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("a text cannot have the character NUL")
    return value


_Codes = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Query(max_length=100, description="codes, of which one must be the customer's; an empty one is for none"),
]
_Part = Annotated[str, Query(max_length=200, description="any part, from 3 characters; fewer: how it begins")]
_Pounds = Annotated[Decimal, Query(ge=-(10**12), le=10**12, decimal_places=2, examples=["100.00"])]
_EMPTY: list[str] = []


async def criteria(
    account_manager: _Codes = _EMPTY,
    billing_cycle: _Codes = _EMPTY,
    payment_method: _Codes = _EMPTY,
    status: _Codes = _EMPTY,
    bill_style: _Codes = _EMPTY,
    vat_rate: _Codes = _EMPTY,
    tariff: _Codes = _EMPTY,
    name: _Part = "",
    company_name: _Part = "",
    account_number: _Part = "",
    number: Annotated[str, Query(max_length=40, description="a phone number or a part of one, in any spelling")] = "",
    balance_from: _Pounds | None = None,
    balance_to: _Pounds | None = None,
    balance: Annotated[Literal["owes", "in_credit", "zero"] | None, Query()] = None,
    created_from: Day | None = None,
    created_to: Day | None = None,
    credit_limit_over: _Pounds | None = None,
    has_email: bool | None = None,
    incomplete: bool | None = None,
) -> Criteria:
    """The criteria of the form; all that is given must hold."""
    return Criteria(
        account_manager=tuple(account_manager),
        billing_cycle=tuple(billing_cycle),
        payment_method=tuple(payment_method),
        status=tuple(status),
        bill_style=tuple(bill_style),
        vat_rate=tuple(vat_rate),
        tariff=tuple(tariff),
        name=name,
        company_name=company_name,
        account_number=account_number,
        number=number,
        balance_from=balance_from,
        balance_to=balance_to,
        balance=balance,
        created_from=created_from,
        created_to=created_to,
        credit_limit_over=credit_limit_over,
        has_email=has_email,
        incomplete=incomplete,
    )


async def order(
    sort: Annotated[SortField, Query(description="the column to sort by")] = "name",
    direction: Literal["asc", "desc"] = "asc",
) -> Order:
    """How the list is sorted; customers with equal values by their ids."""
    return Order(sort, direction == "desc")


class ListItem(BaseModel, from_attributes=True):
    """A customer as a line of the list; what it has no value for is null. A positive balance is owed."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    status: str
    status_name: str
    status_colour: str | None
    account_manager: str | None
    billing_cycle: str | None
    payment_method: str | None
    vat_rate: str | None
    bill_style: str | None
    tariff: str | None
    credit_limit: Annotated[Decimal, PlainSerializer(lambda value: format(value, ".2f"), return_type=str)] | None
    balance: Money
    created_on: date
    has_email: bool
    incomplete: bool


class ListAnswer(BaseModel):
    """A page; `next` is the `after` of the next one. Of more than 1,000 customers `total` is 1,000 and not exact."""

    items: list[ListItem]
    next: str | None
    total: int
    total_is_exact: bool


@router.get("/customers/search", dependencies=READ, summary="Customers by criteria, sorted", response_model=ListAnswer)
async def search_customers(
    wanted: Annotated[Criteria, Depends(criteria)],
    by: Annotated[Order, Depends(order)],
    limit: Annotated[int, Query(ge=1, le=500, description="the most items")] = 50,
    after: Annotated[str | None, Query(max_length=4_000, description="the `next` of the page before")] = None,
) -> Response:
    place, total = (None, None) if after is None else _read_cursor(after, wanted, by)
    page = await use.list_customers(wanted, by, after=place, limit=limit, total=total)
    answer = ListAnswer(
        items=[ListItem.model_validate(row) for row in page.rows],
        next=None if page.next is None else _cursor(page.next, page.total, wanted, by),
        total=page.total.count,
        total_is_exact=page.total.exact,
    )
    return Response(answer.model_dump_json(), media_type="application/json")


_COLUMNS = tuple(ListItem.model_fields)


@router.get(
    "/customers/search.csv",
    dependencies=READ,
    summary="All of them as CSV",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def export_customers(
    wanted: Annotated[Criteria, Depends(criteria)], by: Annotated[Order, Depends(order)]
) -> StreamingResponse:
    pages = use.export_customers(wanted, by)
    first = await anext(pages)  # what is wrong with the criteria is told before the file begins
    return csvs.answer("customers", _COLUMNS, _all(first, pages))


async def _all(first: list[ListRow], others: AsyncIterator[list[ListRow]]) -> AsyncIterator[Iterable[list[Any]]]:
    yield map(_cells, first)
    async for page in others:
        yield map(_cells, page)


def _cells(row: ListRow) -> list[Any]:
    return [getattr(row, name) for name in _COLUMNS]


def _cursor(place: Place, total: Counted, wanted: Criteria, by: Order) -> str:
    value = place.value.isoformat() if isinstance(place.value, date) else str(place.value)
    said = [_mark(wanted, by), value, place.customer_id, total.count, total.exact]
    return base64.urlsafe_b64encode(json.dumps(said, ensure_ascii=False).encode()).decode().rstrip("=")


def _read_cursor(text: str, wanted: Criteria, by: Order) -> tuple[Place, Counted]:
    try:
        padded = text + "=" * (-len(text) % 4)
        mark, value, customer_id, count, exact = json.loads(base64.urlsafe_b64decode(padded))
        if mark != _mark(wanted, by):
            raise ValueError
        return Place(_typed(value, by), int(customer_id)), Counted(int(count), bool(exact))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        message = "is not the `next` of a page of this search: begin again without it"
        raise Invalid(f"after: {message}", errors=[{"field": "after", "message": message}]) from None


def _mark(wanted: Criteria, by: Order) -> int:
    """What a place of one search is told from that of another by."""
    return zlib.crc32(repr((wanted, by)).encode("utf-8", "surrogatepass"))


def _typed(value: str, by: Order) -> str | Decimal | date:
    if by.field == "created_on":
        return date.fromisoformat(value)
    return Decimal(value) if by.field in ("credit_limit", "balance") else _storable(value)
