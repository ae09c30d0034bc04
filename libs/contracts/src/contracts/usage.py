"""Usage as it is rated, and what could not be (SPEC R3 to R9). The highest revision of a `usage_id` wins."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from contracts import topics
from contracts.base import Amount, CustomerEvent, Event, Id, Instant
from contracts.cdrs import Direction, ServiceType

SuspenseReason = Literal[
    "unknown_number", "no_active_call_plan", "customer_dropped", "status_does_not_accumulate", "too_old"
]


class UsageState(CustomerEvent):
    """A call, text or data session charged to a customer, priced before discount plans.

    `charge` is what the customer pays, net of VAT, rounded per tariff; `cost` what it costs us. Both in `currency`.
    `start` is UTC, `local_date` the day in Europe/London. `step` is the step of SPEC R5 that gave the price, 0 for
    an unanswered call.
    """

    topic: ClassVar[str] = topics.USAGE_RATED

    usage_id: Id
    revision: int = Field(ge=1)
    number_id: Id
    number: str
    source: str
    record_id: str
    other_party: str
    direction: Direction
    service_type: ServiceType
    start: Instant
    local_date: date
    duration_seconds: int = Field(ge=0)
    billed_seconds: int = Field(ge=0)
    units: int = Field(default=0, ge=0)
    volume_bytes: int = Field(default=0, ge=0)
    call_class: str
    destination: str
    band: str
    tariff: str | None = None
    step: int = Field(ge=0, le=4)
    charge: Amount
    cost: Amount | None = None
    currency: str = "GBP"


class UsageRated(UsageState):
    """Usage was allocated to a customer and priced."""

    event_type: ClassVar[str] = "usage.rated"


class UsageReversed(UsageState):
    """Usage was taken back: it is no longer charged (SPEC Z9)."""

    event_type: ClassVar[str] = "usage.reversed"

    reason: str = ""


class UsageException(Event):
    """A record that is not charged (yet), with the reason and what is known of it."""

    topic: ClassVar[str] = topics.USAGE_EXCEPTIONS

    usage_id: Id
    revision: int = Field(ge=1)
    source: str
    record_id: str
    charged_number: str = ""
    other_party: str = ""
    start: Instant | None = None
    received_on: date
    reason: str
    detail: str = ""

    def key(self) -> str:
        return self.source

    def subject(self) -> str:
        return f"{self.source}/{self.record_id}"


class UsageSuspended(UsageException):
    """Held in suspense, and tried again by itself when its cause goes (SPEC R3). `reason` is a SuspenseReason."""

    event_type: ClassVar[str] = "usage.suspended"


class UsageIgnored(UsageException):
    """On a number whose type ignores traffic (SPEC C15)."""

    event_type: ClassVar[str] = "usage.ignored"


class UsageUnpriced(UsageException):
    """Allocated, but no step of the price chain answered (SPEC R5)."""

    event_type: ClassVar[str] = "usage.unpriced"

    customer_id: Id


class UsageRejected(UsageException):
    """Not readable as a CDR; kept as it came (SPEC R2)."""

    event_type: ClassVar[str] = "usage.rejected"
