"""Frames of usage put into the real table and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from rating.domain.calls import MISSING, Int
from rating.domain.cdr import Cdr, columns_of
from rating.domain.judgements import Judgements
from rating.domain.names import Names
from rating.domain.verdicts import Rated
from rating.rated_calls import RatedCalls
from rating.store.frames import COLUMNS, COPY, frame_of, usage_frame
from rating.store.outcomes import usage_row

LARGEST = 2**63 - 1
GENERATION = (1 << 20) + 3
TODAY = date(2025, 7, 2)
EPOCH = date(1970, 1, 1)
NAMES = Names(
    classes=["", "National", "Pays étranger"],
    destinations=["", "Łódź", "東京", "Manchester"],
    tariffs=["standard", "ελληνικά"],
    prefixes=np.array(["", "44161", "441614960"], dtype=object),
    rate_ids=np.array([70, 71, LARGEST]),
)


@pytest.fixture
def connection(service_database: Callable[[str], str]) -> Iterator[psycopg.Connection[Any]]:
    """A fresh database of rating."""
    with psycopg.connect(service_database("rating"), row_factory=dict_row) as connection:
        yield connection


def stored(connection: psycopg.Connection[Any], frame: bytes, table: str = "usage") -> list[dict[str, Any]]:
    """The rows that a frame becomes, in their order; they are gone afterwards."""
    with connection.cursor() as cursor:
        with cursor.copy(COPY.format(table=table).encode()) as copy:
            copy.write(frame)
        rows = cursor.execute("SELECT * FROM usage ORDER BY usage_id").fetchall()
    connection.rollback()
    return rows


def cdr(record_id: str = "r-1", **changes: Any) -> Cdr:
    """A call with every cost."""
    plain = Cdr(
        source="northstar",
        record_id=record_id,
        charged_number="442079460123",
        other_party="441614960123",
        direction="outbound",
        service_type="voice",
        started=datetime(2025, 7, 1, 23, 30, 5, 1, tzinfo=UTC),
        seconds=61,
        units=0,
        volume_bytes=0,
        known_class=None,
        retail_micro=1,
        cdr_cost_micro=2,
        carrier_cost_micro=3,
        currency="GBP",
    )
    return replace(plain, **changes)


RATED = Rated(7, 8, "National", "Łódź", "peak", TODAY, 1, 1_234_567, 12_300, 120, "standard", "44161", 71, None)
ODD = [
    (cdr(), RATED),
    (cdr("ř" * 255, other_party="", known_class="Mobile"), replace(RATED, cost_micro=None, tariff=None)),
    (
        cdr("東" * 255, charged_number="1" * 64, source="ß" * 64, service_type="data", seconds=0, volume_bytes=2**53),
        Rated(
            LARGEST, LARGEST, "Pays étranger", "東京", "weekend", TODAY, 2, LARGEST, -LARGEST, LARGEST, markup=LARGEST
        ),
    ),
    (
        cdr("r-4", retail_micro=None, cdr_cost_micro=None, carrier_cost_micro=None, direction="inbound"),
        Rated(1, 2, "", "", "", date(1989, 12, 31), 0, -LARGEST, None),
    ),
    (cdr("r-5", started=datetime(1990, 1, 1, tzinfo=UTC)), replace(RATED, prefix="441614960", rate_id=LARGEST)),
    (cdr("r-6", started=datetime(2200, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)), replace(RATED, tariff="ελληνικά")),
    (cdr("\N{OWL}\n\t\\N", retail_micro=-1, cdr_cost_micro=0), replace(RATED, prefix="", rate_id=70)),
]


def judgements(rated: list[Rated]) -> Judgements:
    """Judgements as columns, by the names above."""

    def column(values: Any) -> Int:
        return np.array([MISSING if value is None else value for value in values], dtype=np.int64)

    rate_ids = NAMES.rate_ids.tolist()
    return Judgements(
        generation=GENERATION,
        reason=column(0 for _ in rated),
        customer_id=column(each.customer_id for each in rated),
        number_id=column(each.number_id for each in rated),
        call_class=column(NAMES.classes.index(each.call_class) for each in rated),
        destination=column(NAMES.destinations.index(each.destination) for each in rated),
        band=column(NAMES.bands.index(each.band) for each in rated),
        day=column((each.local_date - EPOCH).days for each in rated),
        step=column(each.step for each in rated),
        tariff=column(-1 if each.tariff is None else NAMES.tariffs.index(each.tariff) for each in rated),
        rate=column(-1 if each.rate_id is None else rate_ids.index(each.rate_id) for each in rated),
        markup=column(each.markup for each in rated),
        charge=column(each.charge_micro for each in rated),
        cost=column(each.cost_micro for each in rated),
        billed_seconds=column(each.billed_seconds for each in rated),
    )


def expected(told: list[tuple[Cdr, Rated]], ids: Int, revision: int = 1) -> list[dict[str, Any]]:
    """The rows as they are to be read."""
    return [
        usage_row(int(usage_id), revision, rated, each, TODAY, GENERATION)
        for usage_id, (each, rated) in zip(ids, told, strict=True)
    ]


def test_a_frame_has_every_column_of_the_table(connection: psycopg.Connection[Any]) -> None:
    """R9: nothing that explains a price is left out."""
    columns = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'usage'")
    assert {row["column_name"] for row in columns} == set(COLUMNS)


def test_odd_rows_come_back_as_they_were(connection: psycopg.Connection[Any]) -> None:
    """R3, R9: long ids, empty parties, names in every script, what is missing, and the largest values there are."""
    calls, judged = columns_of([each for each, _ in ODD]), judgements([rated for _, rated in ODD])
    ids = np.arange(len(ODD)) + (LARGEST - 100)
    frame = usage_frame(RatedCalls(calls, judged, np.arange(len(ODD)), ids, NAMES), received_on=TODAY)
    assert stored(connection, frame) == expected(ODD, ids)
    assert stored(connection, frame, "usage_1") == expected(ODD, ids)
    assert stored(connection, frame_of(expected(ODD, ids))) == expected(ODD, ids)


def test_only_the_rows_that_are_asked_for_are_stored(connection: psycopg.Connection[Any]) -> None:
    """Z22: what is held or a duplicate is no usage; each has its own revision and day of arrival."""
    calls, judged = columns_of([each for each, _ in ODD]), judgements([rated for _, rated in ODD])
    ids, rows = np.arange(len(ODD)) + 5, np.array([1, 3, 6])
    days = np.full(len(ODD), (TODAY - EPOCH).days)
    revisions = np.arange(len(ODD))
    frame = usage_frame(RatedCalls(calls, judged, rows, ids, NAMES), received_on=days, revision=revisions)
    wanted = [expected(ODD, ids, int(row))[row] for row in rows]
    assert stored(connection, frame) == wanted
    nothing = usage_frame(RatedCalls(calls, judged, rows[:0], ids, NAMES), received_on=TODAY)
    assert stored(connection, nothing) == []


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
MAYBE = st.none() | st.integers(-LARGEST, LARGEST)
CDRS = st.builds(
    cdr,
    TEXT,
    other_party=st.sampled_from(["", "441614960123"]),
    source=TEXT,
    known_class=st.none() | TEXT.filter(bool),
    started=st.datetimes(datetime(1990, 1, 1), datetime(2200, 12, 31), timezones=st.just(UTC)),
    seconds=st.integers(0, LARGEST),
    retail_micro=MAYBE,
    cdr_cost_micro=MAYBE,
    carrier_cost_micro=MAYBE,
)
RATES = [("", None), *zip(NAMES.prefixes, NAMES.rate_ids.tolist(), strict=True)]


@st.composite
def rated_calls(draw: st.DrawFn) -> Rated:
    """What any call may be rated as."""
    prefix, rate_id = draw(st.sampled_from(RATES))
    return Rated(
        customer_id=draw(st.integers(1, LARGEST)),
        number_id=draw(st.integers(1, LARGEST)),
        call_class=draw(st.sampled_from(NAMES.classes)),
        destination=draw(st.sampled_from(NAMES.destinations)),
        band=draw(st.sampled_from(NAMES.bands)),
        local_date=EPOCH + timedelta(days=draw(st.integers(0, 80_000))),
        step=draw(st.integers(0, 4)),
        charge_micro=draw(st.integers(-LARGEST, LARGEST)),
        cost_micro=draw(MAYBE),
        billed_seconds=draw(st.integers(0, LARGEST)),
        tariff=draw(st.sampled_from([None, *NAMES.tariffs])),
        prefix=prefix,
        rate_id=rate_id,
        markup=draw(MAYBE),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CDRS, rated_calls()), max_size=12))
def test_both_ways_of_writing_give_the_same_rows(
    connection: psycopg.Connection[Any], told: list[tuple[Cdr, Rated]]
) -> None:
    """R3, R9: whatever is rated is stored as it was judged, a batch as columns like a few rows alone."""
    ids = np.arange(len(told)) + 1
    calls, judged = columns_of([each for each, _ in told]), judgements([rated for _, rated in told])
    frame = usage_frame(RatedCalls(calls, judged, np.arange(len(told)), ids, NAMES), received_on=TODAY)
    assert frame == frame_of(expected(told, ids))
    assert stored(connection, frame) == expected(told, ids)
