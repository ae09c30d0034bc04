"""Reading one record with care: what it says as a CDR, or the reason why it is none (SPEC R1, Z17, Z18, Z21).

These are the rules. `rating.intake` reads whole batches, and asks here about every record that is not plainly good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from rating.domain.calendars import EARLIEST_YEAR, LATEST_YEAR
from rating.domain.calls import MISSING, Kind
from rating.domain.cdr import micros_of
from rating.domain.numbers import normalise

UNKNOWN_SOURCE = "unknown"
LARGEST = 2**53
"""The largest count taken: seconds, messages or bytes; about 285 million years of talking."""
LARGEST_COST = Decimal(10**9)
_MICRO = Decimal(10**6)
_LONGEST_REASON, _LONGEST_DETAIL = 100, 1_000
_LARGEST_COLUMN = 2**63 - 1


class Origin(msgspec.Struct, gc=False):
    """The file and row that a record came from."""

    file_id: int
    row: int


class IntakeError(msgspec.Struct):
    """Why a row could not be read as a CDR, as whoever read it says."""

    reason: str
    detail: str
    field: str | None = None


class Message(msgspec.Struct):
    """`contracts.cdrs.CdrReceived` as the hot path reads it; a test holds the two equal."""

    source: Annotated[str, Meta(min_length=1, max_length=64)]
    record_id: Annotated[str, Meta(max_length=255)] = ""
    charged_number: Annotated[str, Meta(max_length=64)] = ""
    other_party: Annotated[str, Meta(max_length=64)] = ""
    direction: Literal["outbound", "inbound"] = "outbound"
    service_type: Literal["voice", "sms", "data"] = "voice"
    start: Annotated[datetime, Meta(tz=True)] | None = None
    duration_seconds: int | str | None = None
    units: Annotated[int, Meta(ge=0)] | None = None
    volume_bytes: Annotated[int, Meta(ge=0)] | None = None
    call_class: Annotated[str, Meta(max_length=64)] | None = None
    suggested_retail_price: str | None = None
    cdr_cost: str | None = None
    carrier_cost: str | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "GBP"
    origin: Origin | None = None
    intake_error: IntakeError | None = None
    raw: str | None = None


_decode = msgspec.json.Decoder(Message).decode


class Row(NamedTuple):
    """What a readable record says: a row of `Calls`."""

    record_id: str
    charged: str
    other: str
    kind: Kind
    started: int
    seconds: int
    units: int
    volume: int
    retail: int
    cdr_cost: int
    carrier_cost: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that is rejected, kept as it came."""

    source: str
    record_id: str
    reason: str
    detail: str
    field: str | None
    raw: bytes
    file_id: int | None = None
    file_row: int | None = None


