"""Explaining calls: what became of a record and why, what a call would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from contracts.cdrs import CdrReceived
from rating.api.views import Id, Page, exact_pounds, pounds
from rating.domain.arithmetic import Step
from rating.domain.discounts import Discounted, Draw
from rating.domain.explaining import Explanation
from rating.domain.plans import CASH
from rating.service import explaining as use
from rating.service.cdrs import LONGEST_RECORD_BYTES
from service_kit.auth import scope
from service_kit.http import Problem, Router

router = Router(tags=["explaining"])
READ = [scope("rating:read")]
_MICRO = "_micro"
_CDR = CdrReceived.model_json_schema(ref_template="#/components/schemas/{model}")
_CDR_EXAMPLE = {
    "source": "northstar",
    "record_id": "what-if",
    "charged_number": "+442079460123",
    "other_party": "+441614960123",
    "start": "2025-01-15T09:30:00Z",
    "duration_seconds": 77,
    "cdr_cost": "0.05",
}
_STEPS_EXAMPLE = [
    {
        "kind": "increments",
        "sentence": "77 s: 60 at once, then 3 steps of 6: 78 s billed.",
        "facts": {"used": 77, "initial": 60, "step": 6, "billed": 78},
    },
    {
        "kind": "price",
        "sentence": "£0.12 a minute × 78 / 60 = £0.156.",
        "facts": {"connection": "0.000000", "price": "0.120000", "billed": 78, "divisor": 60, "exact": "£0.156"},
    },
]


class StepView(BaseModel):
    """One step: a sentence that can be read to a customer, and the facts in it; amounts in pounds."""

    kind: str
    sentence: str
    facts: dict[str, str | int | bool | None]


class DrawView(BaseModel):
    """What a call drew on a pool: seconds, calls or messages, bytes, or pounds."""

    plan: str
    pool: str
    unit: Literal["minutes", "calls", "megabytes", "cash"]
    amount: str


class DiscountView(BaseModel):
    """What discount plans make of a call (SPEC R7); `charge` is what is left. Amounts in pounds, without VAT."""

    plan: str
    discount: str
    charge: str
    provisional: bool = Field(description="no close has it yet: as if the month's bill were made now")
    close_id: int | None
    draws: list[DrawView]


class ExplanationView(BaseModel):
    """What became of a record and why (SPEC R9). Amounts in pounds, without VAT, exact.

    `charge` is what is charged; `worked_out` what the arithmetic shown gives today, and `agrees` whether they are the
    same: null where it cannot be worked out again; both before `discount`. `step` is the step of the price chain that
    answered: 1 the tariff's rate, 2 a markup, 3 a fallback markup, 0 an unanswered call. `sentences` are of `steps`.
    """

    usage_id: int | None = Field(description="null where the call was only asked about", examples=[281474976710700])
    outcome: Literal["rated", "suspended", "ignored", "unpriced", "rejected", "duplicate"]
    source: str = Field(examples=["northstar"])
    record_id: str = Field(examples=["NS-000001"])
    customer_id: int | None
    number_id: int | None
    reason: str = Field(description="why it is not charged; empty where it is", examples=[""])
    detail: str
    step: int | None = Field(examples=[1])
    charge: str | None = Field(examples=["0.156000"])
    worked_out: str | None = Field(examples=["0.156000"])
    agrees: bool | None
    cost: str | None = Field(description="what it costs us", examples=["0.050000"])
    discount: DiscountView | None = Field(description="null where no plan prices it", examples=[None])
    steps: list[StepView] = Field(examples=[_STEPS_EXAMPLE])
    sentences: list[str] = Field(examples=[[each["sentence"] for each in _STEPS_EXAMPLE]])


@router.get("/usage/{usage_id}/explanation", dependencies=READ, summary="Why a call costs what it costs")
async def get_explanation(usage_id: Id) -> ExplanationView:
    """Step by step, from the number to the margin; of a record that is not charged, why not and what would help."""
    return _view(await use.explain(usage_id))


@router.get("/usage", dependencies=READ, summary="What became of a record")
async def get_record(
    source: Annotated[str, Query(min_length=1, max_length=64, examples=["northstar"])],
    record_id: Annotated[str, Query(min_length=1, max_length=255, examples=["NS-000001"])],
) -> Page[ExplanationView]:
    """Every copy of it that came, the one that is charged or held first; none where it never came."""
    return Page(items=[_view(each) for each in await use.explain_record(source, record_id)])


@router.post(
    "/explanations",
    dependencies=READ,
    summary="What a call would cost",
    openapi_extra={
        "requestBody": {
            "content": {"application/json": {"schema": _CDR, "example": _CDR_EXAMPLE}},
            "required": True,
        }
    },
)
async def post_explanation(request: Request) -> ExplanationView:
    """A `CdrReceived`, judged as if it came now; nothing is stored, and copies are not looked for."""
    return _view(await use.what_if(await _body(request)))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_RECORD_BYTES:
            raise Problem(413, "too-large", "Too large", f"a record has {LONGEST_RECORD_BYTES} bytes at most")
    return bytes(body)


def _view(told: Explanation) -> ExplanationView:
    return ExplanationView(
        usage_id=told.usage_id,
        outcome=told.outcome,
        source=told.source,
        record_id=told.record_id,
        customer_id=told.customer_id,
        number_id=told.number_id,
        reason=told.reason,
        detail=told.detail,
        step=told.step,
        charge=pounds(told.charge_micro),
        worked_out=pounds(told.worked_micro),
        agrees=told.agrees,
        cost=pounds(told.cost_micro),
        discount=None if told.discounted is None else _discount(told.discounted),
        steps=[_step(each) for each in told.steps],
        sentences=[each.sentence for each in told.steps],
    )


def _discount(told: Discounted) -> DiscountView:
    return DiscountView(
        plan=told.plan,
        discount=exact_pounds(told.discount_micro),
        charge=exact_pounds(told.charge_micro),
        provisional=told.close_id is None,
        close_id=told.close_id,
        draws=[_draw(each) for each in told.draws],
    )


def _draw(draw: Draw) -> DrawView:
    amount = exact_pounds(draw.amount) if draw.unit == CASH else str(draw.amount)
    return DrawView(plan=draw.plan, pool=draw.pool, unit=draw.unit, amount=amount)  # type: ignore[arg-type]


def _step(step: Step) -> StepView:
    return StepView(kind=step.kind, sentence=step.sentence, facts=_facts(step.facts))


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are answered: amounts as decimal strings of pounds."""
    return dict(_fact(name, value) for name, value in facts.items())


def _fact(name: str, value: Any) -> tuple[str, Any]:
    if not name.endswith(_MICRO):
        return name, value
    return name.removesuffix(_MICRO), None if value is None else exact_pounds(value)
