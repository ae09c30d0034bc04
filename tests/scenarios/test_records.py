"""What became of the records that came in: out of order, late, twice, unreadable, or for numbers that nobody has."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Hashable
from itertools import pairwise
from typing import TypeVar

import httpx
from tests.scenarios.ledger import Json, Ledger

Key = TypeVar("Key", bound=Hashable)
RecordKey = tuple[str, str]
"""Source and record id."""
UNKNOWN_NUMBER = "+441632960731"
TIMEOUT_SECONDS = 60.0


def until(reached: Callable[[], bool], what: str) -> None:
    """Ask until something is so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_SECONDS:.0f} s: {what}"
        time.sleep(0.1)


def accounts_of(ledger: Ledger) -> dict[str, Json]:
    """What became of all records of each of the carrier's sources."""
    report = ledger.apis.rating.get("/reports/outcomes", group="source")
    return {each["source"]: each for each in report["items"]}


def duplicates_of(ledger: Ledger) -> Counter[tuple[str, str]]:
    """How many second copies there are of each record."""
    return Counter((each["source"], each["record_id"]) for each in ledger.apis.rating.items("/duplicates"))


def test_every_record_of_every_source_ended_in_one_way(ledger: Ledger) -> None:
    """R3: received = rated + unpriced + suspended + ignored + duplicate + rejected, and nothing is missing."""
    given = Counter(row.source for row in ledger.rows)
    for line in ledger.stream:
        given[_source(line)] += 1
    accounts = accounts_of(ledger)
    outcomes = ("rated", "unpriced", "suspended", "ignored", "duplicate", "rejected")
    for source, count in given.items():
        assert accounts[source]["received"] == count == sum(accounts[source][outcome] for outcome in outcomes)
    assert len(given) == 4


def _source(line: str) -> str:
    try:
        return str(json.loads(line)["source"])
    except (ValueError, KeyError, TypeError):
        return "unknown"


def test_calls_that_came_out_of_order_are_charged_all_the_same(ledger: Ledger) -> None:
    """R1: in whatever order they arrive; the stream's calls jump back and forth."""
    keys = [(value["source"], value.get("record_id", "")) for value in ledger.values if "source" in value]
    started = [ledger.charged[key]["started"] for key in keys if key in ledger.charged]
    assert started != sorted(started)
    assert sum(later < earlier for earlier, later in pairwise(started)) > 50


def test_a_copy_within_a_file_is_charged_once(ledger: Ledger) -> None:
    """R1, Z21: once per source and record id; B5: the copy costs nothing either."""
    twice = _repeated(Counter((row.file, row.source, row.record_id) for row in ledger.rows if row.record_id))
    keys = {(source, record_id) for _, source, record_id in twice} & set(ledger.charged)
    assert keys
    assert _charged_times(ledger, keys) == {1}
    assert all(duplicates_of(ledger)[key] >= 1 for key in keys)


def test_a_copy_in_another_file_is_charged_once(ledger: Ledger) -> None:
    """R1: in however many files it arrives."""
    in_files = Counter(
        (source, record_id)
        for _, source, record_id in {(row.file, row.source, row.record_id) for row in ledger.rows if row.record_id}
    )
    keys = _repeated(in_files) & set(ledger.charged)
    assert keys
    assert _charged_times(ledger, keys) == {1}


def test_a_copy_in_the_stream_of_a_record_in_a_file_is_charged_once(ledger: Ledger) -> None:
    """R1: files, stream and batches are one and the same intake."""
    in_files = {(row.source, row.record_id) for row in ledger.rows}
    in_stream = {(value.get("source", ""), value.get("record_id", "")) for value in ledger.values}
    keys = in_files & in_stream & set(ledger.charged)
    assert keys
    assert _charged_times(ledger, keys) == {1}
    assert all(duplicates_of(ledger)[key] >= 1 for key in keys)


def _repeated(counts: Counter[Key]) -> set[Key]:
    return {key for key, count in counts.items() if count > 1}


def _charged_times(ledger: Ledger, keys: set[RecordKey]) -> set[int]:
    times = Counter((call["source"], call["record_id"]) for call in ledger.calls)
    return {times[source, record_id] for source, record_id in keys}


def test_no_copy_is_shown_as_a_conflict_where_the_content_is_the_same(ledger: Ledger) -> None:
    """Z21: one with other content would be; these are exact copies, whatever way they came."""
    assert duplicates_of(ledger)
    carriers = {row.source for row in ledger.rows} | {"livewire"}
    conflicts = [each for each in ledger.apis.rating.items("/duplicates", conflict=True) if each["source"] in carriers]
    assert conflicts == []


def test_a_row_that_cannot_be_read_says_where_it_stands_and_why(ledger: Ledger) -> None:
    """R2: a rejected row says why; each is found by its file and row."""
    files = {each["file_id"]: each["name"] for each in ledger.apis.rating.items("/cdr-files")}
    rows = {(row.file, row.number): row for row in ledger.rows}
    bad = [
        (each, rows[files[each["file_id"]], each["file_row"]])
        for each in ledger.held("rejected")
        if each["file_id"] and (files[each["file_id"]], each["file_row"]) in rows
    ]
    assert all(each["source"] == row.source and each["detail"] for each, row in bad)
    negative = [each for each, row in bad if row.fields["Duration"] == "-5"]
    impossible = [each for each, row in bad if row.fields["Call Date"] == "31/02/2025"]
    nameless = {each["reason"] for each, row in bad if not row.record_id}
    nobodys = {each["reason"] for each, row in bad if not row.fields["Customer Identifier"]}
    assert negative or impossible
    assert nameless == {"missing_record_id"}
    assert nobodys == {"missing_charged_number"}


