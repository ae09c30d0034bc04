"""What became of calls, as events: those of a batch encoded as columns, those of a few calls as their contracts.

An event is told from the same values wherever they come from: a batch that was just judged, the rows that a crash left
stored but perhaps not told, or a call that became something else by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.topics import USAGE_EXCEPTIONS, USAGE_RATED
from rating.domain.calendars import to_day
from rating.domain.calls import MISSING, Calls, Int
from rating.domain.closing import with_plus
from rating.domain.judgements import Judgements
from rating.domain.names import Names, chosen
from rating.domain.starts import instant_texts
from service_kit.kafka import cloud_headers

SOURCE = "/farthing/rating"
FIRST_REVISION = 1
MICRO = 10**6
Headers: TypeAlias = list[tuple[str, bytes]]
Outgoing: TypeAlias = tuple[bytes, bytes, Headers]
"""Key, value and headers of a record; plain tuples, as they are made by the thousand."""
TOPICS = (USAGE_RATED, USAGE_EXCEPTIONS)
_Key = TypeVar("_Key")


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


def usage_events(
    calls: Calls, judgements: Judgements, rows: Int, usage_ids: Int, names: Names, *, time: datetime
) -> list[Outgoing]:
    """`usage.rated` of calls that were stored now, each with its first revision.

    Args:
        calls, judgements, usage_ids: one row a call.
        rows: which of them, in ascending order; all of them rated.
        names: of the codes of the judgements.
        time: the present.

    Returns: records for the topic `usage.rated`, in the order of the rows.
    """
    told = _call_columns(calls, rows) | _judged_columns(judgements, rows, names)
    told["usage_id"] = usage_ids[rows].tolist()
    told["revision"] = [FIRST_REVISION] * len(rows)
    values = map(UsageValue, *(told[name] for name in UsageValue.__struct_fields__ if name in told))
    return _usage_messages(values, event_ids(usage_ids[rows], np.full(len(rows), FIRST_REVISION)), time)


def usage_events_of_rows(rows: Sequence[Mapping[str, Any]], *, time: datetime) -> list[Outgoing]:
    """`usage.rated` of rows of `usage` as they are stored: the same events, to the byte but for their time."""
    ids = event_ids(_column(rows, "usage_id"), _column(rows, "revision"))
    return _usage_messages(map(usage_value, rows), ids, time)


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


def by_partition(messages: Iterable[Outgoing], partition_of: Callable[[bytes], int]) -> dict[int, list[Outgoing]]:
    """Records by the partition of their key, which is asked once a key; in their order."""
    partitions: dict[bytes, list[Outgoing]] = {}
    by_number: dict[int, list[Outgoing]] = {}
    for message in messages:
        key = message[0]
        members = partitions.get(key)
        if members is None:
            members = partitions[key] = by_number.setdefault(partition_of(key), [])
        members.append(message)
    return by_number


def _call_columns(calls: Calls, rows: Int) -> dict[str, Sequence[Any]]:
    kind = calls.kind[rows].tolist()
    return {
        "number": _with_plus(chosen(calls.charged, rows)),
        "other_party": _with_plus(chosen(calls.others, rows)),
        "record_id": chosen(calls.record_ids, rows),
        "source": _named([each.source for each in calls.kinds], kind),
        "direction": _named([each.direction for each in calls.kinds], kind),
        "service_type": _named([each.service_type for each in calls.kinds], kind),
        "start": instant_texts(calls.started[rows]),
        "duration_seconds": calls.seconds[rows].tolist(),
        "units": calls.units[rows].tolist(),
        "volume_bytes": calls.volume[rows].tolist(),
    }


def _judged_columns(judged: Judgements, rows: Int, names: Names) -> dict[str, Sequence[Any]]:
    return {
        "customer_id": judged.customer_id[rows].tolist(),
        "number_id": judged.number_id[rows].tolist(),
        "call_class": _named(names.classes, judged.call_class[rows].tolist()),
        "destination": _named(names.destinations, judged.destination[rows].tolist()),
        "band": _named(names.bands, judged.band[rows].tolist()),
        "tariff": [names.tariffs[slot] if slot >= 0 else None for slot in judged.tariff[rows].tolist()],
        "local_date": _told_once(judged.day[rows], lambda day: to_day(day).isoformat()),
        "step": judged.step[rows].tolist(),
        "billed_seconds": judged.billed_seconds[rows].tolist(),
        "charge": list(map(_pounds, judged.charge[rows].tolist())),
        "cost": list(map(_pounds, judged.cost[rows].tolist())),
    }


def _named(names: Sequence[str], codes: Sequence[int]) -> list[str]:
    return [names[code] for code in codes]


def _told_once(column: Int, tell: Callable[[int], _Key]) -> list[_Key]:
    """What a rule says of each value of a column; it is asked once a value."""
    listed = column.tolist()
    told = {value: tell(value) for value in set(listed)}
    return [told[value] for value in listed]


def _with_plus(numbers: Sequence[str]) -> list[str]:
    return ["+" + digits if digits else digits for digits in numbers]


@lru_cache(maxsize=100_000)
def _pounds(micro: int) -> str | None:
    """Exact pounds with all their six places, None of MISSING; amounts repeat."""
    if micro == MISSING:
        return None
    pounds, rest = divmod(abs(micro), MICRO)
    return f"{'-' if micro < 0 else ''}{pounds}.{rest:06d}"


def _usage_messages(values: Iterable[UsageValue], ids: Iterable[bytes], time: datetime) -> list[Outgoing]:
    kind, source, at, version, content = _constant_headers("usage.rated", time)
    told = list(values)
    keys = [b"%d" % each.customer_id for each in told]
    return [
        (key, value, [("ce_id", event_id), kind, source, at, version, ("ce_subject", key), content])
        for key, value, event_id in zip(keys, map(_json, told), ids, strict=True)
    ]


def _constant_headers(event_type: str, time: datetime) -> Headers:
    """What the headers of events of one type and time have in common."""
    headers = cloud_headers(id=UUID(int=0), type=event_type, source=SOURCE, time=time, subject="")
    return [(name, value) for name, value in headers if name not in ("ce_id", "ce_subject")]


def _exception_message(event_type: str, value: ExceptionValue, time: datetime) -> Outgoing:
    event_id = event_ids(np.array([value.usage_id]), np.array([value.revision]))[0]
    subject = f"{value.source}/{value.record_id}"
    headers = cloud_headers(id=UUID(event_id.decode()), type=event_type, source=SOURCE, time=time, subject=subject)
    return value.source.encode(), _json(value), headers


_UUID = np.frombuffer(b"00000000-0000-8000-8000-000000000000", dtype=np.uint8)
_OF_USAGE_ID = ((0, 8), (9, 13), (15, 18), (20, 21))
_OF_REVISION = ((21, 23), (24, 36))
"""Where the digits are in the text, from and to."""


def event_ids(usage_ids: Int, revisions: Int) -> list[bytes]:
    """The ids of the events about usage, the same whenever they are derived again.

    A UUID of version 8: behind one another, the 16 hexadecimal digits of the usage id and 14 of the revision, around
    the version and the variant. What becomes of a usage id has one event a revision, whatever its type.
    """
    texts = np.tile(_UUID, (len(usage_ids), 1))
    _write(texts, _hexadecimal(usage_ids), _OF_USAGE_ID)
    _write(texts, _hexadecimal(revisions)[:, -14:], _OF_REVISION)
    return list(texts.view(f"V{len(_UUID)}").ravel().tolist())


def _write(texts: NDArray[np.uint8], digits: NDArray[np.uint8], places: Sequence[tuple[int, int]]) -> None:
    at = 0
    for begin, end in places:
        texts[:, begin:end] = digits[:, at : at + end - begin]
        at += end - begin


def _hexadecimal(numbers: Int) -> NDArray[np.uint8]:
    """The 16 hexadecimal digits of each number."""
    digits = numbers.astype(">i8").tobytes().hex().encode("ascii")
    return np.frombuffer(digits, dtype=np.uint8).reshape(len(numbers), 16)
