"""What standard features cost from when on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import Body, Path, Query, Request, Response
from pydantic import BaseModel, Field

from contracts.base import Code
from contracts.reference import StandardCharge
from customers.api import bodies
from customers.domain.pricelist import Versions
from customers.domain.prices import EVER, Price
from customers.service import prices as use
from service_kit import clock
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["prices"])
READ = [scope("reference:read")]
WRITE = [scope("reference:write")]
_PRICES = "/reference/standard_features/{code}/prices"
_Code = Annotated[Code, Path(description="of a standard feature", examples=["line_rental"])]


class NewPrice(bodies.Body):
    """What a standard feature costs from a day on, until its next price; a null day is since ever."""

    valid_from: bodies.Day | None
    charges: bodies.Charges


class PriceView(BaseModel):
    """A price, both days included: a null first day is since ever, a null last one until further notice."""

    code: str
    valid_from: date | None
    valid_to: date | None
    state: Literal["past", "current", "scheduled"]
    charges: tuple[StandardCharge, ...]
    increase_id: int | None = Field(description="the increase that made it")


class PricePage(BaseModel):
    """Prices of one standard feature, the oldest first."""

    items: list[PriceView]
    next: date | None


_EXAMPLES = {
    "a price from April": {
        "value": {
            "valid_from": "2026-04-01",
            "charges": [
                {"kind": "recurring", "description": "Line rental", "amount": "17.50", "frequency_months": 1},
                {"kind": "one_off", "description": "Line rental: connection", "amount": "25.00"},
            ],
        }
    }
}


@router.get(_PRICES, dependencies=READ, summary="A standard feature's prices, past, present and scheduled")
async def get_prices(
    code: _Code,
    limit: bodies.Limit = 100,
    after: Annotated[bodies.AnyDay | None, Query(description="the `next` of the page before")] = None,
) -> PricePage:
    found = [view for view in _views(await use.list_prices(code)) if after is None or (view.valid_from or EVER) > after]
    last = found[limit - 1].valid_from or EVER if len(found) > limit else None
    return PricePage(items=found[:limit], next=last)


@router.post(_PRICES, status_code=201, dependencies=WRITE, summary="Set a price from a day on")
async def post_price(
    code: _Code,
    body: Annotated[NewPrice, Body(openapi_examples=_EXAMPLES)],
    request: Request,
) -> PriceView:
    """A price of the same day is replaced. One whose day lies ahead is scheduled: features that start from then on
    take it, and the entry shows it from then on. Charges that customers have do not change."""
    made = await use.add_price(code, body.valid_from, body.charges, principal(request))
    return next(view for view in _views(await use.list_prices(code)) if (view.valid_from or EVER) == made.valid_from)


@router.delete(
    _PRICES + "/{valid_from}", status_code=204, dependencies=WRITE, summary="Take back a price whose day lies ahead"
)
async def delete_price(
    code: _Code, valid_from: Annotated[bodies.AnyDay, Path(examples=["2026-04-01"])], request: Request
) -> Response:
    await use.take_back(code, valid_from, principal(request))
    return Response(status_code=204)


def _views(prices: Versions) -> list[PriceView]:
    today = clock.today()
    ends = [price.valid_from - timedelta(days=1) for price in prices[1:]]
    return [_view(price, end, today) for price, end in zip(prices, [*ends, None], strict=True)]


def _view(price: Price, end: date | None, today: date) -> PriceView:
    state: Literal["past", "current", "scheduled"] = "scheduled" if price.valid_from > today else "current"
    return PriceView(
        code=price.code,
        valid_from=None if price.valid_from == EVER else price.valid_from,
        valid_to=end,
        state="past" if end is not None and end < today else state,
        charges=price.charges,
        increase_id=price.increase_id,
    )
