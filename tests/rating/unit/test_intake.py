"""Bytes of a record in, a CDR or the reason why it is none out."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cdrs import CdrReceived
from rating.domain.cdr import Cdr
from rating.intake import Read, Unread, read

INT8 = 2**63
GOOD: dict[str, Any] = {
    "source": "northstar",
    "record_id": "NS-000001",
    "charged_number": "020 7946 0123",
    "other_party": "+441614960123",
    "start": "2025-01-15T09:30:00Z",
    "duration_seconds": 62,
}


def given_record(**changes: Any) -> Read | Unread:
    """The record above with changes; a value of None takes a field away."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return read(json.dumps(fields).encode())


def cdr(**changes: Any) -> Cdr:
    """The CDR that such a record is."""
    result = given_record(**changes)
    assert isinstance(result, Read), result
    return result.cdr


def refusal(**changes: Any) -> Unread:
    """The reason why such a record is none."""
    result = given_record(**changes)
    assert isinstance(result, Unread), result
    return result


def test_a_record_becomes_a_cdr_with_normalised_numbers_and_its_local_day() -> None:
    """R1, R3: numbers as digits, the start in UTC, the day and band of London."""
    got = cdr(start="2025-07-15T00:30:00+01:00", cdr_cost="0.0125")
    assert (got.charged_number, got.other_party) == ("442079460123", "441614960123")
    assert got.started == datetime(2025, 7, 14, 23, 30, tzinfo=UTC)
    assert (got.local_date, got.band, got.seconds) == (date(2025, 7, 15), "offpeak", 62)
    assert (got.cdr_cost_micro, got.carrier_cost_micro, got.retail_micro) == (12_500, None, None)


def test_identifiers_are_trimmed_and_compared_exactly() -> None:
    """Z21: trimmed; case and zeros count."""
    got = cdr(source=" northstar ", record_id="  ns-01 ")
    assert (got.source, got.record_id) == ("northstar", "ns-01")


@pytest.mark.parametrize(
    ("told", "seconds"), [(0, 0), (62, 62), ("62", 62), ("61.2", 62), ("0.001", 1), ("62.000", 62)]
)
def test_a_fraction_of_a_second_is_rounded_up_on_entry(told: int | str, seconds: int) -> None:
    """Z18."""
    assert cdr(duration_seconds=told).seconds == seconds


def test_what_is_charged_by_depends_on_the_service() -> None:
    """R1: seconds, messages, bytes; one message where none is told."""
    assert cdr(service_type="sms", units=3, duration_seconds=None).used == 3
    assert cdr(service_type="sms", duration_seconds=None).used == 1
    assert cdr(service_type="data", volume_bytes=1_500_000, duration_seconds=30).used == 1_500_000


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"record_id": ""}, "missing_record_id", "record_id"),
        ({"record_id": "   "}, "missing_record_id", "record_id"),
        ({"charged_number": None}, "missing_charged_number", "charged_number"),
        ({"start": None}, "missing_start", "start"),
        ({"start": "2025-01-15T09:30:00"}, "bad_field", "start"),
        ({"start": "0001-01-01T00:00:00Z"}, "bad_start", "start"),
        ({"start": "9999-12-31T23:59:59-14:00"}, "bad_start", "start"),
        ({"duration_seconds": None}, "missing_duration", "duration_seconds"),
        ({"duration_seconds": -1}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": "-0.5"}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": "abc"}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": "NaN"}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": "Infinity"}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": INT8}, "bad_duration", "duration_seconds"),
        ({"duration_seconds": "9e999999"}, "bad_duration", "duration_seconds"),
        ({"service_type": "data"}, "missing_volume", "volume_bytes"),
        ({"service_type": "data", "volume_bytes": INT8}, "bad_volume", "volume_bytes"),
        ({"service_type": "sms", "units": INT8}, "bad_units", "units"),
        ({"cdr_cost": "a lot"}, "bad_cost", "cdr_cost"),
        ({"cdr_cost": "9e99"}, "bad_cost", "cdr_cost"),
        ({"carrier_cost": "-9e99"}, "bad_cost", "carrier_cost"),
        ({"direction": "sideways"}, "bad_field", "direction"),
        ({"currency": "pounds"}, "bad_field", "currency"),
        ({"other_party": "1\x002"}, "bad_text", None),
        ({"call_class": "Mob\x00ile"}, "bad_text", None),
    ],
)
def test_a_record_that_is_no_cdr_says_why_and_where(changes: dict[str, Any], reason: str, field: str | None) -> None:
    """R2: a rejected record keeps its id, its reason and the field."""
    got = refusal(**changes)
    assert (got.source, got.reason) == ("northstar", reason)
    assert field is None or got.field == field
    assert got.detail
    assert got.raw


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"source": 5}', b"[" * 100_000])
def test_what_cannot_be_read_at_all_counts_under_the_source_unknown(value: bytes | None) -> None:
    """R3: an unreadable source is counted as unknown, never lost."""
    got = read(value)
    assert isinstance(got, Unread)
    assert (got.source, got.raw) == ("unknown", value or b"")


