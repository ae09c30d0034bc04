"""Reports about customers, in pages and as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from contracts.base import Amount, Instant, Money
from customers.api import csvs, cursors
from customers.api.bodies import Limit
from customers.api.cards import NamedView
from customers.api.cursors import Cursor
from customers.domain.accounts import Part, Standing
from customers.domain.reports import CreditAsked, CreditRow, CreditSort, NotReady, ReadyAsked, ReadySort, WithoutTariff
from customers.service import reports as use
from customers.service.reports import Read, all_pages
from money.rounding import to_pennies
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["reports"])
READ = [scope("customers:read")]
Direction = Literal["asc", "desc"]
_Row = TypeVar("_Row")
_View = TypeVar("_View", bound=BaseModel)
_NONE: list[Standing] = []


class ReportPage(BaseModel, Generic[_View]):
    """A page of a report; `next` is the `after` of the next one, null on the last."""

    items: list[_View]
    next: str | None


class CreditView(NamedView):
    """SPEC C13: a customer's account. Pounds with VAT; null is what is not known yet, and stands in `not_known`."""

    credit_limit: Money | None
    currency: str
    balance: Money | None = Field(description="approved invoices less credit notes and payments")
    unbilled_usage: Money | None = Field(description="with the VAT of the customer's rate of today")
    unbilled_charges: Money | None = Field(description="charges on no approved invoice, as invoicing tells")
    exposure: Money | None = Field(description="what of the three is known, together")
    headroom: Money | None = Field(description="the limit less the exposure; negative where it is passed")
    used_percent: Amount | None = Field(description="of the limit, to two places; null of a limit of 0.00")
    standing: Standing = Field(description="near is from 80 %, over is above the limit; unknown is a limit alone")
    not_known: tuple[Part, ...] = Field(description="what is missing in the exposure")
    unbilled_as_of: Instant | None = Field(description="when rating told of the usage")


class NotReadyView(NamedView):
    """A customer that cannot be invoiced until what is missing is entered."""

    missing: tuple[str, ...]
    created_on: date
    invoiced: bool = Field(description="whether one of its latest known invoices has a number")


class WithoutTariffView(NamedView):
    """A number whose calls rating's default tariffs decide about, but for those of the classes in `covered`."""

    number_id: int
    number: str
    number_type: str
    label: str
    start: date
    end: date | None
    covered: tuple[str, ...] = Field(description="call classes that have a tariff of the number or the customer")


async def credit_asked(
    standing: Annotated[
        list[Standing], Query(description="one of these; all where none is named", examples=[["over", "near"]])
    ] = _NONE,
    sort: CreditSort = "customer_id",
    direction: Direction = "asc",
) -> CreditAsked:
    """Who is wanted, in which order."""
    return CreditAsked(tuple(dict.fromkeys(standing)), sort, direction == "desc")


async def ready_asked(sort: ReadySort = "customer_id", direction: Direction = "asc") -> ReadyAsked:
    """In which order."""
    return ReadyAsked(sort, direction == "desc")


_Credit = Annotated[CreditAsked, Depends(credit_asked)]
_Ready = Annotated[ReadyAsked, Depends(ready_asked)]
_Partly = Annotated[bool, Query(description="false: leave out those that have a tariff for some call classes")]


@router.get("/reports/credit-limit", dependencies=READ, summary="Every customer and its credit limit")
async def get_credit_limit(asked: _Credit, limit: Limit = 100, after: Cursor = None) -> ReportPage[CreditView]:
    """Unbilled usage counts with VAT. Figures are as invoicing and rating last told; what they have not is null. Sorted
    by `headroom`, customers without a limit come behind all others; by `balance`, one that is not known counts as 0."""
    place = cursors.read(after, repr(asked), int if asked.sort == "customer_id" else Decimal)
    found = await use.credit(asked)(place, limit)
    return ReportPage(
        items=[CreditView(**_credit(each.row)) for each in found], next=cursors.next_of(found, limit, repr(asked))
    )


@router.get(
    "/reports/credit-limit.csv",
    dependencies=READ,
    summary="The same as CSV",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_credit_limit_csv(asked: _Credit) -> StreamingResponse:
    return await _csv("credit-limit", CreditView, use.credit(asked), _credit)


@router.get("/reports/not-ready", dependencies=READ, summary="Customers not ready for a first invoice")
async def get_not_ready(asked: _Ready, limit: Limit = 100, after: Cursor = None) -> ReportPage[NotReadyView]:
    """All that lack something, but for those that are dropped; who lacks it is parked by billing runs."""
    place = cursors.read(after, repr(asked), int if asked.sort == "customer_id" else str)
    found = await use.not_ready(asked)(place, limit)
    return ReportPage(
        items=[NotReadyView(**_not_ready(each.row)) for each in found], next=cursors.next_of(found, limit, repr(asked))
    )


@router.get(
    "/reports/not-ready.csv",
    dependencies=READ,
    summary="The same as CSV",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_not_ready_csv(asked: _Ready) -> StreamingResponse:
    return await _csv("not-ready", NotReadyView, use.not_ready(asked), _not_ready)


@router.get("/reports/numbers-without-tariff", dependencies=READ, summary="Numbers that fall to the default tariffs")
async def get_without_tariff(
    with_partly: _Partly = True, limit: Limit = 100, after: Cursor = None
) -> ReportPage[WithoutTariffView]:
    """Open numbers, by customer, where neither the number nor its customer has a tariff for all call classes. Rating
    prices their calls by the default tariff of the source and number type, of the number type, or of the system, and by
    markups where that has no rate. Which defaults there are only rating knows: `GET /default-tariffs` there."""
    place = cursors.read(after, f"{with_partly}", int)
    found = await use.without_tariff(with_partly=with_partly)(place, limit)
    following = cursors.next_of(found, limit, f"{with_partly}")
    return ReportPage(items=[WithoutTariffView(**_without_tariff(each.row)) for each in found], next=following)


@router.get(
    "/reports/numbers-without-tariff.csv",
    dependencies=READ,
    summary="The same as CSV",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_without_tariff_csv(with_partly: _Partly = True) -> StreamingResponse:
    return await _csv(
        "numbers-without-tariff", WithoutTariffView, use.without_tariff(with_partly=with_partly), _without_tariff
    )


async def _csv(
    name: str, view: type[BaseModel], read: Read[_Row], shown: Callable[[_Row], dict[str, Any]]
) -> StreamingResponse:
    """A report as a file. The first page is read before the answer begins, so that an error is still told as one."""
    columns = list(view.model_fields)
    pages = all_pages(read)
    nothing: list[_Row] = []
    first = await anext(pages, nothing)

    def cells(rows: list[_Row]) -> Iterable[list[Any]]:
        return ([each[column] for column in columns] for each in map(shown, rows))

    async def parts() -> AsyncIterator[Iterable[list[Any]]]:
        yield cells(first)
        async for page in pages:
            yield cells(page)

    return csvs.answer(name, columns, parts())


def _credit(row: CreditRow) -> dict[str, Any]:
    used = row.account.used_percent
    own = {name: getattr(row.account, name) for name in _OF_ACCOUNT}
    return {**vars(row.customer), **own, "used_percent": None if used is None else to_pennies(used)}


_OF_ACCOUNT = tuple(name for name in CreditView.model_fields if name not in NamedView.model_fields)


def _not_ready(row: NotReady) -> dict[str, Any]:
    return {**vars(row.customer), **vars(row)}


def _without_tariff(row: WithoutTariff) -> dict[str, Any]:
    return {**vars(row.customer), **vars(row)}
