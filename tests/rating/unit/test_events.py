"""The hot path writes events by structs of its own: they are the contracts' events, field by field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from contracts.events import parse
from contracts.usage import UsageException, UsageRated, UsageUnpriced
from rating import events
from rating.domain.bands import day_and_band
from rating.domain.cdr import Cdr
from rating.domain.judging import Held, Rated
from rating.intake import Unread
from rating.service import events as by_contract

STARTED = datetime(2025, 7, 1, 23, 30, 5, tzinfo=UTC)
NOW = datetime(2025, 7, 2, 6, 0, tzinfo=UTC)
CDR = Cdr(
    source="northstar",
    record_id="r-1 Ł",
    charged_number="442079460123",
    other_party="",
    direction="outbound",
    service_type="voice",
    started=STARTED,
    local_date=day_and_band(STARTED)[0],
    band=day_and_band(STARTED)[1],
    seconds=61,
    units=0,
    volume_bytes=0,
    known_class=None,
    retail_micro=None,
    cdr_cost_micro=12_300,
    carrier_cost_micro=None,
    currency="GBP",
)
RATED = [
    Rated(7, 8, "National", "Manchester", 1, 1_234_567, 12_300, 120, "standard", "44161"),
    Rated(7, 8, "", "", 0, 0, None),
    Rated(7, 8, "Mobile", "", 2, -1, 12_300, 61),
]
HELD = [
    Held("suspended", "unknown_number", "no customer has it"),
    Held("ignored", "number_type", "ignored"),
    Held("unpriced", "no_price", "no rate", 7, 8),
]


@pytest.mark.parametrize("rated", RATED)
def test_a_rated_call_is_told_alike_on_both_ways(rated: Rated) -> None:
    """DESIGN, Events: where the hot path has its own struct for a contract, a test holds the two equal."""
    sent = events.rated_event(5, rated, CDR, NOW)
    assert parse("usage.rated", sent.value) == by_contract.rated_event(5, 1, rated, CDR)
    assert sent.key == b"7"


@pytest.mark.parametrize("held", HELD)
def test_a_held_call_is_told_alike_on_both_ways(held: Held) -> None:
    """DESIGN, Events: the same, for what is not charged."""
    sent = events.held_event(5, held, CDR, date(2025, 7, 2), NOW)
    told = dict(sent.headers)["ce_type"].decode()
    assert parse(told, sent.value) == by_contract.exception_event(5, 1, held, CDR, date(2025, 7, 2))


def test_a_rejected_record_is_told_as_its_contract_says() -> None:
    """R2: a rejected row says why."""
    unread = Unread("unknown", "", "bad_json", "not JSON", None, b"{")
    sent = events.rejected_event(5, unread, date(2025, 7, 2), NOW)
    told = parse("usage.rejected", sent.value)
    assert isinstance(told, UsageException)
    assert (told.reason, told.detail, told.source) == ("bad_json", "not JSON", "unknown")


def test_the_structs_have_the_fields_of_their_contracts() -> None:
    """DESIGN, Events: no field of the contract is left out, and none is added."""
    assert {field.name for field in msgspec.structs.fields(events.UsageValue)} == set(UsageRated.model_fields)
    fields = {field.name for field in msgspec.structs.fields(events.ExceptionValue)}
    assert fields == set(UsageException.model_fields) | set(UsageUnpriced.model_fields)


def test_kept_events_come_back_as_they_were() -> None:
    """DESIGN, Rating at volume: after a crash the kept bytes are sent."""
    sent = [events.rated_event(5, RATED[0], CDR, NOW), events.held_event(6, HELD[0], CDR, date(2025, 7, 2), NOW)]
    assert events.unpacked(events.packed(sent)) == sent
