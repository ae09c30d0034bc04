"""How a call is answered, whatever became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from rating.api.views import pounds


class CallView(BaseModel):
    """A call as it was read; numbers in E.164, costs in `currency`."""

    usage_id: int = Field(examples=[281474976710700])
    source: str = Field(description="the supplier", examples=["northstar"])
    record_id: str = Field(examples=["NS-000001"])
    charged_number: str = Field(examples=["+442079460123"])
    other_party: str = Field(description="empty where the record has none", examples=["+441614960123"])
    direction: str = Field(examples=["outbound"])
    service_type: str = Field(description="voice, sms or data", examples=["voice"])
    started: datetime = Field(examples=["2025-01-15T09:30:00Z"])
    local_date: date = Field(description="of the start, in Europe/London", examples=["2025-01-15"])
    band: str = Field(description="peak, offpeak or weekend, of the start", examples=["peak"])
    seconds: int = Field(examples=[77])
    units: int = Field(description="messages", examples=[0])
    volume_bytes: int = Field(examples=[0])
    call_class: str | None = Field(description="null where it is not known", examples=["National"])
    suggested_retail_price: str | None = Field(examples=[None])
    cdr_cost: str | None = Field(examples=["0.050000"])
    carrier_cost: str | None = Field(examples=[None])
    currency: str = Field(description="of the record's costs", examples=["GBP"])
    received_on: date = Field(description="local day of its arrival", examples=["2025-01-16"])


def call_of(row: RowMapping) -> dict[str, Any]:
    """What a stored call is answered as, where it is stored otherwise."""
    return {
        "charged_number": _e164(row["charged_number"]),
        "other_party": _e164(row["other_party"]),
        "suggested_retail_price": pounds(row["retail_micro"]),
        "cdr_cost": pounds(row["cdr_cost_micro"]),
        "carrier_cost": pounds(row["carrier_cost_micro"]),
    }


def _e164(digits: str) -> str:
    return f"+{digits}" if digits else ""
