"""SmartSearch: one box for customers and numbers (SPEC F1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from customers.domain.finding import Found
from customers.service.finding import find
from service_kit.auth import scope

router = APIRouter(tags=["search"])

_FOUND = TypeAdapter(Found)
_CUSTOMER = {
    "customer_id": 1042,
    "account_number": "F000042",
    "name": "Ann O'Brien",
    "company_name": "Brightwater Tiles Ltd",
    "status": "active",
    "status_name": "Active",
    "status_colour": "#2e7d32",
    "match": "exact",
}
_NUMBER = {
    "number_id": 1043,
    "number": "+442079460123",
    "label": "Reception",
    "number_type": "geographic",
    "start": "2025-01-01",
    "end": None,
    "is_present": True,
    "customer": _CUSTOMER,
    "match": "exact",
}
_NONE: dict[str, Any] = {"more_customers": False, "more_numbers": False, "tried": [], "meant": []}
_EXAMPLES: dict[str, Any] = {
    "customer": {
        "summary": "one customer: go to its page",
        "value": {"kind": "customer", "customers": [_CUSTOMER], "numbers": [], **_NONE},
    },
    "number": {
        "summary": "one number: go to its page",
        "value": {"kind": "number", "customers": [], "numbers": [_NUMBER], **_NONE},
    },
    "nothing": {
        "summary": "nothing, and what was tried",
        "value": {
            **{"kind": "nothing", "customers": [], "numbers": []},
            **_NONE,
            "tried": ["customers with an account number, name or company name containing 'qxz'", "similar names"],
        },
    },
}


@router.get(
    "/search",
    dependencies=[scope("customers:read")],
    summary="Customers and numbers by any part of what is on them",
    response_model=Found,
    responses={200: {"content": {"application/json": {"examples": _EXAMPLES}}}},
)
async def search(
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="an account number, name, company name or phone number, or a part of one, as it comes; "
            "from 3 characters on any part, fewer only the beginning",
            openapi_examples={
                "name": {"value": "brightwater"},
                "number": {"value": "020 7946 0123"},
                "last digits": {"value": "460123"},
            },
        ),
    ],
    limit: Annotated[int, Field(ge=1, le=100, description="the most customers, and the most numbers")] = 20,
) -> Response:
    found = await find(q, limit)
    return Response(_FOUND.dump_json(found), media_type="application/json")
