"""One usage record, and how it is written: a row of a UK Standard CDR file or a JSON value for Kafka.

Times are local; from December to February Europe/London is UTC, so they are UTC too.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

HEADER_FILE = Path(__file__).parents[1] / "data" / "uk-standard-cdr-header.csv"

FIRST_DAY = date(2024, 12, 1)
JANUARY = 31
"""Index of 1 January 2025, days counted from `FIRST_DAY`."""
FEBRUARY = 62
DAYS = [FIRST_DAY + timedelta(days=index) for index in range(FEBRUARY + 1)]
UK_DATES = [f"{day:%d/%m/%Y}" for day in DAYS]
ISO_DATES = [day.isoformat() for day in DAYS]
TIMES = [f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" for second in range(86_400)]

VOICE_OUT, VOICE_IN, SMS, DATA = "V", "I", "S", "D"
"""Call Type codes of the shipped mapping."""
_TO_RECORD_ID = "," * 15


class Call(NamedTuple):
    """A usage record as its supplier knows it.

    `charged` and `other` are spelled as the supplier spells them; `day` is an index into `DAYS`, `second` counts from
    local midnight; `duration` is in seconds and may have a fraction; `volume` in bytes; `cost` in pounds or empty.
    """

    source: str
    record_id: str
    call_type: str
    charged: str
    other: str
    day: int
    second: int
    duration: str
    volume: int
    cost: str


def header() -> str:
    """The 42 column names, as one line."""
    return HEADER_FILE.read_text(encoding="utf-8").strip()


def csv_row(call: Call) -> str:
    """The record as a row of 42 columns, without the line end. The pre-bundle price is there to be ignored."""
    _, record_id, kind, charged, other, day, second, duration, volume, cost = call
    if kind == DATA:
        sent = volume // 5
        transfer, total, description = f"{sent},{volume - sent}", str(volume), '"Data, mobile"'
    else:
        transfer, total, description = ",", "", ""
    return (
        f"{kind},,{charged},{other},{UK_DATES[day]},{TIMES[second]},{duration},{transfer},{description},,"
        f",{cost},9.99{_TO_RECORD_ID}{record_id},GBP,,,,,{total},,,,,,,"
    )


_SERVICES = {
    VOICE_OUT: '"direction":"outbound","service_type":"voice"',
    VOICE_IN: '"direction":"inbound","service_type":"voice"',
    SMS: '"direction":"outbound","service_type":"sms"',
    DATA: '"direction":"outbound","service_type":"data"',
}


def json_value(call: Call) -> str:
    """The record as a CdrReceived JSON value on one line."""
    source, record_id, kind, charged, other, day, second, duration, volume, cost = call
    if kind == DATA:
        amount = f'"volume_bytes":{volume}'
    elif kind == SMS:
        amount = '"units":1'
    else:
        amount = f'"duration_seconds":{duration}' if duration.isdigit() else f'"duration_seconds":"{duration}"'
    cost_field = f',"cdr_cost":"{cost}"' if cost else ""
    return (
        f'{{"source":"{source}","record_id":"{record_id}","charged_number":"{charged}","other_party":"{other}",'
        f'{_SERVICES[kind]},"start":"{ISO_DATES[day]}T{TIMES[second]}Z",{amount}{cost_field}}}'
    )
