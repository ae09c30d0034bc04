"""Rows of suppliers' files by a mapping (SPEC R2, Z17, Z18, Z20, Z21)."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.cdrs import CdrReceived
from rating.domain.local_times import iso_time
from rating.domain.mapped_rows import RowReader, Unreadable
from rating.domain.mapping import CdrMapping
from rating.domain.rows import cells_of

UK = CdrMapping.model_validate_json(files("rating").joinpath("data/uk-standard-cdr.json").read_text("utf-8"))
GOOD = {
    "Call Type": "V",
    "Customer Identifier": "020 7946 0123",
    "Telephone Number Dialled": "0161 496 0123",
    "Call Date": "15/01/2025",
    "Call Time": "09:30:00",
    "Duration": "62",
    "Salesprice": "0.0125",
    "Salesprice (Pre-Bundle)": "9.99",
    "Record ID": " NS-000001 ",
    "Currency": "GBP",
}


def read(mapping: CdrMapping = UK, **changed: str) -> dict[str, Any] | Unreadable:
    row = GOOD | {name.replace("_", " "): value for name, value in changed.items()}
    return RowReader(mapping).read([row.get(name, "") for name in mapping.header])


def reason(mapping: CdrMapping = UK, **changed: str) -> tuple[str, str | None]:
    bad = read(mapping, **changed)
    assert isinstance(bad, Unreadable), bad
    return bad.reason, bad.field


def good(mapping: CdrMapping = UK, **changed: str) -> dict[str, Any]:
    cdr = read(mapping, **changed)
    assert isinstance(cdr, dict), cdr
    CdrReceived.model_validate_json(json.dumps(cdr | {"source": "northstar"}))
    return cdr


def changed(**fields: Any) -> CdrMapping:
    return CdrMapping.model_validate(UK.model_dump() | fields)


def test_a_voice_row_of_the_uk_standard_cdr() -> None:
    """R2: the 42 columns ship as a mapping; Salesprice is the cost, the pre-bundle price is not; ids are trimmed."""
    assert len(UK.header) == 42
    assert good() == {
        "record_id": "NS-000001",
        "charged_number": "020 7946 0123",
        "other_party": "0161 496 0123",
        "direction": "outbound",
        "service_type": "voice",
        "start": "2025-01-15T09:30:00Z",
        "duration_seconds": 62,
        "currency": "GBP",
        "cdr_cost": "0.0125",
    }


def test_each_call_type_has_its_own_usage() -> None:
    """R1: seconds of voice, units of SMS, bytes of data."""
    inbound = good(Call_Type="I")
    assert (inbound["direction"], inbound["duration_seconds"]) == ("inbound", 62)
    sms = good(Call_Type="S", Duration="")
    assert (sms["service_type"], sms["units"], "duration_seconds" in sms) == ("sms", 1, False)
    data = good(Call_Type="D", Total_Bytes_Transferred="1500000")
    assert (data["service_type"], data["volume_bytes"]) == ("data", 1_500_000)


@pytest.mark.parametrize(
    ("day", "time", "instant"),
    [
        ("15/07/2025", "09:30:00", "2025-07-15T08:30:00Z"),
        ("15/07/2025", "00:10:00", "2025-07-14T23:10:00Z"),
        ("30/03/2025", "00:59:59", "2025-03-30T00:59:59Z"),
        ("30/03/2025", "02:00:00", "2025-03-30T01:00:00Z"),
        ("26/10/2025", "01:30:00", "2025-10-26T00:30:00Z"),
        ("26/10/2025", "02:00:00", "2025-10-26T02:00:00Z"),
        ("15/07/1970", "12:00:00", "1970-07-15T11:00:00Z"),
    ],
)
def test_local_times_are_london_times(day: str, time: str, instant: str) -> None:
    """Z20, B3: no hour lost, none twice; in the repeated hour the first is meant."""
    cdr = CdrReceived.model_validate(good(Call_Date=day, Call_Time=time) | {"source": "northstar"})
    assert cdr.start is not None
    assert cdr.start.isoformat().replace("+00:00", "Z") == instant


def test_a_mapping_may_mean_the_second_of_the_repeated_hour() -> None:
    """Z20."""
    mapping = changed(second_of_repeated_hour=True)
    assert good(mapping, Call_Date="26/10/2025", Call_Time="01:30:00")["start"] == "2025-10-26T01:30:00Z"


def test_a_time_in_the_missing_hour_is_rejected_with_that_reason() -> None:
    """Z20."""
    assert reason(Call_Date="30/03/2025", Call_Time="01:30:00") == ("missing_local_time", "Call Time")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("61.0001", 62), ("59.000", 59), (".5", 1)])
def test_a_fraction_of_a_second_is_rounded_up(text: str, seconds: int) -> None:
    """Z18."""
    assert good(Duration=text)["duration_seconds"] == seconds


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("Call_Type", "X", "bad_call_type"),
        ("Call_Type", "", "bad_call_type"),
        *[("Call_Date", text, "bad_date") for text in ("31/02/2025", "2025-01-15", "", "1/2/2025", "15/13/2025")],
        *[("Call_Time", text, "bad_time") for text in ("24:00:00", "9:30", "", "9:30:00")],
        *[("Duration", text, "bad_duration") for text in ("-5", "12x", "1:30", "", "1e3", "٣", "nan", "1_0")],
        ("Record_ID", "  ", "missing_record_id"),
        ("Record_ID", "x" * 256, "bad_record_id"),
        ("Customer_Identifier", "", "missing_charged_number"),
        *[("Salesprice", text, "bad_cost") for text in ("a penny", "1,5", "£1", "inf", "1e-3")],
        ("Currency", "pounds", "bad_currency"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(field: str, text: str, expected: str) -> None:
    """R2: a rejected row says why, and in which column."""
    assert reason(**{field: text}) == (expected, field.replace("_", " "))


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1 000"])
def test_data_needs_its_volume(text: str) -> None:
    """R1."""
    assert reason(Call_Type="D", Total_Bytes_Transferred=text) == ("bad_volume", "Total Bytes Transferred")


def test_a_row_of_another_width_is_rejected() -> None:
    """R2."""
    assert RowReader(UK).read(["V", "1"]) == Unreadable("wrong_columns", None, "2 columns, the mapping has 42")


def test_a_rejected_row_keeps_what_could_be_read() -> None:
    """R3: counted under its source, found by its id."""
    bad = read(Duration="x")
    assert isinstance(bad, Unreadable)
    assert (bad.record_id, bad.charged_number) == ("NS-000001", "020 7946 0123")


def test_an_empty_cost_is_missing_and_zero_is_a_cost() -> None:
    """Z17: unless the mapping says "empty when 0"."""
    assert "cdr_cost" not in good(Salesprice="")
    assert good(Salesprice="0.00")["cdr_cost"] == "0.00"
    assert "cdr_cost" not in good(changed(empty_when_zero=["cdr_cost"]), Salesprice="0.00")
    assert good(Currency="")["currency"] == "GBP"
    assert good(Currency="EUR")["currency"] == "EUR"


def test_units_are_data_too() -> None:
    """R2: columns, formats, units."""
    mapping = changed(
        duration_unit="hh:mm:ss", volume_unit="megabytes", cost_unit="pence", date_format="%Y%m%d", time_format="%H%M"
    )
    cdr = good(mapping, Duration="1:00:05", Salesprice="1.25", Call_Date="20250115", Call_Time="0930")
    assert (cdr["duration_seconds"], cdr["cdr_cost"], cdr["start"]) == (3605, "0.0125", "2025-01-15T09:30:00Z")
    data = good(
        mapping, Call_Type="D", Duration="", Total_Bytes_Transferred="1.5", Call_Date="20250115", Call_Time="0930"
    )
    assert data["volume_bytes"] == 1_500_000


def test_an_id_may_be_built_from_named_columns() -> None:
    """Z21: and all of them are needed."""
    mapping = changed(columns=UK.columns.model_dump() | {"record_id": ["Carrier", "Record ID"]})
    assert good(mapping, Carrier="blue")["record_id"] == "blue/NS-000001"
    assert reason(mapping) == ("missing_record_id", "Carrier")


def test_a_mapping_must_name_columns_of_its_header() -> None:
    with pytest.raises(ValidationError, match="'Colour' is not a column"):
        changed(columns=UK.columns.model_dump() | {"cdr_cost": "Colour"})


@given(st.text(alphabet='ab",;\r \t\x00é', max_size=30))
def test_a_line_without_quotes_is_cut_as_the_csv_reader_cuts_it(line: str) -> None:
    """R2: the quick way and the careful one are one way."""
    plain = line.replace('"', "")
    try:
        expected: list[str] | None = next(csv.reader((plain.rstrip("\r"),)), [])
    except csv.Error:
        expected = None
    try:
        assert cells_of(plain) == expected
    except csv.Error:
        assert expected is None


@given(
    st.from_regex(r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{0,2})?", fullmatch=True) | st.times().map(str) | st.text(max_size=9)
)
def test_the_usual_times_are_read_as_their_format_says(text: str) -> None:
    """Z20: the quick reader of `%H:%M:%S` takes what that format takes, and nothing else."""
    try:
        told = datetime.strptime(text, "%H:%M:%S")  # noqa: DTZ007 (a local time)
    except ValueError:
        expected = None
    else:
        expected = told.time() if told.strftime("%H:%M:%S") == text else None
    assert iso_time(text) == expected
