"""Events of usage are written by structs of their own: they are the contracts' events, field by field."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import parse
from contracts.usage import UsageException, UsageRated, UsageReversed, UsageUnpriced
from rating import events
from rating.domain.calls import MISSING, Calls, Int
from rating.domain.cdr import Cdr, columns_of, micros_of
from rating.domain.judgements import Judgements
from rating.domain.names import Names
from rating.domain.starts import instant_texts
from rating.domain.verdicts import Held, Rated
from rating.rated_calls import RatedCalls
from rating.records import Unread
from rating.service import events as by_contract
from rating.store.outcomes import held_row, rejected_row, usage_row

NOW = datetime(2025, 7, 2, 6, 0, tzinfo=UTC)
TODAY = date(2025, 7, 2)
GENERATION = 1 << 20
NAMES = Names(
    classes=["", "National", "Mobile"],
    destinations=["", "Manchester", "Łódź"],
    tariffs=["standard", "other"],
    prefixes=["", "44161"],
    rate_ids=np.array([70, 71]),
)
FIRST = Cdr(
    source="northstar",
    record_id='r-1 Ł "quoted"',
    charged_number="442079460123",
    other_party="",
    direction="outbound",
    service_type="voice",
    started=datetime(2025, 7, 1, 23, 30, 5, tzinfo=UTC),
    seconds=61,
    units=0,
    volume_bytes=0,
    known_class=None,
    retail_micro=None,
    cdr_cost_micro=12_300,
    carrier_cost_micro=None,
    currency="GBP",
)
SECOND = Cdr(
    source="eastwind",
    record_id="r-2",
    charged_number="",
    other_party="441614960123",
    direction="inbound",
    service_type="data",
    started=datetime(2024, 2, 29, 12, 0, 0, 250, tzinfo=UTC),
    seconds=0,
    units=0,
    volume_bytes=2**53,
    known_class="Mobile",
    retail_micro=-1,
    cdr_cost_micro=None,
    carrier_cost_micro=0,
    currency="EUR",
)
DAYS = (date(2025, 7, 2), date(2024, 2, 29))
RATED = [
    Rated(7, 8, "National", "Manchester", "peak", DAYS[0], 1, 1_234_567, 12_300, 120, "standard", "44161", 71),
    Rated(2**62, 9, "Mobile", "Łódź", "weekend", DAYS[1], 2, -1, None, 61, None, "", None, 10_500_000),
]
JUDGED = Judgements(
    generation=GENERATION,
    reason=np.array([0, 0]),
    customer_id=np.array([7, 2**62]),
    number_id=np.array([8, 9]),
    call_class=np.array([1, 2]),
    destination=np.array([1, 2]),
    band=np.array([1, 3]),
    day=np.array([(day - date(1970, 1, 1)).days for day in DAYS]),
    step=np.array([1, 2]),
    tariff=np.array([0, -1]),
    rate=np.array([1, -1]),
    markup=np.array([MISSING, 10_500_000]),
    charge=np.array([1_234_567, -1]),
    cost=np.array([12_300, MISSING]),
    billed_seconds=np.array([120, 61]),
)
CALLS: Calls = columns_of([FIRST, SECOND])
IDS: Int = np.array([5, (3 << 48) + 6])
ROWS = [usage_row(int(IDS[row]), 1, RATED[row], (FIRST, SECOND)[row], TODAY, GENERATION) for row in (0, 1)]
HELD = [
    Held("suspended", "unknown_number", "no customer has it", None, None, "peak", DAYS[0]),
    Held("ignored", "number_type", "ignored", None, None, "peak", DAYS[0]),
    Held("unpriced", "no_price", "no rate", 7, 8, "peak", DAYS[0]),
]


def rated(rows: Int) -> RatedCalls:
    return RatedCalls(CALLS, JUDGED, rows, IDS, NAMES)


def test_a_rated_call_is_told_alike_in_columns_from_its_row_and_by_its_contract() -> None:
    """DESIGN, Events: one state however it is told; after a crash the same event is derived again."""
    sent = events.usage_events(rated(np.arange(2)), time=NOW).listed()
    assert sent == events.usage_events_of_rows(ROWS, time=NOW).listed()
    assert [parse("usage.rated", value) for _, value, _ in sent] == [by_contract.rated_event(row) for row in ROWS]
    assert [key for key, _, _ in sent] == [b"7", b"%d" % 2**62]


def test_only_the_rows_that_are_asked_for_are_told() -> None:
    """Z22: a duplicate or held call of the batch has no `usage.rated`."""
    only = events.usage_events(rated(np.array([1])), time=NOW).listed()
    assert only == events.usage_events_of_rows(ROWS[1:], time=NOW).listed()
    nobody = np.array([], dtype=np.int64)
    assert events.usage_events(rated(nobody), time=NOW).listed() == []
    assert events.usage_events_of_rows([], time=NOW).listed() == []


def test_what_is_told_is_what_is_stored() -> None:
    """R9: amounts with six places, days and instants as they are."""
    told = [parse("usage.rated", value) for _, value, _ in events.usage_events_of_rows(ROWS, time=NOW).listed()]
    first, second = told
    assert isinstance(first, UsageRated)
    assert isinstance(second, UsageRated)
    assert (str(first.charge), str(first.cost), first.tariff, first.band) == (
        "1.234567",
        "0.012300",
        "standard",
        "peak",
    )
    assert (first.number, first.other_party, first.start, first.local_date) == (
        "+442079460123",
        "",
        FIRST.started,
        DAYS[0],
    )
    assert (str(second.charge), second.cost, second.tariff, second.start) == ("-0.000001", None, None, SECOND.started)
    assert (second.number, second.destination, second.volume_bytes) == ("", "Łódź", 2**53)


def test_a_reversal_has_the_whole_state_and_the_next_revision() -> None:
    """Z9: usage that is taken back."""
    told = by_contract.reversed_event(ROWS[0], "customer_dropped")
    assert isinstance(told, UsageReversed)
    before = by_contract.rated_event(ROWS[0])
    assert told.model_dump(exclude={"revision", "reason"}) == before.model_dump(exclude={"revision"})
    assert (told.revision, told.reason) == (2, "customer_dropped")


@pytest.mark.parametrize("held", HELD)
def test_a_held_call_is_told_alike_on_both_ways(held: Held) -> None:
    """DESIGN, Events: the same, for what is not charged."""
    row = held_row(5, 1, held, FIRST, TODAY, GENERATION)
    key, value, headers = events.held_event_of_row(row, time=NOW)
    told = dict(headers)
    assert parse(told["ce_type"].decode(), value) == by_contract.exception_event(row)
    assert (key, told["ce_subject"].decode()) == (b"northstar", 'northstar/r-1 Ł "quoted"')


def test_a_rejected_record_is_told_as_its_contract_says() -> None:
    """R2: a rejected row says why."""
    row = rejected_row(5, Unread("unknown", "", "bad_json", "not JSON", None, b"{"), TODAY)
    told = parse("usage.rejected", events.rejected_event_of_row(row, time=NOW)[1])
    assert isinstance(told, UsageException)
    assert (told.reason, told.detail, told.source) == ("bad_json", "not JSON", "unknown")


def test_the_structs_have_the_fields_of_their_contracts() -> None:
    """DESIGN, Events: no field of the contract is left out, and none is added."""
    assert {field.name for field in msgspec.structs.fields(events.UsageValue)} == set(UsageRated.model_fields)
    told = {field.name for field in msgspec.structs.fields(events.ExceptionValue)}
    assert told == set(UsageException.model_fields) | set(UsageUnpriced.model_fields)


def test_headers_are_those_of_cloud_events() -> None:
    """E1: id, type, source, time and subject in the headers."""
    headers = dict(events.usage_events_of_rows(ROWS[:1], time=NOW).listed()[0][2])
    assert headers == {
        "ce_id": b"00000000-0000-8000-8500-000000000001",
        "ce_type": b"usage.rated",
        "ce_source": b"/farthing/rating",
        "ce_time": b"2025-07-02T06:00:00Z",
        "ce_specversion": b"1.0",
        "ce_subject": b"7",
        "content-type": b"application/json",
    }


POSITIVE = st.integers(min_value=1, max_value=2**63 - 1)


@given(st.lists(st.tuples(POSITIVE, st.integers(min_value=1, max_value=2**31 - 1)), unique=True, max_size=20))
def test_an_event_id_is_a_uuid_of_its_usage_and_revision(told: list[tuple[int, int]]) -> None:
    """E1: an event has an id of its own, and the same one when it is derived again."""
    columns: Any = np.array(told, dtype=np.int64).reshape(-1, 2)
    ids = [UUID(each.decode()) for each in events._event_ids(columns[:, 0], columns[:, 1]).to_pylist()]
    assert [str(each) for each in ids] == [events._event_id(*each) for each in told]
    assert len(set(ids)) == len(told)
    assert all((each.version, each.variant) == (8, RFC_4122) for each in ids)
    digits = [each.hex[:12] + each.hex[13:16] + each.hex[17:] for each in ids]
    assert [(int(each[:16], 16), int(each[16:], 16)) for each in digits] == told


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2200, 12, 31), timezones=st.just(UTC)), max_size=5))
def test_instants_are_written_as_they_are(instants: list[datetime]) -> None:
    """R1: to the microsecond, in UTC."""
    micros = np.array([micros_of(each) for each in instants], dtype=np.int64)
    exact = [each.isoformat().replace("+00:00", "Z") for each in instants]
    assert [datetime.fromisoformat(each) for each in instant_texts(micros).tolist()] == instants
    assert instant_texts(micros).tolist() == exact


@given(st.lists(st.text(max_size=8), max_size=6))
def test_record_ids_of_any_characters_are_written_as_json_has_them(record_ids: list[str]) -> None:
    """R1: a record id is the supplier's, whatever it is made of."""
    calls = columns_of([replace(FIRST, record_id=each) for each in record_ids])
    rows = np.arange(len(record_ids))
    columns = {field.name: getattr(JUDGED, field.name) for field in fields(JUDGED) if field.name != "generation"}
    judged = replace(JUDGED, **{name: np.repeat(column[:1], len(rows)) for name, column in columns.items()})
    told = events.usage_events(RatedCalls(calls, judged, rows, rows + 1, NAMES), time=NOW).listed()
    assert [msgspec.json.decode(value)["record_id"] for _, value, _ in told] == record_ids
    stored = [
        usage_row(row + 1, 1, RATED[0], replace(FIRST, record_id=record_ids[row]), TODAY, 1) for row in rows.tolist()
    ]
    assert told == events.usage_events_of_rows(stored, time=NOW).listed()
