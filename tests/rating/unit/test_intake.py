"""Bytes of a record in, a CDR or the reason why it is none out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cdrs import CdrReceived
from rating.domain.calls import MISSING, Calls, Kind
from rating.domain.contents import content_of
from rating.intake import Loose, Unread, read, read_batch
from rating.records import Message, read_record

INT8 = 2**63
GOOD: dict[str, Any] = {
    "source": "northstar",
    "record_id": "NS-000001",
    "charged_number": "020 7946 0123",
    "other_party": "+441614960123",
    "start": "2025-01-15T09:30:00Z",
    "duration_seconds": 62,
}


def value_of(**changes: Any) -> bytes:
    """The record above with changes; a value of None takes a field away."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return json.dumps(fields).encode()


def given_record(**changes: Any) -> Calls | Unread:
    """Such a record, read."""
    return read(value_of(**changes))


def call(**changes: Any) -> Calls:
    """The one call that such a record is."""
    result = given_record(**changes)
    assert isinstance(result, Calls), result
    assert len(result) == 1
    return result


def refusal(**changes: Any) -> Unread:
    """The reason why such a record is none."""
    result = given_record(**changes)
    assert isinstance(result, Unread), result
    return result


def test_a_record_becomes_a_call_with_normalised_numbers_and_its_start_in_utc() -> None:
    """R1, R3: numbers as digits, the start in UTC, costs in micro-pounds."""
    got = call(start="2025-07-15T00:30:00+01:00", cdr_cost="0.0125", call_class="Mobile")
    assert (list(got.charged), list(got.others)) == (["442079460123"], ["441614960123"])
    assert (got.charged_digits.aligned[0], got.charged_digits.length[0]) == (442079460123000, 12)
    assert got.started[0] == datetime(2025, 7, 14, 23, 30, tzinfo=UTC).timestamp() * 10**6
    assert got.kinds == [Kind("northstar", "outbound", "voice", "Mobile", "GBP")]
    assert (got.seconds[0], got.cdr_cost[0], got.carrier_cost[0], got.retail[0]) == (62, 12_500, MISSING, MISSING)


def test_identifiers_are_trimmed_and_compared_exactly() -> None:
    """Z21: trimmed; case and zeros count."""
    got = call(source=" northstar ", record_id="  ns-01 ")
    assert (got.kinds[0].source, got.record_ids) == ("northstar", ["ns-01"])


@pytest.mark.parametrize(
    ("told", "seconds"), [(0, 0), (62, 62), ("62", 62), ("61.2", 62), ("0.001", 1), ("62.000", 62), (2**53, 2**53)]
)
def test_a_fraction_of_a_second_is_rounded_up_on_entry(told: int | str, seconds: int) -> None:
    """Z18."""
    assert call(duration_seconds=told).seconds[0] == seconds


@pytest.mark.parametrize(
    ("told", "micro"), [("0", 0), ("-1.5", -1_500_000), ("0.0000005", 1), ("1e-3", 1_000), ("1e9", 10**15)]
)
def test_a_cost_is_micro_pounds_half_up(told: str, micro: int) -> None:
    """Z17: 0 is a cost; what is finer than a micro-pound is rounded to it."""
    got = call(cdr_cost=told, suggested_retail_price=told, carrier_cost=told)
    assert (got.retail[0], got.cdr_cost[0], got.carrier_cost[0]) == (micro, micro, micro)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T09:30:00Z",
        "2025-01-15T09:30:00.000001Z",
        "2025-01-15T09:30:00.999999+00:00",
        "2025-07-15T09:30:00+01:00",
        "2024-02-29T23:59:59Z",
        "1990-01-01T00:00:00Z",
        "2200-12-31T23:59:59Z",
        "2025-01-15t09:30:00z",
    ],
)
def test_a_start_is_exact_to_the_microsecond_however_it_is_written(text: str) -> None:
    """R1: a start with its zone."""
    exact = datetime.fromisoformat(text.upper()) - datetime(1970, 1, 1, tzinfo=UTC)
    assert call(start=text).started[0] == exact // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29T09:30:00Z",
        "2025-13-01T09:30:00Z",
        "2025-00-01T09:30:00Z",
        "2025-01-00T09:30:00Z",
        "2025-01-15T24:00:00Z",
        "2025-01-15T09:60:00Z",
        "2025-01-15T09:30:60Z",
        "2025-01-15T09:3/:00Z",
        "2025-01-15T09:3٠:00Z",
        "1989-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "",
    ],
)
def test_an_instant_that_is_none_is_rejected(text: str) -> None:
    """R1: a start that no calendar has, or no call."""
    assert refusal(start=text).field == "start"


