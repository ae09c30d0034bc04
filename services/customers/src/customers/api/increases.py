"""Bulk increases of standard features."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Body as Sent
from fastapi import Request, Response
from pydantic import AfterValidator, BaseModel, Field

from contracts.base import Amount, Code, Id, Money
from customers.api.bodies import After, Body, Day, Limit, Percent
from customers.api.views import Page, page
from customers.domain.increases import Increase, Kinds, Reach, Scope, State, Step, Terms
from customers.service import increases as use
from customers.service.increases import Preview
from money.rounding import to_pennies
from service_kit.auth import principal, scope
from service_kit.http import Problem, Router

router = Router(tags=["increases"])
READ = [scope("reference:read")]
WRITE = [scope("reference:write"), scope("customers:write")]
LARGEST_POUNDS = Decimal(1_000_000)
PLACES = 4


def _pounds(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    if amount.copy_abs() > LARGEST_POUNDS or not isinstance(exponent, int) or exponent < -PLACES:
        raise ValueError(f"an amount is at most {LARGEST_POUNDS} pounds, with {PLACES} decimal places at most")
    return amount


class ScopeBody(Body):
    """Which standard features: one of the three. Retired ones only by their code."""

    all: bool = False
    codes: Annotated[tuple[Code, ...], Field(max_length=1000)] = ()
    name_prefix: Annotated[str, Field(max_length=200, description="what the name begins with, in any case")] = ""


class NewIncrease(Body):
    """By a percentage, or by an amount (net pounds for one unit; a negative one lowers prices)."""

    scope: ScopeBody
    percentage: Percent | None = None
    amount: Annotated[Amount, AfterValidator(_pounds)] | None = None
    kinds: Kinds = "recurring"
    effective_from: Day
    also_existing: bool = Field(
        default=False, description="customers' recurring charges at the standard price change from that day too"
    )
    dry_run: bool = Field(default=False, description="preview: nothing is changed, the answer has the token")
    token: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="of the preview")

    def terms(self) -> Terms:
        """As the domain takes them."""
        return Terms(
            scope=Scope(self.scope.all, tuple(dict.fromkeys(self.scope.codes)), self.scope.name_prefix),
            effective_from=self.effective_from,
            percentage=self.percentage,
            amount=self.amount,
            kinds=self.kinds,
            also_existing=self.also_existing,
        )


class ChargeStep(BaseModel):
    """A charge of a standard feature, without the increase and with it: net pounds for one unit."""

    kind: Literal["one_off", "recurring"]
    description: str
    frequency_months: int | None
    old: Amount
    new: Amount


class ReachView(BaseModel):
    """What customers have at the standard price on or after the day."""

    customers: int
    features: int
    charges: int
    monthly_difference: Money = Field(description="net pounds a month if they change, rounded once")


class StepView(BaseModel):
    """A standard feature whose price changes."""

    code: str
    name: str
    charges: list[ChargeStep]


class PreviewStep(StepView):
    """The same, with what customers have of it."""

    reach: ReachView


class TermsView(BaseModel):
    """What was asked for."""

    scope: ScopeBody
    percentage: Amount | None
    amount: Amount | None
    kinds: Kinds
    effective_from: date
    also_existing: bool


class PreviewView(TermsView):
    """What an increase would do. Send the same again with the token, and exactly this is done."""

    dry_run: Literal[True] = True
    token: str
    items: list[PreviewStep]
    total: ReachView
    unchanged: tuple[str, ...] = Field(description="in the scope, but without a price that changes")
    warnings: tuple[str, ...]


class IncreaseView(TermsView):
    """An increase and how far it is; counts are of what customers had changed so far."""

    increase_id: int
    state: State
    actor: str
    asked_at: datetime
    token: str
    items: list[StepView]
    customers: int
    features: int
    charges: int


_ASKED = {
    "scope": {"name_prefix": "Line"},
    "percentage": "3.9",
    "kinds": "recurring",
    "effective_from": "2026-04-01",
    "also_existing": True,
}
_EXAMPLES: Any = {
    "a preview": {"value": {**_ASKED, "dry_run": True}},
    "as previewed": {"value": {**_ASKED, "token": "0f4d1c52b1a94c1f8a6b2f0c9d3e7a11"}},
    "50 pence off one": {
        "value": {
            "scope": {"codes": ["broadband"]},
            "amount": "-0.50",
            "effective_from": "2026-04-01",
            "dry_run": True,
        }
    },
}


@router.post(
    "/increases",
    status_code=202,
    dependencies=WRITE,
    summary="Preview a bulk increase, or do what was previewed",
    responses={200: {"model": PreviewView, "description": "a preview: nothing was changed"}},
)
async def post_increase(
    body: Annotated[NewIncrease, Sent(openapi_examples=_EXAMPLES)], request: Request, response: Response
) -> IncreaseView | PreviewView:
    """With `dry_run` it says what would happen, and gives a token; with that token it is done. Where it would no
    longer do the same, the answer is 412: preview again. Customers' charges change in the background."""
    if body.dry_run:
        found = await use.preview_increase(body.terms())
        response.status_code = 200
        return _preview(found)
    if body.token is None:
        detail = "send the same with dry_run first, look at what it would do, and send its token with this"
        raise Problem(428, "precondition-required", "Preview first", detail)
    made = await use.ask_for_increase(body.terms(), body.token, principal(request))
    response.headers["Location"] = f"/increases/{made.increase_id}"
    return _increase(made)


