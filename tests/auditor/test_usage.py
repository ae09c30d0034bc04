"""The auditor on rating's database, and on what rating and invoicing say of the same calls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.auditor.loosened import Ledger, ledger_of, loosened
from tests.support.auditor.usage import SLOT_BITS
from tests.support.platform import Databases

from rating.domain.recordkeys import in_order, keys_of_ids

FIRST = 1 << SLOT_BITS
"""The usage id of slot 1, offset 0."""

SEED = 5


def keys(record_ids: str, first: int = FIRST) -> str:
    """A script that adds the keys of records of `ns`, whose usage ids follow each other."""
    usage_ids = np.arange(first, first + len(record_ids))
    stored = in_order(keys_of_ids([("ns", each) for each in record_ids], usage_ids, SEED))
    return f"INSERT INTO key_block (block, keys) VALUES ({first}, '\\x{stored.tobytes().hex()}');"


RATING = f"""
INSERT INTO input_position (slot, topic, topic_id, partition, position)
    OVERRIDING SYSTEM VALUE VALUES (1, 'cdr.received', 'x', 0, 8);
INSERT INTO reference_entry (list, code, version, entry, changed_in) VALUES
    ('statuses', 'active', 1, '{{"status": {{"accumulates_charges": true, "dropped": false}}}}', 1),
    ('statuses', 'dropped', 1, '{{"status": {{"accumulates_charges": false, "dropped": true}}}}', 1);
INSERT INTO customer (customer_id, version, status, status_history, changed_in) VALUES
    (1, 1, 'active', '[{{"status": "active", "effective_from": "2024-06-01"}}]', 2),
    (2, 1, 'active', '[{{"status": "active", "effective_from": "2024-06-01"}}]', 2);
INSERT INTO assignment (assignment_id, version, number_id, customer_id, start_date, end_date, removed, changed_in)
    VALUES (30, 1, 10, 1, '2025-01-01', NULL, false, 2), (31, 1, 20, 2, '2025-01-01', '2025-01-20', false, 2);
INSERT INTO usage (usage_id, source, record_id, customer_id, number_id, call_class, band, local_date, generation,
                   seconds, billed_seconds, charge_micro) VALUES
    ({FIRST}, 'ns', 'A', 1, 10, 'National', 'peak', '2025-01-15', 3, 61, 61, 20300),
    ({FIRST + 1}, 'ns', 'B', 1, 10, 'National', 'peak', '2025-01-31', 3, 90, 90, 30000),
    ({FIRST + 2}, 'ns', 'C', 1, 10, 'National', 'peak', '2025-02-01', 3, 60, 60, 10000),
    ({FIRST + 3}, 'ns', 'D', 1, 10, 'National', 'peak', '2025-01-20', 5, 60, 60, 40000),
    ({FIRST + 4}, 'ns', 'E', 2, 20, 'National', 'peak', '2025-01-20', 3, 60, 60, 50000);
INSERT INTO held (usage_id, source, record_id, outcome, reason) VALUES
    ({FIRST + 5}, 'ns', 'F', 'suspended', 'unknown_number');
INSERT INTO duplicate (usage_id, source, record_id, first_usage_id, conflict)
    VALUES ({FIRST + 6}, 'ns', 'A', {FIRST}, false);
INSERT INTO rejected (usage_id, source, record_id, reason) VALUES ({FIRST + 7}, 'ns', '', 'missing_record_id');
UPDATE key_seed SET seed = {SEED};
{keys("ABCDEF")}
INSERT INTO outcome_count (slot, source, received_on, outcome, reason, records, charge_micro)
    SELECT 1, source, received_on, 'rated', '', count(*), sum(charge_micro) FROM usage GROUP BY source, received_on
    UNION ALL SELECT 1, source, received_on, outcome, reason, 1, 0 FROM held
    UNION ALL SELECT 1, source, received_on, 'duplicate', '', 1, 0 FROM duplicate
    UNION ALL SELECT 1, source, received_on, 'rejected', reason, 1, 0 FROM rejected;
INSERT INTO usage_close (close_id, run_id, customer_id, bill_to, generation, state, invoice_id, calls, seconds,
                         net_micro) OVERRIDING SYSTEM VALUE VALUES
    (90, 7, 1, '2025-01-31', 4, 'billed', 501, 2, 151, 50300),
    (91, 7, 2, '2025-01-31', 4, 'released', NULL, 1, 60, 50000);
"""
INVOICING = """
INSERT INTO invoice (invoice_id, customer_id, run_id, close_id, number, status, net, vat, gross)
    OVERRIDING SYSTEM VALUE VALUES (501, 1, 7, 90, 'INV000001', 'approved', 0.05, 0, 0.05);
INSERT INTO transaction (customer_id, invoice_id, kind, net, vat_rate, close_id, number_id, call_class, band, calls,
                         seconds, net_exact)
    VALUES (1, 501, 'usage', 0.05, 'zero', 90, 10, 'National', 'peak', 2, 151, 0.050300);
