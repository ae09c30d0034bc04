"""The bounds beyond which a bill is unusual, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from contracts.base import Amount, Money
from invoicing.domain.bounds import Bounds
from invoicing.service import bounds
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["billing runs"])
_MOST = Decimal("999999999.99")
Pounds = Annotated[Money, Field(ge=0, le=_MOST)]


class BoundsView(BaseModel):
    """What an invoice's net may be in pounds without a person looking at it; null is no bound."""

    max_net: Pounds | None = None
    max_factor: Annotated[Amount, Field(gt=0, le=1_000_000)] | None = Field(
        default=None, description="how many times the average of the customer's last three invoices it may be"
    )
    factor_from: Pounds = Field(default=Decimal("0.00"), description="the factor is asked from this net on")
    max_credit: Pounds | None = Field(default=None, description="how far below zero it may be")


@router.get("/billing-bounds", dependencies=[scope("invoicing:read")], summary="When a bill is unusual")
async def get_bounds() -> BoundsView:
    return BoundsView(**asdict(await bounds.current_bounds()))


@router.put("/billing-bounds", dependencies=[scope("invoicing:write")], summary="Change when a bill is unusual")
async def put_bounds(body: BoundsView) -> BoundsView:
    """They hold for drafts made from now on. A draft beyond them is approved with `confirm_unusual=true` only."""
    return BoundsView(**asdict(await bounds.change_bounds(Bounds(**dict(body)))))
