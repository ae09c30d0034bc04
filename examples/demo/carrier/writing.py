"""Turns a batch of calls into lines of text: rows of a file, or JSON values of the stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from examples.demo.carrier.calls import Call, csv_row, json_value
from examples.demo.carrier.spoiling import spoilt_row, spoilt_value
from examples.demo.carrier.varieties import SPOILT, Variety

KNOWN_CLASS = "Local"
FOREIGN_CURRENCY = "EUR"


def rows(varieties: Sequence[Variety], calls: Sequence[Call]) -> list[str]:
    """The rows of a UK Standard CDR file, each with its line end."""
    texts = []
    for variety, call in zip(varieties, calls, strict=True):
        if variety is Variety.PLAIN:
            texts.append(csv_row(call) + "\n")
        elif variety in SPOILT:
            texts.append(spoilt_row(variety, call) + "\n")
        else:
            texts.append(csv_row(_changed(variety, call)) + "\n")
    return texts


def values(varieties: Sequence[Variety], calls: Sequence[Call]) -> list[str]:
    """The JSON values of the stream, one a line."""
    texts = []
    for variety, call in zip(varieties, calls, strict=True):
        if variety is Variety.PLAIN:
            text = json_value(call)
        elif variety in SPOILT:
            text = spoilt_value(variety, call)
        elif variety in _CHANGES:
            text = _edited(call, _CHANGES[variety])
        else:
            text = json_value(_changed(variety, call))
        texts.append(text + "\n")
    return texts


def _changed(variety: Variety, call: Call) -> Call:
    """SPEC Z18: a fraction of a second counts as a whole one."""
    return call._replace(duration=f"{call.duration}.4") if variety is Variety.FRACTIONAL else call


def _edited(call: Call, change: Callable[[dict[str, Any]], None]) -> str:
    value = json.loads(json_value(call))
    change(value)
    return json.dumps(value, separators=(",", ":"))


def _other_zone(value: dict[str, Any]) -> None:
    """The same instant, told in Paris."""
    start = datetime.fromisoformat(value["start"].removesuffix("Z")) + timedelta(hours=1)
    value["start"] = f"{start.isoformat()}+01:00"


def _known_class(value: dict[str, Any]) -> None:
    value["call_class"] = KNOWN_CLASS


def _foreign_cost(value: dict[str, Any]) -> None:
    value["currency"] = FOREIGN_CURRENCY


_CHANGES: dict[Variety, Callable[[dict[str, Any]], None]] = {
    Variety.OTHER_ZONE: _other_zone,
    Variety.KNOWN_CLASS: _known_class,
    Variety.FOREIGN_COST: _foreign_cost,
}