def test_a_time_in_the_hour_that_the_clocks_skip_is_no_time(ledger: Ledger) -> None:
    """Z20, B3: 31 March 2024, 01:00 to 01:59, did not happen in London."""
    skipped = {(row.source, row.record_id) for row in ledger.rows if row.fields["Call Date"] == "31/03/2024"}
    rejected = {(each["source"], each["record_id"]): each["reason"] for each in ledger.held("rejected")}
    assert skipped
    assert len({rejected[key] for key in skipped}) == 1


def test_a_rejected_row_put_right_and_sent_again_is_charged(ledger: Ledger) -> None:
    """R2, Z21: a rejected record does not use up its id."""
    rejected = {(each["source"], each["record_id"]) for each in ledger.held("rejected") if each["record_id"]}
    put_right = rejected & set(ledger.charged)
    assert put_right
    assert _charged_times(ledger, put_right) == {1}


def test_lines_of_the_stream_that_are_no_records_are_counted_as_unknown(ledger: Ledger) -> None:
    """R3: an unreadable source is counted as "unknown"."""
    bad = [line for line in ledger.stream if _source(line) == "unknown"]
    unknown = accounts_of(ledger)["unknown"]
    assert bad
    assert unknown["rejected"] == unknown["received"] == len(bad)


def test_a_time_told_in_another_zone_is_the_same_instant(ledger: Ledger) -> None:
    """R1: the start comes with its zone."""
    paris = [value for value in ledger.values if str(value.get("start", "")).endswith("+01:00")]
    found = [
        (value, ledger.charged[key])
        for value in paris
        if (key := (value["source"], value["record_id"])) in ledger.charged
    ]
    assert found
    for value, call in found:
        hour = int(value["start"][11:13])
        assert int(call["started"][11:13]) == (hour - 1) % 24


def test_calls_of_a_number_that_nobody_has_are_held(ledger: Ledger) -> None:
    """R3: held in suspense, never lost, and on nobody's bill."""
    held = ledger.held("suspended", "unknown_number")
    of_month = [call for call in held if call["charged_number"].startswith("+44306999")]
    assert of_month
    assert not {call["charged_number"] for call in of_month} & set(ledger.number_types)
    assert all(call["customer_id"] is None for call in of_month)


def test_calls_outside_a_numbers_active_period_are_held(ledger: Ledger) -> None:
    """R3: the call plan's start and end are the number's active period, inclusive."""
    periods = {
        number["number"]: (number["start"], number.get("end", "9999-12-31"))
        for customer in ledger.month.customers
        for number in customer["numbers"]
    }
    held = ledger.held("suspended", "no_active_call_plan")
    assert held
    for call in held:
        start, end = periods[call["charged_number"]]
        assert not start <= call["local_date"] <= end
    for call in ledger.calls:
        start, end = periods[call["charged_number"]]
        assert start <= call["local_date"] <= end


def test_calls_of_numbers_to_be_ignored_are_counted_and_not_charged(ledger: Ledger) -> None:
    """R3: ignored by number type, never lost."""
    ignored = ledger.held("ignored")
    assert ignored
    assert {ledger.number_types[call["charged_number"]] for call in ignored} == {"ignore_traffic"}
    assert ledger.usage[ledger.account("ignored")] == []


def test_the_same_file_again_is_refused_naming_the_first(ledger: Ledger) -> None:
    """R2: a file is accepted once, by content, whatever it is called."""
    path = sorted((ledger.month.folder / "cdr-files").glob("*.csv"))[0]
    content = path.read_bytes()
    first = next(
        each for each in ledger.apis.rating.items("/cdr-files") if each["sha256"] == hashlib.sha256(content).hexdigest()
    )
    answer = _post_file(ledger, content)
    assert answer.status_code == 409
    assert path.name in answer.text or str(first["file_id"]) in answer.text


def _post_file(ledger: Ledger, content: bytes) -> httpx.Response:
    parameters = {"source": "northstar", "mapping": "uk-standard-cdr", "name": "again.csv"}
    return ledger.apis.rating.call(
        "POST", "/cdr-files", params=parameters, headers={"Content-Type": "text/csv"}, content=content, accept=(409,)
    )


def test_a_held_call_is_charged_by_itself_when_its_number_is_added(ledger: Ledger) -> None:
    """R3: suspense is retried by itself when a number is added."""
    apis = ledger.apis
    record = {
        "source": "walk-in", "record_id": "W-1", "charged_number": UNKNOWN_NUMBER, "other_party": "+442079460123",
        "start": "2025-01-15T10:00:00Z", "duration_seconds": 120,
    }  # fmt: skip
    assert apis.rating.post("/cdrs", {"records": [record]})["accepted"] == 1
    until(lambda: _waits(ledger), "the call of an unknown number is held")
    customer = apis.customers.post(
        "/customers",
        {"name": "Latecomer Lamps", "billing_cycle": "manual", "status_from": "2025-01-01", "tariff": "BUSINESS"},
    )
    number = {"number": UNKNOWN_NUMBER, "number_type": "geographic", "call_plan": "standard", "start": "2025-01-01"}
    apis.customers.post(f"/customers/{customer['customer_id']}/numbers", number)
    path = f"/customers/{customer['customer_id']}/usage"
    until(lambda: bool(apis.rating.get(path)["items"]), "the held call is charged")
    [call] = apis.rating.get(path)["items"]
    assert (call["record_id"], call["band"], call["charge"]) == ("W-1", "peak", "0.025000")  # 2 minutes at 0.0125
    assert not _waits(ledger)


def _waits(ledger: Ledger) -> bool:
    held = ledger.held("suspended", "unknown_number")
    return any(call["charged_number"] == UNKNOWN_NUMBER for call in held)
