"""Discount plans, and what customers have used of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Body, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import RowMapping

from contracts.base import Amount, Money
from rating.api.views import Code, Id, Limit, exact_pounds
from rating.service import discounting
from rating.service import plans as use
from service_kit.auth import principal, scope
from service_kit.http import Invalid, Router

router = Router(tags=["discount plans"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
PlanCode = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["MOBILE-500"])]
IfMatch = Annotated[str | None, Header(alias="If-Match", description='the ETag of the version you changed, or "*"')]
Month = Annotated[str, Query(pattern=r"^(20\d\d)-(0[1-9]|1[0-2])$", examples=["2025-01"])]
Quantity = Annotated[Amount, Field(ge=Decimal(0), le=Decimal(1_000_000_000), decimal_places=6)]
Price = Annotated[Amount, Field(ge=Decimal(0), le=Decimal(10_000), decimal_places=6)]
Cap = Annotated[Money, Field(ge=Decimal(0), le=Decimal(1_000_000_000))]
COUNTED_IN = {"minutes": "seconds", "calls": "calls", "megabytes": "bytes", "cash": "GBP"}
_EXAMPLE: dict[str, Any] = {
    "name": "500 minutes or £50",
    "pools": [
        {
            "name": "minutes",
            "unit": "minutes",
            "quantity": "500",
            "call_classes": ["Local", "National", "Mobile"],
            "bands": [],
            "shared": True,
            "beyond_price": "0.03",
        }
    ],
    "monthly_cap": "50.00",
    "prorated": False,
    "retired": False,
}
_VIEW = {"code": "MOBILE-500", "version": 1, **_EXAMPLE}


class PoolBody(BaseModel):
    """What is included each calendar month; of empty lists of classes or bands all count.

    Minutes are of voice calls, megabytes (of 1,000,000 bytes) of data, calls of anything: a call or a data session
    draws 1, messages what they are. Cash is without VAT. A pool that is not shared is there for each number.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="draws are kept under it")
    unit: Literal["minutes", "calls", "megabytes", "cash"]
    quantity: Quantity
    call_classes: list[Code] = Field(default=[], max_length=200)
    bands: list[Literal["peak", "offpeak", "weekend"]] = Field(default=[], max_length=3)
    shared: bool = True
    beyond_price: Price | None = Field(
        default=None, description="price of a minute, message or megabyte beyond it; null: the tariff's"
    )


class PlanBody(BaseModel):
    """A discount plan (SPEC R7). Customers, numbers and features have it from day to day, by its code.

    `monthly_cap` is what it is worth at most in a month, without VAT: with it reached the pools are used up too. It and
    the pools are filled as often as the plan is had; `prorated`, by its share of the month's days.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    pools: list[PoolBody] = Field(min_length=1, max_length=20)
    monthly_cap: Cap | None = None
    prorated: bool = False
    retired: bool = Field(default=False, description="not to be given any more; who has it keeps it")

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> PlanBody:
        names = [pool.name for pool in self.pools]
        if len(set(names)) < len(names):
            raise ValueError("two pools of a plan have one name: what is drawn is kept under it")
        if any(pool.unit == "cash" and pool.beyond_price is not None for pool in self.pools):
            raise ValueError("a pool of cash has no price beyond it: what it does not pay is charged")
        return self


class PlanView(PlanBody):
    """A discount plan; its version grows with every change."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VIEW]})

    code: str
    version: int


class PlanPage(BaseModel):
    """Plans by code; `next` is the `after` of the next page, null on the last."""

    items: list[PlanView]
    next: str | None = Field(default=None, examples=["MOBILE-500"])


class PoolUseView(BaseModel):
    """One pool in a month. `used` and `left` are in `counted_in`: seconds, calls, bytes or pounds."""

    plan: str = Field(examples=["MOBILE-500"])
    pool: str = Field(description="empty: the plan's monthly cap", examples=["minutes"])
    number_id: int | None = Field(description="null: shared by all numbers", examples=[None])
    counted_in: Literal["seconds", "calls", "bytes", "GBP"] = Field(examples=["seconds"])
    used: str = Field(examples=["18420"])
    provisional: str = Field(description="the part of `used` that no bill or draft has yet", examples=["1260"])
    left: str = Field(examples=["11580"])


