"""Priced calls of customers and numbers: in pages, and as streams of CSV or JSON lines of any length."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from starlette.types import Receive, Scope, Send

from rating.api.calls import CallView, call_of
from rating.api.views import Id, Limit, exact_pounds, pounds
from rating.service import usage as use
from service_kit.auth import scope

router = APIRouter(tags=["usage"])
READ = [scope("rating:read")]
First = Annotated[
    date | None, Query(alias="from", description="local day of the call's start", examples=["2025-01-01"])
]
Last = Annotated[date | None, Query(alias="to", description="local day, included", examples=["2025-01-31"])]
After = Annotated[
    str | None,
    Query(description="the last page's `next`, or the usage id of the last call seen", max_length=80),
]


class UsageView(CallView):
    """A priced call: who pays, by which tariff and prefix, and what. Amounts in pounds, without VAT, exact."""

    revision: int = Field(description="grows when what is said of the call changes", examples=[1])
    customer_id: int = Field(examples=[1204])
    number_id: int = Field(examples=[3771])
    destination: str = Field(examples=["UK Geographic"])
    tariff: str | None = Field(examples=["business-2025"])
    prefix: str | None = Field(description="that answered; empty or null where none did", examples=["44161"])
    step: int = Field(
        description="of the price chain: 1 a rate, 2 a markup, 3 a fallback markup, 0 an unanswered call", examples=[1]
    )
    billed_seconds: int = Field(examples=[78])
    charge: str = Field(examples=["0.156000"])
    cost: str | None = Field(description="what it costs us; null where that is not known", examples=["0.050000"])


class UsagePage(BaseModel):
    """A page of calls in the order of start; `next` is the `after` of the next one, null on the last."""

    items: list[UsageView]
    next: str | None = Field(examples=["2025-01-15_1736933400000000_281474976710700"])


FIELDS = tuple(UsageView.model_fields)
"""Of a call, in the order in which streams have them."""
_ROW: dict[str, Any] = {name: field.examples[0] for name, field in UsageView.model_fields.items() if field.examples}
_STREAM = (
    "Every call between two local days, both included, in the order of start; of any length. A stream that ends early "
    "is broken off, never made to look whole. Answers 503 with Retry-After while too many streams are running."
)
_CSV_EXAMPLE = (
    ",".join(FIELDS) + "\n" + ",".join("" if _ROW[name] is None else str(_ROW[name]) for name in FIELDS) + "\n"
)
_CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line of names, and a line a call. Texts are as suppliers sent them: a spreadsheet may take "
        "one that begins with =, +, - or @ for a formula, so import the columns as text.",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}},
    }
}
_JSON_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON object a line, with the fields of a page's items.",
        "content": {
            "application/jsonl": {
                "schema": {"$ref": "#/components/schemas/UsageView"},
                "example": UsageView.model_construct(**_ROW).model_dump_json(warnings=False) + "\n",
            }
        },
    }
}


class Streamed(StreamingResponse):
    """A stream of usage. Whoever goes away ends it, and its query."""

    def __init__(self, stream: use.UsageStream, media_type: str, name: str) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(stream, media_type=media_type, headers=headers)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


@router.get("/customers/{customer_id}/usage", dependencies=READ, summary="A customer's priced calls")
async def get_usage(
    customer_id: Id, first: First = None, last: Last = None, limit: Limit = 100, after: After = None
) -> UsagePage:
    """In the order of start. For more than a few pages use the streams."""
    rows, cursor = await use.list_usage(customer_id, first, last, after=after, limit=limit)
    return UsagePage(items=[_usage(row) for row in rows], next=cursor)


@router.get(
    "/customers/{customer_id}/usage.csv",
    dependencies=READ,
    summary="A customer's priced calls as CSV",
    description=_STREAM,
    response_class=StreamingResponse,
    responses=_CSV,
)
async def get_customer_csv(customer_id: Id, first: First = None, last: Last = None) -> Streamed:
    stream = await use.stream_customer(customer_id, first, last, "csv", FIELDS)
    return Streamed(stream, "text/csv; header=present", f"usage-of-customer-{customer_id}.csv")


@router.get(
    "/customers/{customer_id}/usage.jsonl",
    dependencies=READ,
    summary="A customer's priced calls as JSON lines",
    description=_STREAM,
    response_class=StreamingResponse,
    responses=_JSON_LINES,
)
async def get_customer_jsonl(customer_id: Id, first: First = None, last: Last = None) -> Streamed:
    stream = await use.stream_customer(customer_id, first, last, "jsonl", FIELDS)
    return Streamed(stream, "application/jsonl", f"usage-of-customer-{customer_id}.jsonl")


@router.get(
    "/numbers/{number_id}/usage.csv",
    dependencies=READ,
    summary="A number's priced calls as CSV",
    description=_STREAM,
    response_class=StreamingResponse,
    responses=_CSV,
)
async def get_number_csv(number_id: Id, first: First = None, last: Last = None) -> Streamed:
    stream = await use.stream_number(number_id, first, last, "csv", FIELDS)
    return Streamed(stream, "text/csv; header=present", f"usage-of-number-{number_id}.csv")


@router.get(
    "/numbers/{number_id}/usage.jsonl",
    dependencies=READ,
    summary="A number's priced calls as JSON lines",
    description=_STREAM,
    response_class=StreamingResponse,
    responses=_JSON_LINES,
)
async def get_number_jsonl(number_id: Id, first: First = None, last: Last = None) -> Streamed:
    stream = await use.stream_number(number_id, first, last, "jsonl", FIELDS)
    return Streamed(stream, "application/jsonl", f"usage-of-number-{number_id}.jsonl")


def _usage(row: RowMapping) -> UsageView:
    amounts = {"charge": exact_pounds(row["charge_micro"]), "cost": pounds(row["cost_micro"])}
    return UsageView(**{**row, **call_of(row), **amounts})