INSERT INTO invoice_vat_line (invoice_id, vat_rate, treatment, percent, net, vat)
    VALUES (501, 'zero', 'zero', 0, 0.05, 0);
INSERT INTO usage_close (close_id, run_id, customer_id, calls, seconds, net_exact) VALUES (90, 7, 1, 2, 151, 0.0503);
UPDATE invoice_series SET last = 1;
INSERT INTO account_balance (customer_id, version, balance) VALUES (1, 1, 0.05);
"""

IN_RATING = {
    "a record with two outcomes": (
        f"INSERT INTO held (usage_id, outcome) VALUES ({FIRST}, 'unpriced'); UPDATE input_position SET position = 20",
        f"record {FIRST} has several outcomes: rated, unpriced",
    ),
    "a record stored beyond the position": (
        "UPDATE input_position SET position = 7",
        "input 1 stands at 7, but 8 records are stored, the last at offset 7",
    ),
    "a record of an input that nobody reads": (
        f"UPDATE rejected SET usage_id = {9 << SLOT_BITS}",
        "input 9 stands at None, but 1 records are stored",
    ),
    "a CDR that is charged twice": (
        f"UPDATE usage SET source = 'ns', record_id = 'A' WHERE usage_id = {FIRST + 1}",
        "record ns/A is kept 2 times as a first copy",
    ),
    "a CDR that is charged and held": (
        f"UPDATE held SET record_id = 'A' WHERE usage_id = {FIRST + 5}",
        "record ns/A is kept 2 times as a first copy",
    ),
    "a CDR that was taken in and lost": (
        f"DELETE FROM usage WHERE usage_id = {FIRST + 2}",
        f"record {FIRST + 2} was taken in, and is neither charged nor held",
    ),
    "a CDR whose id is another's": (
        f"DELETE FROM key_block; {keys('AB')} {keys('DEF', FIRST + 3)} {keys('C', FIRST + 9)}",
        f"record {FIRST + 2} is kept, but the id ns/C is not its own",
    ),
    "an id that is stored twice": (
        keys("A", FIRST + 9),
        f"the record id of record {FIRST + 9} is stored twice",
    ),
    "a duplicate of nothing": (
        "UPDATE duplicate SET record_id = 'Z'",
        f"record {FIRST + 6} is called a duplicate of ns/Z",
    ),
    "a call allocated after the drop": (
        "UPDATE customer SET status = 'dropped' WHERE customer_id = 2",
        "customer 2 is dropped and was active on 2025-01-20, but has 1 calls charged",
    ),
    "a call allocated in the gap": (
        'UPDATE customer SET status_history = \'[{"status": "dropped", "effective_from": "2025-01-10"}, '
        '{"status": "active", "effective_from": "2025-01-21"}]\' WHERE customer_id = 2',
        "customer 2 is active and was dropped on 2025-01-20, but has 1 calls charged",
    ),
    "a call after the number's end": (
        "UPDATE assignment SET end_date = '2025-01-19' WHERE assignment_id = 31",
        "number 20 has 1 calls charged on 2025-01-20, when it had no active call plan",
    ),
    "a close that says more than its calls": (
        "UPDATE usage_close SET calls = 3, net_micro = 60300 WHERE close_id = 90",
        "close 90 says 3 calls, 151 s, 60300 micro-pounds; there are 2, 151 s, 50300",
    ),
    "a pool from which more is drawn than calls drew": (
        "INSERT INTO close_draw (close_id, plan, pool, number_id, month, drawn) VALUES"
        " (90, 'P', 'minutes', 0, '2025-01-01', 60)",
        "close 90 drew 60 on minutes of P, its calls 0",
    ),
    "a call in two closes": (
        "INSERT INTO usage_close (close_id, run_id, customer_id, bill_to, generation, state, calls, seconds, net_micro)"
        " OVERRIDING SYSTEM VALUE VALUES (92, 8, 1, '2025-02-28', 6, 'closed', 4, 271, 100300)",
        "close 92 says 4 calls, 271 s, 100300 micro-pounds; there are 2, 120 s, 50000",
    ),
    "two open closes": (
        "INSERT INTO usage_close (close_id, run_id, customer_id, bill_to, generation, state, calls, seconds, net_micro)"
        " OVERRIDING SYSTEM VALUE SELECT id, id, 2, '2024-12-31', 1, 'closed', 0, 0, 0 FROM generate_series(95, 96) id",
        "customer 2 has 2 closes that are neither billed nor released",
    ),
    "a fallback charge of a close that is over": (
        f"INSERT INTO close_fallback (close_id, usage_id) VALUES (90, {FIRST + 5})",
        f"record {FIRST + 5} is charged by close 90, which is billed, and is held as suspended",
    ),
    "a record that was not counted": (
        "DELETE FROM outcome_count WHERE outcome = 'suspended'",
        "1 more records are stored as suspended unknown_number than are counted",
    ),
    "an adjustment that was not told": (
        "INSERT INTO usage_adjustment (adjustment_id, customer_id, close_id, reason, told)"
        " OVERRIDING SYSTEM VALUE VALUES (80, 1, 90, 'final_bill', false)",
        "adjustment 80 of close 90 takes off 0 calls, told: False",
    ),
    "a call that was taken off a close and is charged by it": (
        f"INSERT INTO usage_taken_off (adjustment_id, close_id, usage_id) VALUES (80, 90, {FIRST})",
        f"record {FIRST} was taken off close 90 and is charged by it still",
    ),
    "negative seconds": (
        f"UPDATE held SET usage_id = {FIRST + 5}; UPDATE usage SET billed_seconds = -1 WHERE usage_id = {FIRST + 4}",
        "is billed -1 s",
    ),
}
BETWEEN = {
    "a call that is charged and was not billed": (
        "rating",
        "UPDATE usage SET charge_micro = charge_micro + 1 WHERE record_id = 'A'; "
        "UPDATE usage_close SET net_micro = net_micro + 1 WHERE close_id = 90",
        "customer 1, close 90: rating has 2 calls, 151 s, 50301 micro-pounds, billed are 2 calls, 151 s, 50300",
    ),
    "usage billed to another customer": (
        "invoicing",
        "UPDATE transaction SET customer_id = 2; UPDATE invoice SET customer_id = 2",
        "customer 2: charged are 1 calls, 60 s, 50000 micro-pounds, billed 2 calls, 151 s, 50300 micro-pounds",
    ),
    "a close that was billed and is still open": (
        "rating",
        "UPDATE usage_close SET state = 'closed' WHERE close_id = 90",
        "close 90 is closed, by invoicing's books it should be billed",
    ),
    "a close that nobody released": (
        "rating",
        "UPDATE usage_close SET state = 'closed' WHERE close_id = 91",
        "close 91 is closed, by invoicing's books it should be released",
    ),
    "a close billed on another invoice": (
        "rating",
        "UPDATE usage_close SET invoice_id = 502 WHERE close_id = 90",
        "close 90 is billed on 502, which is another invoice",
    ),
    "a close that rating does not have": (
        "rating",
        "DELETE FROM usage_close WHERE close_id = 90",
        "invoice 501 bills close 90, which rating does not have",
    ),
}


@pytest.fixture(scope="module")
def sound(databases: Databases) -> Iterator[dict[str, str]]:
    """Five calls: two billed, one after the bill-to date, one too late for the close, one of a released close."""
    with loosened(databases, {"rating": RATING, "invoicing": INVOICING}) as dsns:
        yield dsns


@pytest.fixture
def ledger(sound: dict[str, str]) -> Iterator[Ledger]:
    """The same, to be broken by one test."""
    with ledger_of(sound) as each:
        yield each


def test_sound_usage_has_nothing_to_tell(ledger: Ledger) -> None:
    """STYLE 1, 2, 7: charged = billed + unbilled, each record once, nothing after a drop."""
    assert ledger.findings(received=8) == []


@pytest.mark.parametrize("name", IN_RATING)
def test_each_fault_in_ratings_books_is_told(ledger: Ledger, name: str) -> None:
    """A check that cannot fail is a defect: each one is seen to, also while the platform works."""
    script, words = IN_RATING[name]
    ledger.execute("rating", script)
    found = ledger.findings("rating", at_rest=False)
    assert any(words in finding for finding in found), found


def test_calls_that_wait_to_be_guided_again_are_told_at_rest_only(ledger: Ledger) -> None:
    """Z9: until then nobody can say what is charged; of a customer with an open close they may wait for long."""
    asked = "INSERT INTO reguide_request (generation, customer_id, number, from_day) VALUES (1, 77, '1', '2025-01-01')"
    ledger.execute("rating", asked)
    words = "1 times the calls of customer 77 are still to be guided again"
    assert words in ledger.findings("rating")
    assert words not in ledger.findings("rating", at_rest=False)


@pytest.mark.parametrize("name", BETWEEN)
def test_each_difference_between_rating_and_invoicing_is_told(ledger: Ledger, name: str) -> None:
    """STYLE 1, I4: to the exact part of a penny."""
    service, script, words = BETWEEN[name]
    ledger.execute(service, script)
    found = ledger.findings()
    assert any(words in finding for finding in found), found


def test_a_change_after_a_call_was_charged_does_not_make_it_wrong(ledger: Ledger) -> None:
    """Z7: what was allocated before the drop was known is not an allocation after it."""
    ledger.execute("rating", "UPDATE customer SET status = 'dropped', changed_in = 9 WHERE customer_id = 2")
    ledger.execute("rating", "UPDATE assignment SET removed = true, changed_in = 9 WHERE assignment_id = 31")
    assert ledger.findings() == []


def test_a_record_that_never_arrived_is_told(ledger: Ledger) -> None:
    """R3: received = the sum of the outcomes."""
    assert ledger.findings(received=9) == ["9 records were given in, 8 have an outcome"]
