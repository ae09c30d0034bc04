"""CDRs as they come: UK Standard CDR files and JSON records, each a Call or Unreadable (SPEC R1, R2, Z17, Z20, Z21)."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tests.support.reference.days import instant_of

UNKNOWN_SOURCE = "unknown"
POUNDS = "GBP"
CALL_TYPES = {
    "V": ("voice", "outbound"),
    "I": ("voice", "inbound"),
    "S": ("sms", "outbound"),
    "D": ("data", "outbound"),
}
_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Call:
    """A CDR that could be read. `used` is seconds of voice, messages or bytes; `costs` best first, None missing."""

    source: str
    record_id: str
    charged_number: str
    other_party: str
    service: str
    inbound: bool
    start: datetime
    seconds: int
    used: int
    call_class: str | None = None
    costs: tuple[Decimal | None, ...] = ()

    def cost(self) -> Decimal | None:
        """SPEC R5: the best cost there is: suggested retail price, else CDR cost, else carrier cost."""
        return next((cost for cost in self.costs if cost is not None), None)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is rejected, with its source where that could be read (SPEC R3)."""

    source: str
    reason: str


class _BadRecordError(Exception):
    """Why a record cannot be read."""


Record = Call | Unreadable


def records_of(folder: Path) -> Iterator[Record]:
    """Every record of a carrier folder: its files in the order of upload, then its stream."""
    seen: set[bytes] = set()
    for entry in json.loads((folder / "cdr-files.json").read_text(encoding="utf-8")):
        path = folder / "cdr-files" / Path(entry["file"]).name
        content = hashlib.file_digest(path.open("rb"), "sha256").digest()
        if content not in seen:  # SPEC R2: a file is accepted once, by content
            seen.add(content)
            yield from records_of_file(path, entry["source"])
    stream = folder / "stream.jsonl"
    if stream.exists():
        with stream.open("rb") as lines:
            yield from (read_json(line) for line in lines if line.strip())


def records_of_file(path: Path, source: str) -> Iterator[Record]:
    """Every row of a UK Standard CDR file."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows)]
        for values in rows:
            if values:
                yield read_row(header, values, source)


def read_row(header: list[str], values: list[str], source: str) -> Record:
    """A row of a UK Standard CDR file by the shipped mapping (SPEC R2)."""
    if len(values) != len(header):
        return Unreadable(source, "columns")
    try:
        return _call_of_row(dict(zip(header, map(str.strip, values), strict=True)), source)
    except _BadRecordError as bad:
        return Unreadable(source, str(bad))


def _call_of_row(row: Mapping[str, str], source: str) -> Call:
    if row["Call Type"] not in CALL_TYPES:
        raise _BadRecordError("call type")
    service, direction = CALL_TYPES[row["Call Type"]]
    cost = _amount(row["Salesprice"], "cost")
    in_pounds = (row["Currency"] or POUNDS) == POUNDS
    seconds = whole_seconds(_amount(row["Duration"] or None, "duration"), needed=service == "voice")
    return Call(
        source=source,
        record_id=_needed(row["Record ID"], "record id"),
        charged_number=_needed(row["Customer Identifier"], "charged number"),
        other_party=row["Telephone Number Dialled"],
        service=service,
        inbound=direction == "inbound",
        start=_start(row["Call Date"], row["Call Time"]),
        seconds=seconds if service == "voice" else 0,
        used={"voice": seconds, "sms": 1}[service] if service != "data" else _bytes(row["Total Bytes Transferred"]),
        costs=(None, cost if in_pounds else None, None),
    )


def _start(day: str, time: str) -> datetime:
    date_parts, time_parts = _DATE.fullmatch(day), _TIME.fullmatch(time)
    if not date_parts or not time_parts:
        raise _BadRecordError("start")
    day_of_month, month, year = map(int, date_parts.groups())
    hour, minute, second = map(int, time_parts.groups())
    try:
        instant = instant_of(datetime(year, month, day_of_month, hour, minute, second))
    except ValueError:
        raise _BadRecordError("start") from None
    if instant is None:
        raise _BadRecordError("missing hour")
    return instant


def _bytes(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _BadRecordError("volume")
    return int(text)


def _needed(text: str, what: str) -> str:
    if not text.strip():
        raise _BadRecordError(what)
    return text.strip()


def _amount(text: str | None, what: str) -> Decimal | None:
    """A decimal string; None or empty is missing (SPEC Z17)."""
    if text is None or not text.strip():
        return None
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise _BadRecordError(what) from None
    if not value.is_finite():
        raise _BadRecordError(what)
    return value


def whole_seconds(value: Decimal | None, *, needed: bool) -> int:
    """SPEC Z18: a duration in whole seconds, fractions rounded up."""
    if value is None:
        if needed:
            raise _BadRecordError("duration")
        return 0
    if value < 0:
        raise _BadRecordError("duration")
    return int(value.to_integral_value(ROUND_CEILING))


def read_json(line: bytes) -> Record:
    """A record of the stream (SPEC R1): JSON, with the fields of the contract."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Unreadable(UNKNOWN_SOURCE, "json")
    if not isinstance(value, dict):
        return Unreadable(UNKNOWN_SOURCE, "json")
    return read_value(value)


