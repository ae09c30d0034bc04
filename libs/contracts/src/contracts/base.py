"""What every event has in common: immutable, typed, with one key and one topic."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

MONEY_PATTERN = r"^-?\d{1,15}\.\d{2}$"
AMOUNT_PATTERN = r"^-?\d{1,15}(\.\d{1,12})?$"

LARGEST_EXPONENT = 30
_PENNY = Decimal("0.01")


def _no_float(value: Any) -> Any:
    if isinstance(value, (float, int)):
        raise ValueError("give money as a decimal string such as '12.50', not as a JSON number")
    return value


def _two_places(value: Decimal) -> Decimal:
    if not value.same_quantum(_PENNY):
        raise ValueError("an amount of money has exactly two decimal places")
    return value or abs(value)


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("not a finite number")
    if value and not -LARGEST_EXPONENT <= value.adjusted() <= LARGEST_EXPONENT:  # written out, 1E+9999999 fills memory
        raise ValueError("out of range: give a decimal number of up to fifteen digits before the point")
    return value or abs(value)


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone, for example 2025-01-31T09:00:00Z")
    return value.astimezone(UTC)


Money = Annotated[
    Decimal,
    BeforeValidator(_no_float),
    AfterValidator(_two_places),
    PlainSerializer(str, return_type=str),  # which of two places is never in powers of ten
    WithJsonSchema({"type": "string", "pattern": MONEY_PATTERN, "examples": ["12.50"]}),
]
"""Pounds and pence (or the currency named beside it): a decimal string with exactly two places."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_no_float),
    AfterValidator(_finite),
    PlainSerializer(_plain, return_type=str),
    WithJsonSchema({"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["0.0425"]}),
]
"""An exact decimal string of up to twelve places: call charges, unrounded sums, percentages, quantities."""

Instant = Annotated[datetime, AfterValidator(_utc)]
"""An instant with a time zone; always UTC once read."""

Id = Annotated[int, Field(gt=0, lt=2**63)]
"""An identifier given by the service that owns the entity; never used again."""

Code = Annotated[str, Field(min_length=1, max_length=64)]
"""The code of an entry in a reference list."""


class Contract(BaseModel):
    """A part of an event. Unknown fields are ignored, so that an older reader takes a newer event (SPEC E1)."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Contract):
    """A fact that a service tells the others, with the whole state of what it is about.

    `event_type` is the CloudEvents type, `topic` where it is sent. Each subclass says its record key.
    """

    event_type: ClassVar[str]
    topic: ClassVar[str]

    def key(self) -> str:
        """The Kafka record key."""
        raise NotImplementedError

    def customer_key(self) -> int | None:
        """The customer whose partition the record goes to, or None where the key alone decides."""
        return None

    def subject(self) -> str:
        """The CloudEvents subject: what the event is about."""
        return self.key()

    def payload(self) -> dict[str, Any]:
        """The JSON value of the record."""
        return self.model_dump(mode="json")


class CustomerEvent(Event):
    """An event keyed by its customer, so that all of one customer's events on a topic stay in order."""

    customer_id: Id

    def key(self) -> str:
        return str(self.customer_id)

    def customer_key(self) -> int | None:
        return self.customer_id
