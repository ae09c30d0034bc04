"""The events of a batch, encoded once: what is kept with the position is, byte for byte, what is sent."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date, datetime
from uuid import uuid4

import msgspec

from contracts.topics import USAGE_EXCEPTIONS, USAGE_RATED
from rating.domain.cdr import Cdr
from rating.domain.closing import pounds, with_plus
from rating.domain.judging import Held, Rated
from rating.intake import Unread
from service_kit.kafka import cloud_headers

SOURCE = "/farthing/rating"
REVISION = 1


class Encoded(msgspec.Struct, array_like=True, gc=False):
    """One record to be sent."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class UsageValue(msgspec.Struct, gc=False):
    """`contracts.usage.UsageState` as the hot path writes it; a test holds the two equal."""

    customer_id: int
    usage_id: int
    revision: int
    number_id: int
    number: str
    source: str
    record_id: str
    other_party: str
    direction: str
    service_type: str
    start: datetime
    local_date: date
    duration_seconds: int
    billed_seconds: int
    units: int
    volume_bytes: int
    call_class: str
    destination: str
    band: str
    tariff: str | None
    step: int
    charge: str
    cost: str | None
    currency: str = "GBP"


class ExceptionValue(msgspec.Struct, gc=False, omit_defaults=True):
    """`contracts.usage.UsageException` as the hot path writes it."""

    usage_id: int
    revision: int
    source: str
    record_id: str
    received_on: date
    reason: str
    charged_number: str = ""
    other_party: str = ""
    start: datetime | None = None
    detail: str = ""
    customer_id: int | None = None


_json = msgspec.json.Encoder().encode
_packed = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(list[Encoded]).decode


def usage_value(usage_id: int, revision: int, rated: Rated, cdr: Cdr) -> UsageValue:
    """The value of `usage.rated`."""
    return UsageValue(
        rated.customer_id,
        usage_id,
        revision,
        rated.number_id,
        with_plus(cdr.charged_number),
        cdr.source,
        cdr.record_id,
        with_plus(cdr.other_party),
        cdr.direction,
        cdr.service_type,
        cdr.started,
        cdr.local_date,
        cdr.seconds,
        rated.billed_seconds,
        cdr.units,
        cdr.volume_bytes,
        rated.call_class,
        rated.destination,
        cdr.band,
        rated.tariff,
        rated.step,
        str(pounds(rated.charge_micro)),
        None if rated.cost_micro is None else str(pounds(rated.cost_micro)),
    )


def rated_event(usage_id: int, rated: Rated, cdr: Cdr, time: datetime) -> Encoded:
    """`usage.rated` of a call that was stored now."""
    key = str(rated.customer_id)
    value = _json(usage_value(usage_id, REVISION, rated, cdr))
    return Encoded(USAGE_RATED, key.encode(), value, _headers("usage.rated", key, time))


def held_event(usage_id: int, held: Held, cdr: Cdr, received_on: date, time: datetime) -> Encoded:
    """`usage.suspended`, `.ignored` or `.unpriced` of a call that was stored now."""
    value = ExceptionValue(
        usage_id,
        REVISION,
        cdr.source,
        cdr.record_id,
        received_on,
        held.reason,
        with_plus(cdr.charged_number),
        with_plus(cdr.other_party),
        cdr.started,
        held.detail,
        held.customer_id if held.outcome == "unpriced" else None,
    )
    return _exception(f"usage.{held.outcome}", value, time)


def rejected_event(usage_id: int, unread: Unread, received_on: date, time: datetime) -> Encoded:
    """`usage.rejected` of a record that was stored now."""
    value = ExceptionValue(
        usage_id, REVISION, unread.source, unread.record_id, received_on, unread.reason, detail=unread.detail
    )
    return _exception("usage.rejected", value, time)


def _exception(event_type: str, value: ExceptionValue, time: datetime) -> Encoded:
    headers = _headers(event_type, f"{value.source}/{value.record_id}", time)
    return Encoded(USAGE_EXCEPTIONS, value.source.encode(), _json(value), headers)


def _headers(event_type: str, subject: str, time: datetime) -> list[tuple[str, bytes]]:
    return cloud_headers(id=uuid4(), type=event_type, source=SOURCE, time=time, subject=subject)


def packed(events: Sequence[Encoded]) -> bytes:
    """Events as they are kept with the position."""
    return zlib.compress(_packed(list(events)), 1)


def unpacked(kept: bytes) -> list[Encoded]:
    """Events that were kept."""
    return _unpacked(zlib.decompress(kept))
