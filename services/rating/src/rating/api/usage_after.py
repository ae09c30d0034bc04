"""What an end of a customer on a day would take from its usage, for previews (SPEC C18)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from rating.api.views import Id, exact_pounds
from rating.domain.closing import with_plus
from rating.service import usage as use
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["usage"])
READ = [scope("rating:read")]
Day = Annotated[date, Query(alias="date", description="the last local day charged", examples=["2025-01-31"])]


class UnbilledAfter(BaseModel):
    """Calls that are on no approved invoice; on a draft they are unbilled."""

    calls: int = Field(examples=[12])
    seconds: int = Field(examples=[924])
    net_exact: str = Field(description="pounds, without VAT, exact", examples=["1.872000"])


class BilledAfter(BaseModel):
    """Calls of one line of a bill; `net_exact` is what the line's adjustment would give back."""

    close_id: int = Field(examples=[8_101])
    invoice_id: int | None = Field(examples=[5_220])
    number_id: int = Field(examples=[3771])
    number: str = Field(examples=["+442079460123"])
    call_class: str = Field(examples=["National"])
    band: str = Field(examples=["peak"])
    plan: str = Field(description="the discount plan that priced them; empty where none did", examples=[""])
    calls: int = Field(examples=[3])
    seconds: int = Field(examples=[231])
    net_exact: str = Field(examples=["0.468000"])


class UsageAfter(BaseModel):
    """A customer's usage after a local day."""

    unbilled: UnbilledAfter
    billed: list[BilledAfter]


@router.get("/customers/{customer_id}/usage-after", dependencies=READ, summary="A customer's usage after a day")
async def get_usage_after(customer_id: Id, day: Day) -> UsageAfter:
    """What Final Bill or Drop with this date would reverse, and what it would refund. Changes nothing."""
    unbilled, billed = await use.usage_after(customer_id, day)
    return UsageAfter(unbilled=UnbilledAfter.model_validate(_sums(unbilled)), billed=[_line(row) for row in billed])


def _line(row: RowMapping) -> BilledAfter:
    return BilledAfter.model_validate({**row, **_sums(row), "number": with_plus(row["charged_number"])})


def _sums(row: RowMapping) -> dict[str, int | str]:
    return {"calls": row["calls"], "seconds": int(row["seconds"]), "net_exact": exact_pounds(row["net_micro"])}
