"""Calls that come together on a bill: pools, fallback markups, copies; each line worked out by hand.

A call is a minute of 14 January 2025 (a Tuesday) at 10:00 unless said; a bill's usage line is its class, band, plan and
net. Tariffs are those of `hand_calls`: a mobile costs 0.05 and 0.07 a minute, 0.12 at least, free below 5 s; Manchester
0.10 for each begun minute; Nowhere 0.20 a minute in 30/6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
MOBILE, MANCHESTER, NOWHERE, LONDON = "447700900001", "441614960001", "441632960001", "442079460001"


def _plan(unit: str, quantity: str, classes: list[str], **more: object) -> Json:
    pool = {"name": "pool", "unit": unit, "quantity": quantity, "call_classes": classes}
    return {"name": "Plan", "pools": [pool], **more}


PLANS = {
    "TWO-MOBILE": _plan("minutes", "2", ["Mobile"]),
    "ONE-MINUTE": _plan("minutes", "1", ["National"]),
    "OR-A-POUND": _plan("minutes", "100", ["National"], monthly_cap="1.00"),
    "CASH": _plan("cash", "0.25", ["National"]),
    "THREE-CALLS": _plan("calls", "3", ["National"]),
    "MEGABYTE": _plan("megabytes", "1", ["Data"]),
}


@dataclass(frozen=True)
class Used:
    """A customer, its calls of two months in the order of their coming, and the usage lines of its two bills."""

    why: str
    january: list[Json]
    billed: list[str]
    february: list[Json] = field(default_factory=list)
    billed_then: list[str] = field(default_factory=list)
    customer: Json = field(default_factory=lambda: {"tariff": "PLAIN"})
    number: Json = field(default_factory=dict)
    plans: list[str] = field(default_factory=list)


def _call(party: str = MANCHESTER, at: str = "2025-01-14T10:00:00Z", seconds: int | None = 60, **more: object) -> Json:
    return {"other_party": party, "start": at, "duration_seconds": seconds, **more}


def _minutes(count: int) -> list[Json]:
    return [_call(at=f"2025-01-14T10:{minute:02d}:00Z") for minute in range(count)]


def _data(volume: int, hour: int) -> Json:
    return _call("", f"2025-01-14T{hour}:00:00Z", None, service_type="data", volume_bytes=volume)


ALL = (
    Used(
        "two minutes to mobiles; the last to come is the first to draw; a late one finds nothing left of January",
        [
            _call(MOBILE, "2025-01-13T10:00:00Z", 100),  # 0.05 + 0.07 x 100 / 60 = 0.166667
            _call(MOBILE, "2025-01-12T10:00:00Z", 100),  # 60 s are left: 0.07 x 40 / 60, raised to 0.12, no connection
            _call(MOBILE, "2025-01-11T10:00:00Z", 60),
            _call(MOBILE, "2025-01-10T11:00:00Z", 4),
            _call(MOBILE, "2025-01-10T10:00:00Z", 0),
        ],
        ["Mobile peak  0.17", "Mobile weekend TWO-MOBILE 0.12"],
        [_call(MOBILE, "2025-01-09T10:00:00Z", 60), _call(MOBILE, "2025-02-03T10:00:00Z", 60)],
        ["Mobile peak  0.12", "Mobile peak TWO-MOBILE 0.00"],
        plans=["TWO-MOBILE"],
    ),
    Used(
        "billed seconds draw, and no second increment is made of the rest: 36 + 24 of 36, then 12 s at 0.20 = 0.04",
        [_call(NOWHERE, f"2025-01-14T1{hour}:00:00Z", 31) for hour in range(3)],
        ["National peak  0.12", "National peak ONE-MINUTE 0.04"],
        plans=["ONE-MINUTE"],
    ),
    Used(
        "a hundred minutes or a pound",
        _minutes(12),
        ["National peak  0.20", "National peak OR-A-POUND 0.00"],
        plans=["OR-A-POUND"],
    ),
    Used("a quarter of a pound", _minutes(4), ["National peak  0.10", "National peak CASH 0.05"], plans=["CASH"]),
    Used("three calls", _minutes(5), ["National peak  0.20", "National peak THREE-CALLS 0.00"], plans=["THREE-CALLS"]),
    Used(
        "a megabyte: 600,000 and 400,000 bytes are covered, 200,000 are charged",
        [_data(600_000, 10), _data(600_000, 11)],
        ["Data peak MEGABYTE 0.20"],
        plans=["MEGABYTE"],
    ),
    Used(
        "fallback: the tariff's 10 %, to its two places",
        [_call(cdr_cost="0.1234")],
        ["National peak  0.14"],
        customer={"tariff": "FALLS", "fallback_markup": "30"},
        number={"fallback_markup": "20"},
    ),
    Used(
        "fallback: without a tariff the number's 20 %",
        [_call(cdr_cost="10")],
        ["National peak  12.00"],
        customer={"fallback_markup": "30"},
        number={"fallback_markup": "20"},
    ),
    Used(
        "fallback: else the customer's 30 %",
        [_call(cdr_cost="10")],
        ["National peak  13.00"],
        customer={"fallback_markup": "30"},
    ),
    Used("nothing answers: never at zero by accident", [_call(cdr_cost="10")], [], customer={}),
    Used(
        "copies: trimmed, with other content, in another batch",
        [_call(record_id="A"), _call(record_id=" A "), _call(record_id="A", seconds=600), _call(record_id="a")],
        ["National peak  0.20"],
        [_call(record_id="A"), _call(record_id="a ", seconds=6000)],
        [],
    ),
    Used(
        "a rejected record does not use up its id",
        [_call(record_id="B", seconds=-1), _call(record_id="B", at="2025-01-32T10:00:00Z"), _call(record_id="B")],
        ["National peak  0.10"],
    ),
    Used(
        "a line is the exact sum rounded once: 7 x 0.0010",
        [_call(LONDON, f"2025-01-14T10:0{minute}:00Z", 1) for minute in range(7)],
        ["National peak  0.01"],
    ),
    Used(
        "a call that begins on 31 January in London is January's, one that begins at midnight is not",
        [_call(at="2025-01-31T23:59:59Z"), _call(at="2025-02-01T00:00:00Z")],
        ["National offpeak  0.10"],
        [],
        ["National weekend  0.10"],
    ),
)
