"""Small batches of CDRs."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import Request
from pydantic import BaseModel, Field

from contracts.cdrs import CdrReceived
from rating.service import cdrs as use
from service_kit.auth import scope
from service_kit.http import Problem, Router, repeatable

router = Router(tags=["CDRs"])
_EXAMPLE = {
    "records": [
        {
            "source": "northstar",
            "record_id": "NS-000001",
            "charged_number": "+442079460123",
            "other_party": "+441614960123",
            "start": "2025-01-15T09:30:00Z",
            "duration_seconds": 77,
            "cdr_cost": "0.05",
        }
    ]
}
LARGEST_BODY_BYTES = 16 * 1024 * 1024
_BODY = {
    "type": "object",
    "required": ["records"],
    "properties": {
        "records": {
            "type": "array",
            "minItems": 1,
            "maxItems": use.MOST_RECORDS,
            "items": CdrReceived.model_json_schema(ref_template="#/components/schemas/{model}"),
        }
    },
}


class RefusedView(BaseModel):
    """A record that could not be read; `index` counts from 0. It is kept as rejected."""

    index: int = Field(examples=[0])
    reason: str = Field(examples=["bad_duration"])
    field: str | None = Field(examples=["duration_seconds"])
    detail: str = Field(examples=["'abc' is not a whole number of seconds"])


class TakenView(BaseModel):
    """How many records are CDRs, how many are kept as rejected, and why."""

    accepted: int = Field(examples=[999])
    rejected: int = Field(examples=[1])
    problems: list[RefusedView]


@router.post(
    "/cdrs",
    status_code=202,
    dependencies=[scope("cdrs:write"), repeatable("a record is known by its source and record id, and charged once")],
    summary="Hand in up to 1,000 CDRs",
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": _BODY, "example": _EXAMPLE}}, "required": True}
    },
)
async def post_cdrs(request: Request) -> TakenView:
    """`{"records": [...]}`, each a `CdrReceived`. Answered when all are safely on `cdr.received`."""
    taken = await use.take_in(await _body(request))
    problems = [RefusedView(**asdict(each)) for each in taken.refused]
    return TakenView(accepted=taken.accepted, rejected=len(problems), problems=problems)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY_BYTES:
            detail = f"a batch has {LARGEST_BODY_BYTES} bytes at most: send a file instead"
            raise Problem(413, "too-large", "Too large", detail)
    return bytes(body)
