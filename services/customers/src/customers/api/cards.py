"""Summary cards, for links to customers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from contracts.base import Money
from customers.domain.cards import MOST_CARDS
from customers.service import cards as use
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["customers"])
READ = [scope("customers:read")]


class NamedView(BaseModel):
    """A customer as it is named and coloured wherever it is linked."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    status: str
    status_name: str
    status_colour: str | None
    account_manager: str | None
    account_manager_name: str | None


class CardView(NamedView):
    """SPEC F3: what a link to a customer shows on hover."""

    balance: Money | None = Field(description="what it owes is positive; null where invoicing has told none yet")
    currency: str
    numbers: int = Field(description="open ones, today or from a later day on")


class CardsView(BaseModel):
    """The cards in the order in which they were asked for, each once."""

    items: list[CardView]
    unknown: list[int] = Field(description="ids that no customer has")


_EXAMPLE = {
    "items": [
        {
            "customer_id": 1042,
            "account_number": "F000042",
            "name": "Ann O'Brien",
            "company_name": "Brightwater Tiles Ltd",
            "status": "active",
            "status_name": "Active",
            "status_colour": "#2e7d32",
            "account_manager": "jo",
            "account_manager_name": "Jo Fenwick",
            "balance": "118.20",
            "currency": "GBP",
            "numbers": 3,
        }
    ],
    "unknown": [7],
}


@router.get(
    "/customers/cards",
    dependencies=READ,
    summary="Summary cards of customers",
    responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}},
)
async def get_cards(
    ids: Annotated[
        str,
        Query(
            max_length=5_000,
            description=f"customer ids, separated by commas, {MOST_CARDS} at most",
            openapi_examples={"two": {"value": "1042,7"}},
        ),
    ],
) -> CardsView:
    """One call for all links of a page, whatever it lists."""
    found = await use.get_cards(ids)
    return CardsView(items=[CardView(**vars(each)) for each in found.items], unknown=list(found.unknown))