def test_a_row_that_its_reader_refused_keeps_its_reason_and_its_place() -> None:
    """R2: the intake says why; the row is kept as it came."""
    got = refusal(
        intake_error={"reason": "bad_duration", "field": "Duration", "detail": "'abc' is not whole seconds"},
        raw="V,020 7946 0123,abc",
        origin={"file_id": 7, "row": 12},
    )
    assert (got.reason, got.field, got.raw) == ("bad_duration", "Duration", b"V,020 7946 0123,abc")
    assert (got.file_id, got.file_row) == (7, 12)


@pytest.mark.parametrize(
    "poison",
    [
        {"source": "north\x00star"},
        {"record_id": "1\x00"},
        {"intake_error": {"reason": "a\x00b", "detail": "c\x00d", "field": "e\x00f"}},
        {"intake_error": {"reason": "r", "detail": "d"}, "origin": {"file_id": 2**70, "row": 1}},
        {"intake_error": {"reason": "r", "detail": "d"}, "origin": {"file_id": 1, "row": -(2**70)}},
        {"duration_seconds": "abc", "origin": {"file_id": 2**70, "row": 1}},
        {"cdr_cost": "0e999999"},
        {"duration_seconds": "0e999999"},
        {"duration_seconds": 10**400},
        {"currency": "GBP\n"},
        {"cdr_cost": "x" * 800_000},
        {"intake_error": {"reason": "r" * 300_000, "detail": "d" * 300_000, "field": "f" * 300_000}},
    ],
)
def test_no_record_can_stop_its_partition(poison: dict[str, Any]) -> None:
    """R3: whatever a sender writes ends as a row that the database takes."""
    assert_storable(given_record(**poison))


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff", "\\u0000"])
@pytest.mark.parametrize("field", ["source", "record_id", "charged_number", "other_party", "call_class", "raw"])
def test_half_characters_do_not_stop_a_partition(text: str, field: str) -> None:
    """R3: lone surrogates are no text that Postgres or Kafka takes."""
    written = json.dumps({**GOOD, field: "@"}).replace("@", f"a{text}b").encode()
    assert_storable(read(written))


def assert_storable(result: Read | Unread) -> None:
    """Texts without NUL that are UTF-8, whole numbers of 64 bits."""
    shown = result.cdr if isinstance(result, Read) else result
    for name in type(shown).__slots__:
        value = getattr(shown, name)
        if isinstance(value, str):
            assert "\x00" not in value, name
            assert len(value.encode()) < 10_000, name
        if isinstance(value, int):
            assert -INT8 <= value < INT8, name


def test_a_second_copy_differs_from_a_conflicting_one_by_its_content() -> None:
    """Z21: the order of fields and the file do not count, what is charged does."""
    first = given_record()
    assert isinstance(first, Read)
    again = read(json.dumps(dict(reversed(GOOD.items())), indent=1).encode())
    moved = given_record(origin={"file_id": 3, "row": 9})
    for same in (again, moved):
        assert isinstance(same, Read)
        assert same.content == first.content
    for changes in ({"duration_seconds": 63}, {"cdr_cost": "1"}, {"other_party": "+441614960124"}):
        other = given_record(**changes)
        assert isinstance(other, Read)
        assert other.content != first.content


@given(
    st.fixed_dictionaries(
        {"source": st.sampled_from(["northstar", "x"]), "record_id": st.text(min_size=1, max_size=20)},
        optional={
            "charged_number": st.sampled_from(["+442079460123", "0161 496 0123", "?"]),
            "start": st.sampled_from(["2025-01-15T09:30:00Z", "2025-01-15T09:30:00", "yesterday"]),
            "duration_seconds": st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=6), st.none()),
            "units": st.one_of(st.integers(), st.text(max_size=3)),
            "cdr_cost": st.one_of(st.text(max_size=6), st.integers(), st.decimals(allow_nan=False).map(str)),
            "direction": st.sampled_from(["outbound", "inbound", "up"]),
            "currency": st.sampled_from(["GBP", "EUR", "gbp"]),
        },
    )
)
def test_the_fast_reader_takes_nothing_that_the_contract_refuses(fields: dict[str, Any]) -> None:
    """E1: a CDR of the hot path is one by the published contract too."""
    value = json.dumps(fields).encode()
    result = read(value)
    assert_storable(result)
    if isinstance(result, Read):
        assert CdrReceived.model_validate_json(value).record_id.strip() == result.cdr.record_id