def test_what_is_charged_by_depends_on_the_service() -> None:
    """R1: seconds, messages, bytes; one message where none is told."""
    assert call(service_type="sms", units=3, duration_seconds=None).units[0] == 3
    assert call(service_type="sms", duration_seconds=None).units[0] == 1
    got = call(service_type="data", volume_bytes=1_500_000, duration_seconds="a while", units=7)
    assert (got.seconds[0], got.units[0], got.volume[0]) == (0, 0, 1_500_000)


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


def assert_storable(result: Calls | Unread) -> None:
    """Texts without NUL that are UTF-8, whole numbers of 64 bits."""
    for name, value in shown(result).items():
        if isinstance(value, str):
            assert "\x00" not in value, name
            assert len(value.encode()) < 10_000, name
        if isinstance(value, int):
            assert -INT8 <= value < INT8, name


def shown(result: Calls | Unread) -> dict[str, Any]:
    """The fields of a refusal, or of the one call."""
    if isinstance(result, Unread):
        return {name: getattr(result, name) for name in type(result).__slots__}
    texts = {"record_id": result.record_ids[0], "charged": result.charged[0], "other": result.others[0]}
    return {**texts, **result.kinds[result.kind[0]]._asdict()}


def content(**changes: Any) -> int:
    """The hash of the content of such a record."""
    return int(content_of(call(**changes))[0])


def test_a_second_copy_differs_from_a_conflicting_one_by_its_content() -> None:
    """Z21: the order of fields, the spelling and the file do not count, what is charged does."""
    again = read_batch([json.dumps(dict(reversed(GOOD.items())), indent=1).encode()])
    assert again.content.tolist() == [content()]
    for same in (
        {"origin": {"file_id": 3, "row": 9}},
        {"duration_seconds": "61.5"},
        {"charged_number": "+442079460123"},
    ):
        assert content(**same) == content()
    changes: list[dict[str, Any]] = [
        {"duration_seconds": 63},
        {"cdr_cost": "1"},
        {"carrier_cost": "1"},
        {"suggested_retail_price": "1"},
        {"other_party": "+441614960124"},
        {"other_party": "+4416149601230"},
        {"charged_number": "020 7946 0124"},
        {"start": "2025-01-15T09:30:01Z"},
        {"currency": "EUR"},
        {"call_class": "Mobile"},
        {"direction": "inbound"},
        {"service_type": "sms"},
        {"other_party": "1" * 20 + "1"},
        {"other_party": "1" * 20 + "2"},
    ]
    assert len({content(), *(content(**each) for each in changes)}) == len(changes) + 1


def test_the_hash_of_a_content_is_the_same_for_ever() -> None:
    """Z21: it is stored; another one would make conflicts of second copies of all that is stored."""
    assert content() == CONTENT
    assert content(other_party="1" * 20, cdr_cost="0.01") == LONG_CONTENT


def test_a_bad_record_goes_alone() -> None:
    """R2, Z22: the others of its batch keep their place and what they say."""
    good = [value_of(record_id=str(place), duration_seconds=place) for place in range(6)]
    strange = value_of(record_id="5", charged_number="withheld", call_class="Mobile", duration_seconds="4.5")
    batch = read_batch([None, good[0], b"{", good[1], good[2], value_of(start="soon"), strange, value_of(record_id="")])
    assert [(place, told.reason) for place, told in batch.unread] == [
        (0, "bad_json"),
        (2, "bad_json"),
        (5, "bad_field"),
        (7, "missing_record_id"),
    ]
    assert batch.rows.tolist() == [1, 3, 4, 6]
    assert batch.calls.record_ids == ["0", "1", "2", "5"]
    assert list(batch.calls.charged) == [*["442079460123"] * 3, ""]
    assert batch.calls.seconds.tolist() == [0, 1, 2, 5]
    assert [batch.calls.kinds[code].known_class for code in batch.calls.kind] == ["", "", "", "Mobile"]
    alone = [int(read_batch([value]).content[0]) for value in (*good[:3], strange)]
    assert batch.content.tolist() == alone


