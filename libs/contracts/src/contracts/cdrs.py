"""Call detail records as they enter the platform (SPEC R1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from contracts import topics
from contracts.base import Amount, Contract, Event, Instant

ServiceType = Literal["voice", "sms", "data"]
Direction = Literal["outbound", "inbound"]


class IntakeError(Contract):
    """Why a row of a file or batch could not be read as a CDR; the record is kept as rejected with this reason."""

    reason: str = Field(examples=["bad_duration"])
    field: str | None = Field(default=None, examples=["Duration"])
    detail: str = Field(examples=["'abc' is not a whole number of seconds"])


class CdrOrigin(Contract):
    """The file and row that a CDR was read from; rows count from 1, the header not counted."""

    file_id: int
    row: int


class CdrReceived(Event):
    """One usage record as received from a supplier.

    `duration_seconds` counts for voice, `units` for SMS (messages), `volume_bytes` for data. Costs are in pounds
    unless `currency` says otherwise, missing when absent (SPEC Z17). `start` needs its zone. A record that could
    not be read carries `intake_error` and `raw` and ends as rejected.
    """

    event_type: ClassVar[str] = "cdr.received"
    topic: ClassVar[str] = topics.CDR_RECEIVED

    source: str = Field(min_length=1, max_length=64, examples=["northstar"])
    record_id: str = Field(default="", max_length=255, examples=["NS-000001"])
    charged_number: str = Field(default="", max_length=64, examples=["+442079460123"])
    other_party: str = Field(default="", max_length=64, examples=["+441614960123"])
    direction: Direction = "outbound"
    service_type: ServiceType = "voice"
    start: Instant | None = Field(default=None, examples=["2025-01-15T09:30:00Z"])
    duration_seconds: Amount | int | None = Field(default=None, examples=[62])
    units: int | None = Field(default=None, ge=0)
    volume_bytes: int | None = Field(default=None, ge=0)
    call_class: str | None = Field(default=None, max_length=64)
    suggested_retail_price: Amount | None = None
    cdr_cost: Amount | None = Field(default=None, examples=["0.0125"])
    carrier_cost: Amount | None = None
    currency: str = Field(default="GBP", pattern=r"^[A-Z]{3}$")
    origin: CdrOrigin | None = None
    intake_error: IntakeError | None = None
    raw: str | None = Field(default=None, description="the record as it was given, where it could not be read")

    def key(self) -> str:
        return self.charged_number or self.source

    def subject(self) -> str:
        return f"{self.source}/{self.record_id}"