class MonthUse(BaseModel):
    """What a customer has used of its plans in a month; provisional until all its calls are billed."""

    customer_id: int = Field(examples=[1042])
    month: str = Field(examples=["2025-01"])
    pools: list[PoolUseView]


class UnknownPlan(BaseModel):
    """A plan that somebody has and that there is not, so calls are billed as if they had none."""

    plan: str = Field(examples=["MOBILE-5OO"])
    customers: int = Field(description="how many have it, or have a number or feature that does", examples=[3])
    first_customers: list[int] = Field(description="ten at the most", examples=[[1042, 1107, 1311]])


class UnknownPlans(BaseModel):
    """All of them, by code."""

    items: list[UnknownPlan]


@router.get("/discount-plans", dependencies=READ, summary="Discount plans")
async def get_discount_plans(
    limit: Limit = 100,
    after: Annotated[str, Query(max_length=64, description="the last page's `next`")] = "",
    with_retired: Annotated[bool, Query(description="also those that are not to be given any more")] = False,
) -> PlanPage:
    items = [_view(row) for row in await use.list_plans(after, limit, with_retired=with_retired)]
    return PlanPage(items=items, next=items[-1].code if len(items) == limit else None)


@router.get("/discount-plans/{code}", dependencies=READ, summary="A discount plan")
async def get_discount_plan(code: PlanCode, response: Response) -> PlanView:
    """Its ETag is for the If-Match of a change."""
    found = _view(await use.get_plan(code))
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.put("/discount-plans/{code}", dependencies=WRITE, summary="Add a discount plan, change or retire it")
async def put_discount_plan(
    code: PlanCode,
    body: Annotated[PlanBody, Body(examples=[_EXAMPLE])],
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> PlanView:
    """For closes that are made from now on; what was billed stays. A change names the version that was seen."""
    told = body.model_dump(mode="json")
    retired = told.pop("retired")
    version = await use.save_plan(code, told, retired=retired, expected=_expected(if_match), actor=principal(request))
    response.headers["ETag"] = f'"{version}"'
    return PlanView(code=code, version=version, **body.model_dump())


@router.get("/reports/unknown-plans", dependencies=READ, summary="Plans that customers have and that there are not")
async def get_unknown_plans() -> UnknownPlans:
    """To be empty before a run: `PUT /discount-plans/{code}` adds one, or correct the customer."""
    return UnknownPlans(items=[UnknownPlan(**row) for row in await use.unknown_plans()])


@router.get("/customers/{customer_id}/discount-plans", dependencies=READ, summary="What is used and left of plans")
async def get_month(customer_id: Id, month: Month) -> MonthUse:
    """The pools of a calendar month. Reads all the month's calls that no bill has."""
    found = await discounting.pools_of(customer_id, date.fromisoformat(f"{month}-01"))
    return MonthUse(customer_id=customer_id, month=month, pools=[_use(each) for each in found])


def _view(row: RowMapping) -> PlanView:
    return PlanView.model_validate({**row["plan"], "version": row["version"], "retired": row["retired"]})


def _use(told: discounting.PoolUse) -> PoolUseView:
    def words(amount: int) -> str:
        return exact_pounds(amount) if told.unit == "cash" else str(amount)

    return PoolUseView(
        plan=told.plan,
        pool=told.pool,
        number_id=told.number_id,
        counted_in=COUNTED_IN[told.unit],  # type: ignore[arg-type]
        used=words(told.used),
        provisional=words(told.provisional),
        left=words(told.left),
    )


def _expected(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if text == "*":
        return use.ANY
    if not (text.isascii() and text.isdigit() and int(text)):
        raise Invalid(f'If-Match: {if_match!r} is not an ETag of this service: it looks like "7"')
    return int(text)