def test_a_long_batch_is_read_as_its_parts_are() -> None:
    """R3: a record keeps its place and what it says, however many come together."""
    values = [value_of(record_id=str(place), duration_seconds=place % 7 or None) for place in range(1_100)]
    values[500] = values[999] = b"{"
    batch = read_batch(values)
    bad = [place for place in range(1_100) if place % 7 == 0 or place in (500, 999)]
    good = sorted(set(range(1_100)) - set(bad))
    assert [place for place, _ in batch.unread] == bad
    assert (batch.rows.tolist(), batch.calls.record_ids) == (good, [str(place) for place in good])
    assert batch.calls.seconds.tolist() == [place % 7 for place in good]


def test_a_batch_of_nothing_is_nothing() -> None:
    """R3: nor is a batch of which nothing can be read any call."""
    assert (len(read_batch([]).calls), len(read_batch([]).rows)) == (0, 0)
    batch = read_batch([None, b"["])
    assert (len(batch.calls), len(batch.content), [place for place, _ in batch.unread]) == (0, 0, [0, 1])


def test_the_careful_reader_has_the_fields_of_the_contract() -> None:
    """DESIGN, Events: where a hot path has its own struct for a contract, a test holds the two equal."""
    for struct in (Message, Loose):
        assert {each.name for each in msgspec.structs.fields(struct)} == set(CdrReceived.model_fields)


RECORDS = st.fixed_dictionaries(
    {"source": st.sampled_from(["northstar", "x", " y "]), "record_id": st.text(min_size=1, max_size=20)},
    optional={
        "charged_number": st.sampled_from(["+442079460123", "0161 496 0123", "?"]),
        "other_party": st.sampled_from(["", "anonymous", "+4420794601230000000"]),
        "start": st.sampled_from(["2025-01-15T09:30:00Z", "2025-01-15T09:30:00", "2025-01-15T09:30:00.5Z", "soon"]),
        "duration_seconds": st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=6), st.none()),
        "units": st.one_of(st.integers(), st.text(max_size=3), st.none()),
        "volume_bytes": st.one_of(st.integers(min_value=0), st.none()),
        "service_type": st.sampled_from(["voice", "sms", "data"]),
        "cdr_cost": st.one_of(st.text(max_size=6), st.integers(), st.decimals(allow_nan=False).map(str)),
        "call_class": st.sampled_from(["Mobile", "", None]),
        "direction": st.sampled_from(["outbound", "inbound", "up"]),
        "currency": st.sampled_from(["GBP", "EUR", "gbp", "ΑΒΓ"]),
        "origin": st.sampled_from([None, {"file_id": 1, "row": 2}, 7]),
    },
)


@given(RECORDS)
def test_the_fast_reader_takes_nothing_that_the_contract_refuses(fields: dict[str, Any]) -> None:
    """E1: a voice call of the hot path is a record by the published contract too."""
    value = json.dumps({**fields, "service_type": "voice"}).encode()
    result = read(value)
    assert_storable(result)
    if isinstance(result, Calls):
        assert CdrReceived.model_validate_json(value).record_id.strip() == result.record_ids[0]


@given(st.lists(RECORDS, max_size=8))
def test_a_batch_is_read_as_each_record_with_care(records: list[dict[str, Any]]) -> None:
    """R2, Z17, Z18: reading in columns decides as the rules for one record do."""
    values = [json.dumps(each).encode() for each in records]
    batch, careful = read_batch(values), [read_record(value) for value in values]
    assert [told for _, told in batch.unread] == [told for told in careful if isinstance(told, Unread)]
    calls = batch.calls
    got = zip(
        calls.record_ids,
        calls.charged,
        calls.others,
        [calls.kinds[code] for code in calls.kind],
        *(getattr(calls, name).tolist() for name in NUMBERS),
        strict=True,
    )
    assert list(got) == [told for told in careful if not isinstance(told, Unread)]


NUMBERS = ("started", "seconds", "units", "volume", "retail", "cdr_cost", "carrier_cost")
CONTENT, LONG_CONTENT = 15644915727120431842, 4902707215067784617
