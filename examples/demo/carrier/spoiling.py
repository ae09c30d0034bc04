"""Records that cannot be read: each takes a good one and breaks one thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from examples.demo.carrier.calls import TIMES, UK_DATES, Call, csv_row, json_value
from examples.demo.carrier.varieties import Variety

CHARGED, DATE, TIME, DURATION, RECORD_ID = 2, 4, 5, 6, 28
"""Columns of a UK Standard CDR."""
BAD_DATES = ("31/02/2025", "2025-01-15", "", "15/13/2025")
BAD_DURATIONS = ("-5", "12x", "1:30", "")


def spoilt_row(variety: Variety, call: Call) -> str:
    """A row of a file with one column broken. A date in the missing hour of March is no time at all (SPEC Z20)."""
    fields = csv_row(call).split(",")
    if variety is Variety.BAD_DATE:
        fields[DATE] = BAD_DATES[call.second % len(BAD_DATES)]
    elif variety is Variety.BAD_DURATION:
        fields[DURATION] = BAD_DURATIONS[call.second % len(BAD_DURATIONS)]
    elif variety is Variety.MISSING_HOUR:
        fields[DATE], fields[TIME] = "31/03/2024", f"01:{TIMES[call.second][3:]}"
    elif variety is Variety.NO_RECORD_ID:
        fields[RECORD_ID] = ""
    else:
        fields[CHARGED] = ""
    return ",".join(fields)


def spoilt_value(variety: Variety, call: Call) -> str:
    """A line of the stream with one thing broken, or something that is not a JSON object at all."""
    if variety is Variety.NOT_JSON:
        return _NOT_JSON[call.second % len(_NOT_JSON)]
    value = json.loads(json_value(call))
    _BREAKS[variety](value, call)
    return json.dumps(value, separators=(",", ":"))


_NOT_JSON = ("this is not JSON", '{"source": "livewire", "record_id": ', "[]", "42")


def _remove(field: str) -> Callable[[dict[str, Any], Call], None]:
    def remove(value: dict[str, Any], _call: Call) -> None:
        del value[field]

    return remove


def _bad_date(value: dict[str, Any], call: Call) -> None:
    value["start"] = f"{UK_DATES[call.day]} {TIMES[call.second]}"


def _bad_duration(value: dict[str, Any], call: Call) -> None:
    value["duration_seconds"] = (-5, "12x", None)[call.second % 3]


def _wrong_type(value: dict[str, Any], call: Call) -> None:
    field, wrong = (
        ("duration_seconds", {"seconds": 5}),
        ("charged_number", ["+442079460000"]),
        ("cdr_cost", "a penny"),
        ("service_type", "telepathy"),
    )[call.second % 4]
    value[field] = wrong


def _no_zone(value: dict[str, Any], _call: Call) -> None:
    value["start"] = value["start"].removesuffix("Z")


_BREAKS: dict[Variety, Callable[[dict[str, Any], Call], None]] = {
    Variety.BAD_DATE: _bad_date,
    Variety.BAD_DURATION: _bad_duration,
    Variety.MISSING_HOUR: _remove("start"),
    Variety.NO_RECORD_ID: _remove("record_id"),
    Variety.NO_CHARGED_NUMBER: _remove("charged_number"),
    Variety.NO_SOURCE: _remove("source"),
    Variety.WRONG_TYPE: _wrong_type,
    Variety.NO_ZONE: _no_zone,
}
