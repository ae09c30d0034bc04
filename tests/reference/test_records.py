"""The reference reads CDRs as the rules say, and rejects what cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.reference.records import Call, Record, Unreadable, read_json, read_row

HEADER = [
    "Call Type",
    "Customer Identifier",
    "Telephone Number Dialled",
    "Call Date",
    "Call Time",
    "Duration",
    "Salesprice",
    "Salesprice (Pre-Bundle)",
    "Record ID",
    "Currency",
    "Total Bytes Transferred",
]
GOOD_ROW = ["V", "01632960123", "07700900123", "15/01/2025", "09:30:00", "62", "0.0125", "9.99", " R1 ", "GBP", ""]
GOOD_VALUE: dict[str, Any] = {
    "source": "livewire",
    "record_id": " R1 ",
    "charged_number": "+441632960123",
    "other_party": "07700900123",
    "start": "2025-01-15T09:30:00Z",
    "duration_seconds": 62,
    "cdr_cost": "0.0125",
}


def row(**changes: str) -> Record:
    """A good row with some columns changed."""
    values = dict(zip(HEADER, GOOD_ROW, strict=True)) | {name.replace("_", " "): text for name, text in changes.items()}
    return read_row(HEADER, list(values.values()), "northstar")


def value(**changes: Any) -> Record:
    """A good JSON value with some fields changed."""
    return read_json(json.dumps(GOOD_VALUE | changes).encode())


def test_a_row_is_read_by_the_shipped_mapping() -> None:
    """R2: charged number, other party, cost, local start, duration; the id trimmed, the pre-bundle price ignored."""
    read = row()
    assert isinstance(read, Call)
    assert (read.record_id, read.charged_number, read.other_party) == ("R1", "01632960123", "07700900123")
    assert read.start == datetime(2025, 1, 15, 9, 30, tzinfo=UTC)
    assert (read.seconds, read.used, read.cost()) == (62, 62, Decimal("0.0125"))
    assert (read.service, read.inbound) == ("voice", False)


@pytest.mark.parametrize(
    ("call_type", "service", "inbound", "used"),
    [("V", "voice", False, 62), ("I", "voice", True, 62), ("S", "sms", False, 1), ("D", "data", False, 4096)],
)
def test_the_call_type_says_what_is_counted(call_type: str, service: str, inbound: bool, used: int) -> None:
    """R1: seconds of voice, messages, bytes."""
    read = row(Call_Type=call_type, Total_Bytes_Transferred="4096")
    assert isinstance(read, Call)
    assert (read.service, read.inbound, read.used) == (service, inbound, used)


@pytest.mark.parametrize(
    "broken",
    [
        {"Call_Type": "X"},
        {"Call_Date": "31/02/2025"},
        {"Call_Date": "2025-01-15"},
        {"Call_Date": ""},
        {"Call_Time": "24:00:00"},
        {"Call_Date": "30/03/2025", "Call_Time": "01:30:00"},
        {"Duration": "-5"},
        {"Duration": "12x"},
        {"Duration": "1:30"},
        {"Duration": ""},
        {"Duration": "NaN"},
        {"Salesprice": "a penny"},
        {"Record_ID": "  "},
        {"Customer_Identifier": ""},
        {"Call_Type": "D", "Total_Bytes_Transferred": ""},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_is_rejected(broken: dict[str, str]) -> None:
    """R2, Z20, Z21: it says why, and counts under its file's source."""
    read = row(**broken)
    assert isinstance(read, Unreadable)
    assert read.source == "northstar"


def test_a_row_with_too_few_columns_is_rejected() -> None:
    """R2."""
    assert isinstance(read_row(HEADER, GOOD_ROW[:-1], "northstar"), Unreadable)


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ({"Salesprice": ""}, None),
        ({"Salesprice": "0"}, Decimal(0)),
        ({"Currency": "EUR"}, None),
        ({"Currency": ""}, Decimal("0.0125")),
    ],
)
def test_an_empty_or_foreign_cost_is_missing_and_nought_is_a_cost(
    changes: dict[str, str], cost: Decimal | None
) -> None:
    """Z17."""
    read = row(**changes)
    assert isinstance(read, Call)
    assert read.cost() == cost


def test_a_fraction_of_a_second_is_rounded_up_on_entry() -> None:
    """Z18: in files and in the stream."""
    for read in (row(Duration="61.01"), value(duration_seconds="61.01")):
        assert isinstance(read, Call)
        assert read.used == 62


def test_the_best_cost_is_taken_of_those_there_are() -> None:
    """R5: suggested retail price, else CDR cost, else carrier cost."""
    for given, best in (
        ({"suggested_retail_price": "0.5", "carrier_cost": "0.1"}, "0.5"),
        ({"carrier_cost": "0.1"}, "0.0125"),
        ({"cdr_cost": None, "carrier_cost": "0.1"}, "0.1"),
        ({"cdr_cost": None}, None),
        ({"currency": "USD"}, None),
    ):
        read = value(**given)
        assert isinstance(read, Call)
        assert read.cost() == (None if best is None else Decimal(best))


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    """R1: a start has its zone."""
    read = value(start="2025-01-16T01:00:00+05:00")
    assert isinstance(read, Call)
    assert read.start == datetime(2025, 1, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "broken",
    [
        {"record_id": ""},
        {"record_id": 5},
        {"charged_number": ""},
        {"charged_number": ["+442079460000"]},
        {"start": "2025-01-15T09:30:00"},
        {"start": "15/01/2025 09:30:00"},
        {"start": None},
        {"duration_seconds": -5},
        {"duration_seconds": "12x"},
        {"duration_seconds": None},
        {"duration_seconds": {"seconds": 5}},
        {"cdr_cost": "a penny"},
        {"cdr_cost": 0.5},
        {"service_type": "telepathy"},
        {"direction": "sideways"},
        {"service_type": "data"},
        {"currency": "pounds"},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_is_rejected_under_its_source(broken: dict[str, Any]) -> None:
    """R2, R3."""
    assert value(**broken) == Unreadable("livewire", value(**broken).reason)  # type: ignore[union-attr]


@pytest.mark.parametrize("line", [b"this is not JSON", b"[]", b"42", b'{"source": 5}', b'{"record_id": "x"}', b"\xff"])
def test_an_unreadable_source_counts_as_unknown(line: bytes) -> None:
    """R3."""
    read = read_json(line)
    assert isinstance(read, Unreadable)
    assert read.source == "unknown"