def read_value(value: Mapping[str, Any]) -> Record:
    """A record from its JSON object."""
    source = value.get("source")
    if not isinstance(source, str) or not 0 < len(source.strip()) <= 64:
        return Unreadable(UNKNOWN_SOURCE, "source")
    try:
        return _call_of_value(value, source.strip())
    except _BadRecordError as bad:
        return Unreadable(source.strip(), str(bad))


def _call_of_value(value: Mapping[str, Any], source: str) -> Call:
    if value.get("intake_error"):
        raise _BadRecordError("intake error")
    service = _one_of(value, "service_type", ("voice", "sms", "data"))
    direction = _one_of(value, "direction", ("outbound", "inbound"))
    currency = _text(value, "currency", 3) or POUNDS
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise _BadRecordError("currency")
    prices = [_price(value, name) for name in ("suggested_retail_price", "cdr_cost", "carrier_cost")]
    seconds = _seconds(value, needed=service == "voice")
    units, volume = _count(value, "units"), _count(value, "volume_bytes")
    if service == "data" and volume is None:
        raise _BadRecordError("volume")
    return Call(
        source=source,
        record_id=_needed(_text(value, "record_id", 255), "record id"),
        charged_number=_needed(_text(value, "charged_number", 64), "charged number"),
        other_party=_text(value, "other_party", 64),
        service=service,
        inbound=direction == "inbound",
        start=_instant(value),
        seconds=seconds if service == "voice" else 0,
        used={"voice": seconds, "sms": 1 if units is None else units, "data": volume or 0}[service],
        call_class=_text(value, "call_class", 64) or None,
        costs=tuple(prices) if currency == POUNDS else (),
    )


def _text(value: Mapping[str, Any], name: str, longest: int) -> str:
    text = value.get(name, "")
    if text is None and name == "call_class":
        return ""
    if not isinstance(text, str) or len(text) > longest:
        raise _BadRecordError(name)
    return text


def _one_of(value: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    text = value.get(name, known[0])
    if text not in known:
        raise _BadRecordError(name)
    return str(text)


def _price(value: Mapping[str, Any], name: str) -> Decimal | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise _BadRecordError(name)  # money is never a JSON number
    if text is not None and not text.strip():
        raise _BadRecordError(name)
    return _amount(text, name)


def _seconds(value: Mapping[str, Any], *, needed: bool) -> int:
    given = value.get("duration_seconds")
    if given is not None and (isinstance(given, bool) or not isinstance(given, str | int)):
        raise _BadRecordError("duration")
    return whole_seconds(None if given is None else _amount(str(given) or "x", "duration"), needed=needed)


def _count(value: Mapping[str, Any], name: str) -> int | None:
    given = value.get(name)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise _BadRecordError(name)
    return given


def _instant(value: Mapping[str, Any]) -> datetime:
    given = value.get("start")
    if not isinstance(given, str):
        raise _BadRecordError("start")
    try:
        start = datetime.fromisoformat(given)
    except ValueError:
        raise _BadRecordError("start") from None
    if start.tzinfo is None:
        raise _BadRecordError("start")
    return start.astimezone(UTC)
