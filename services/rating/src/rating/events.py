"""What became of calls, as events: those of a batch encoded as columns, those of a few calls as their contracts.

An event is told from the same values wherever they come from: a batch that was just judged, the rows that a crash left
stored but perhaps not told, or a call that became something else by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from rating.batches import Headers, Outgoing, Records
from rating.domain.calendars import to_day
from rating.domain.calls import MISSING, Int, Kind
from rating.domain.closing import with_plus
from rating.domain.judgements import Judgements
from rating.domain.judging import BY_FALLBACK
from rating.domain.names import Names
from rating.domain.starts import instant_texts
from rating.pieces import MICRO, Column, amounts, decimals, either, fixed, joined, laid_out, shared, texts
from rating.rated_calls import RatedCalls
from service_kit.kafka import cloud_headers

SOURCE = "/farthing/rating"
FIRST_REVISION = 1
_NEEDS_ESCAPE = np.array([code < ord(" ") or code in b'"\\\x7f' for code in range(256)])


class UsageValue(msgspec.Struct, gc=False):
    """`contracts.usage.UsageState` as it is written; a test holds the two equal."""

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
    start: str
    local_date: str
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
    """`contracts.usage.UsageException` as it is written."""

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


def usage_events(rated: RatedCalls, *, time: datetime) -> Records:
    """`usage.rated` of calls that were stored now, each with its first revision.

    Args:
        time: the present.

    Returns: records for the topic `usage.rated`, in the order of the calls.
    """
    customers = rated.judgements.customer_id[rated.rows]
    ids = _event_ids(rated.usage_ids[rated.rows], np.full(len(rated), FIRST_REVISION))
    return Records(customers, _values(rated), ids, _constant_headers("usage.rated", time))


def usage_events_of_rows(rows: Sequence[Mapping[str, Any]], *, time: datetime) -> Records:
    """`usage.rated` of rows of `usage` as they are stored: the same events, to the byte but for their time."""
    ids = _event_ids(_column(rows, "usage_id"), _column(rows, "revision"))
    values = texts([_json(usage_value(row)) for row in rows])
    return Records(_column(rows, "customer_id"), values, ids, _constant_headers("usage.rated", time))


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> Int:
    return np.array([row[name] for row in rows], dtype=np.int64)


def usage_value(row: Mapping[str, Any]) -> UsageValue:
    """The value of an event about usage, of the columns of a row of `usage`."""
    return UsageValue(
        row["customer_id"],
        row["usage_id"],
        row["revision"],
        row["number_id"],
        with_plus(row["charged_number"]),
        row["source"],
        row["record_id"],
        with_plus(row["other_party"]),
        row["direction"],
        row["service_type"],
        row["started"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        row["local_date"].isoformat(),
        row["seconds"],
        row["billed_seconds"],
        row["units"],
        row["volume_bytes"],
        row["call_class"],
        row["destination"],
        row["band"],
        row["tariff"],
        row["step"],
        _pounds(row["charge_micro"]) or "",
        None if row["cost_micro"] is None else _pounds(row["cost_micro"]),
    )


def held_event_of_row(row: Mapping[str, Any], *, time: datetime) -> Outgoing:
    """`usage.suspended`, `.ignored` or `.unpriced`, of the columns of a row of `held`."""
    return _exception_message(f"usage.{row['outcome']}", held_value(row), time)


def held_value(row: Mapping[str, Any]) -> ExceptionValue:
    """The value of an event about a held call, of the columns of a row of `held`."""
    return ExceptionValue(
        row["usage_id"],
        row["revision"],
        row["source"],
        row["record_id"],
        row["received_on"],
        row["reason"],
        with_plus(row["charged_number"]),
        with_plus(row["other_party"]),
        row["started"],
        row["detail"],
        row["customer_id"] if row["outcome"] == "unpriced" else None,
    )


def rejected_event_of_row(row: Mapping[str, Any], *, time: datetime) -> Outgoing:
    """`usage.rejected`, of the columns of a row of `rejected`."""
    value = ExceptionValue(
        row["usage_id"],
        FIRST_REVISION,
        row["source"],
        row["record_id"],
        row["received_on"],
        row["reason"],
        detail=row["detail"],
    )
    return _exception_message("usage.rejected", value, time)


def _values(rated: RatedCalls) -> Column:
    """The JSON of `UsageValue` of each call, field by field in its order; a test holds it equal."""
    calls, judged, rows, names = rated.calls, rated.judgements, rated.rows, rated.names
    kind = calls.kind[rows]
    charged, others = calls.charged_digits.length[rows] > 0, calls.other_digits.length[rows] > 0
    return joined(
        b'{"customer_id":',
        decimals(judged.customer_id[rows]),
        b',"usage_id":',
        decimals(rated.usage_ids[rows]),
        b',"revision":%d,"number_id":' % FIRST_REVISION,
        decimals(judged.number_id[rows]),
        either(charged, b',"number":"+', b',"number":"'),
        rated.charged,
        shared(kind, lambda code: b'","source":%b,"record_id":"' % _json(calls.kinds[code].source)),
        _escaped(rated.record_ids),
        either(others, b'","other_party":"+', b'","other_party":"'),
        rated.others,
        shared(kind, lambda code: _of_kind(calls.kinds[code])),
        texts(instant_texts(calls.started[rows])),
        shared(
            judged.day[rows], lambda day: b'","local_date":"%b","duration_seconds":' % to_day(day).isoformat().encode()
        ),
        decimals(calls.seconds[rows]),
        b',"billed_seconds":',
        decimals(judged.billed_seconds[rows]),
        b',"units":',
        decimals(calls.units[rows]),
        b',"volume_bytes":',
        decimals(calls.volume[rows]),
        shared(judged.call_class[rows], lambda code: _field("call_class", names.classes[code])),
        shared(judged.destination[rows], lambda code: _field("destination", names.destinations[code])),
        _terms(judged, rows, names),
        b',"charge":',
        *amounts(judged.charge[rows]),
        b',"cost":',
        *amounts(judged.cost[rows]),
        b',"currency":"GBP"}',
    )


def _terms(judged: Judgements, rows: Int, names: Names) -> Column | bytes:
    """Band, tariff and step, which few rows differ in."""
    bands, steps = len(names.bands), BY_FALLBACK + 1

    def told(together: int) -> bytes:
        slot, band_and_step = divmod(together, bands * steps)
        band, step = divmod(band_and_step, steps)
        tariff = _field("tariff", names.tariffs[slot] if slot >= 0 else None)
        return _field("band", names.bands[band]) + tariff + b',"step":%d' % step

    together = (judged.tariff[rows] * bands + judged.band[rows]) * steps + judged.step[rows]
    return shared(together, told)


@lru_cache(maxsize=100_000)
def _field(name: str, text: str | None) -> bytes:
    return b',"%b":%b' % (name.encode(), _json(text))


def _of_kind(kind: Kind) -> bytes:
    return b'","direction":%b,"service_type":%b,"start":"' % (_json(kind.direction), _json(kind.service_type))


def _escaped(told: Column) -> Column:
    """Texts as they stand between the quotes of JSON."""
    if not _NEEDS_ESCAPE[np.frombuffer(laid_out(told), dtype=np.uint8)].any():
        return told
    return texts([_json(each.decode())[1:-1] for each in told.to_pylist()])


@lru_cache(maxsize=100_000)
def _pounds(micro: int) -> str | None:
    """Exact pounds with all their six places, None of MISSING; amounts repeat."""
    if micro == MISSING:
        return None
    pounds, rest = divmod(abs(micro), MICRO)
    return f"{'-' if micro < 0 else ''}{pounds}.{rest:06d}"


def _constant_headers(event_type: str, time: datetime) -> Headers:
    """What the headers of events of one type and time have in common."""
    headers = cloud_headers(id=UUID(int=0), type=event_type, source=SOURCE, time=time, subject="")
    return [(name, value) for name, value in headers if name not in ("ce_id", "ce_subject")]


def _exception_message(event_type: str, value: ExceptionValue, time: datetime) -> Outgoing:
    subject = f"{value.source}/{value.record_id}"
    event_id = UUID(_event_id(value.usage_id, value.revision))
    headers = cloud_headers(id=event_id, type=event_type, source=SOURCE, time=time, subject=subject)
    return value.source.encode(), _json(value), headers


_UUID = np.frombuffer(b"00000000-0000-8000-8000-000000000000", dtype=np.uint8)
_OF_USAGE_ID = ((0, 8), (9, 13), (15, 18), (20, 21))
_OF_REVISION = ((21, 23), (24, 36))
"""Where the digits are in the text, from and to."""


def _event_id(usage_id: int, revision: int) -> str:
    """The id of an event about usage, the same whenever it is derived again.

    A UUID of version 8: behind one another, the 16 hexadecimal digits of the usage id and 14 of the revision, around
    the version and the variant. What becomes of a usage id has one event a revision, whatever its type.
    """
    digits = f"{usage_id:016x}{revision:014x}"
    return f"{digits[:8]}-{digits[8:12]}-8{digits[12:15]}-8{digits[15:18]}-{digits[18:]}"


def _event_ids(usage_ids: Int, revisions: Int) -> Column:
    """`_event_id` of each."""
    written = np.tile(_UUID, (len(usage_ids), 1))
    _write(written, _hexadecimal(usage_ids), _OF_USAGE_ID)
    _write(written, _hexadecimal(revisions)[:, -14:], _OF_REVISION)
    return fixed(written)


def _write(written: NDArray[np.uint8], digits: NDArray[np.uint8], places: Sequence[tuple[int, int]]) -> None:
    at = 0
    for begin, end in places:
        written[:, begin:end] = digits[:, at : at + end - begin]
        at += end - begin


def _hexadecimal(numbers: Int) -> NDArray[np.uint8]:
    """The 16 hexadecimal digits of each number."""
    digits = numbers.astype(">i8").tobytes().hex().encode("ascii")
    return np.frombuffer(digits, dtype=np.uint8).reshape(len(numbers), 16)