class _Bad(ValueError):
    """What is wrong with a record: reason, field, detail."""

    def __init__(self, reason: str, field: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.field, self.detail = reason, field, detail


def read_record(value: bytes | None) -> Row | Unread:
    """Read the value of one record."""
    try:
        message = _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _undecodable(value or b"", str(error))
    if message.intake_error is not None:
        told = message.intake_error
        return _unread(message, told.reason, told.field, told.detail, value or b"")
    try:
        return _row(message)
    except _Bad as bad:
        return _unread(message, bad.reason, bad.field, bad.detail, value or b"")


def _row(message: Message) -> Row:
    source, record_id = message.source.strip(), message.record_id.strip()
    _check_text(message, source, record_id)
    started = _started(message)
    service = message.service_type
    return Row(
        record_id,
        normalise(message.charged_number),
        normalise(message.other_party),
        Kind(source, message.direction, service, message.call_class or "", message.currency),
        started,
        seconds_of(message.duration_seconds) if service == "voice" else 0,
        _units(message.units) if service == "sms" else 0,
        _volume(message.volume_bytes) if service == "data" else 0,
        _cost("suggested_retail_price", message.suggested_retail_price),
        _cost("cdr_cost", message.cdr_cost),
        _cost("carrier_cost", message.carrier_cost),
    )


def _check_text(message: Message, source: str, record_id: str) -> None:
    if not source:
        raise _Bad("missing_source", "source", "the record does not say which supplier sent it")
    if not record_id:
        raise _Bad("missing_record_id", "record_id", "without a record id nobody can tell whether it is charged twice")
    if not message.charged_number.strip():
        raise _Bad("missing_charged_number", "charged_number", "the record does not say which number is charged")
    texts = (source, record_id, message.charged_number, message.other_party, message.call_class or "")
    if any("\x00" in text for text in texts):
        raise _Bad("bad_text", "record_id", "a text holds the character NUL")


def _started(message: Message) -> int:
    if message.start is None:
        raise _Bad("missing_start", "start", "the record does not say when the call began")
    if not EARLIEST_YEAR <= message.start.year <= LATEST_YEAR:
        raise _Bad("bad_start", "start", f"{message.start.isoformat()} is not a time at which calls are made")
    return micros_of(message.start)


def seconds_of(value: int | str | None) -> int:
    """SPEC Z18: whole seconds, a fraction rounded up.

    Raises:
        ValueError: it is missing, no number, or out of bounds.
    """
    if value is None:
        raise _Bad("missing_duration", "duration_seconds", "a voice call has a duration, 0 where it was not answered")
    exact = _decimal("bad_duration", "duration_seconds", str(value))
    if exact < 0 or exact > LARGEST:
        raise _Bad("bad_duration", "duration_seconds", f"{value!r} is not a number of seconds from 0 to {LARGEST}")
    return int(exact.to_integral_value(ROUND_CEILING))


def _units(value: int | None) -> int:
    if value is not None and value > LARGEST:
        raise _Bad("bad_units", "units", f"{value} is more than {LARGEST}")
    return 1 if value is None else value


def _volume(value: int | None) -> int:
    if value is None:
        raise _Bad("missing_volume", "volume_bytes", "a data record has a volume in bytes")
    if value > LARGEST:
        raise _Bad("bad_volume", "volume_bytes", f"{value} is more than {LARGEST}")
    return value


def _cost(field: str, text: str | None) -> int:
    """SPEC Z17: MISSING where it is absent."""
    if text is None:
        return MISSING
    value = _decimal("bad_cost", field, text)
    if abs(value) > LARGEST_COST:
        raise _Bad("bad_cost", field, f"{text!r} is more than {LARGEST_COST}")
    return int((value * _MICRO).to_integral_value(ROUND_HALF_UP))


def micros_of_cost(text: str) -> int:
    """Micro-pounds of a decimal string, half up.

    Raises:
        ValueError: it is no number, or out of bounds.
    """
    return _cost("", text)


def _decimal(reason: str, field: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Bad(reason, field, f"{text!r} is not a decimal number") from None
    if not value.is_finite():
        raise _Bad(reason, field, f"{text!r} is not a finite number")
    return value


def _undecodable(value: bytes, detail: str) -> Unread:
    """A record that is not JSON of the contract; what can be told of it is told."""
    try:
        loose: Any = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Unread(UNKNOWN_SOURCE, "", "bad_json", detail, None, value)
    fields = loose if isinstance(loose, dict) else {}
    source, record_id = fields.get("source"), fields.get("record_id")
    readable = isinstance(source, str) and 0 < len(source.strip()) <= 64 and "\x00" not in source
    field = detail.rpartition("`$.")[2].rstrip("`") if "`$." in detail else None
    return Unread(
        source.strip() if readable and isinstance(source, str) else UNKNOWN_SOURCE,
        record_id.strip()[:255].replace("\x00", "") if isinstance(record_id, str) else "",
        "bad_field",
        detail,
        field,
        value,
    )


def _unread(message: Message, reason: str, field: str | None, detail: str, value: bytes) -> Unread:
    source = message.source.strip().replace("\x00", "") or UNKNOWN_SOURCE
    raw = message.raw.encode() if message.raw is not None else value
    origin = message.origin
    return Unread(
        source,
        message.record_id.strip().replace("\x00", ""),
        _storable(reason, _LONGEST_REASON),
        _storable(detail, _LONGEST_DETAIL),
        None if field is None else _storable(field, _LONGEST_REASON),
        raw,
        _column(origin.file_id) if origin else None,
        _column(origin.row) if origin else None,
    )


def _storable(text: str, longest: int) -> str:
    """A sender's words as a column and an event take them: one bad record must not stop its partition."""
    return text[:longest].replace("\x00", "")


def _column(number: int) -> int | None:
    """A sender's number where a column holds it; the record itself is kept as it came."""
    return number if abs(number) <= _LARGEST_COLUMN else None