@router.get("/increases", dependencies=READ, summary="Increases, the oldest first")
async def get_increases(limit: Limit = 100, after: After = 0) -> Page[IncreaseView]:
    found = await use.list_increases(after=after, limit=limit)
    return page(found, limit, _increase, lambda each: each.increase_id)


@router.get("/increases/{increase_id}", dependencies=READ, summary="An increase and how far it is")
async def get_increase(increase_id: Id) -> IncreaseView:
    return _increase(await use.get_increase(increase_id))


@router.post(
    "/increases/{increase_id}/cancel", dependencies=WRITE, summary="Take back an increase whose day lies ahead"
)
async def cancel_increase(increase_id: Id, request: Request) -> IncreaseView:
    """Only as long as it has changed no customer's charge."""
    return _increase(await use.cancel_increase(increase_id, principal(request)))


def _preview(found: Preview) -> PreviewView:
    plan = found.plan
    return PreviewView(
        **_terms(found.terms),
        token=found.token,
        items=[
            PreviewStep(**vars(_step(step)), reach=_reach(plan.reach.get(step.code, Reach()))) for step in plan.steps
        ],
        total=_reach(plan.total),
        unchanged=plan.unchanged,
        warnings=plan.warnings,
    )


def _increase(increase: Increase) -> IncreaseView:
    return IncreaseView(
        **_terms(increase.terms),
        increase_id=increase.increase_id,
        state=increase.state,
        actor=increase.actor,
        asked_at=increase.asked_at,
        token=increase.token,
        items=[_step(step) for step in increase.steps],
        customers=increase.customers,
        features=increase.features,
        charges=increase.charges,
    )


def _terms(terms: Terms) -> dict[str, Any]:
    return {**vars(terms), "scope": ScopeBody(**vars(terms.scope))}


def _step(step: Step) -> StepView:
    pairs = zip(step.before, step.after, strict=True)
    return StepView(
        code=step.code,
        name=step.name,
        charges=[
            ChargeStep(
                kind=old.kind,
                description=old.description,
                frequency_months=old.frequency_months,
                old=old.amount,
                new=new.amount,
            )
            for old, new in pairs
        ],
    )


def _reach(reach: Reach) -> ReachView:
    counts = {name: getattr(reach, name) for name in ("customers", "features", "charges")}
    return ReachView(**counts, monthly_difference=to_pennies(reach.monthly_difference))
