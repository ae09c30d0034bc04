"""The auditor on invoicing's database: content with sound books, and loud about each thing that is broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auditor.loosened import Ledger, ledger_of, loosened
from tests.support.auditor import assert_sound, audit
from tests.support.auditor.checks import TOLD_PER_CHECK
from tests.support.platform import Databases

SOUND = """
INSERT INTO customer (customer_id, version, account_number, state) VALUES (1, 1, 'A1', '{}'), (2, 1, 'B2', '{}');
INSERT INTO reference (list, code, version, state) VALUES ('vat_rates', 'standard', 1, '{"vat_rate": {"periods": [
    {"percent": "17.5", "valid_from": "2010-01-01", "valid_to": "2011-01-03"},
    {"percent": "20", "valid_from": "2011-01-04", "valid_to": null}]}}');
INSERT INTO billing_run (run_id, state, bill_to, invoice_date)
    OVERRIDING SYSTEM VALUE VALUES (7, 'completed', '2025-01-31', '2025-02-01');
INSERT INTO charge (charge_id, customer_id, kind, description, amount, quantity, every_months, in_advance, start,
                    charged_to, settlements)
    VALUES (70, 1, 'recurring', 'Line', 10, 1, 1, true, '2025-01-01', '2025-02-28', 1);
INSERT INTO usage_close (close_id, run_id, customer_id, parts, unpriced, calls, seconds, net_exact)
    VALUES (90, 7, 1, 1, 0, 3, 180, 0.0803);
INSERT INTO run_customer (run_id, customer_id, state, close_id, invoice_id, active)
    VALUES (7, 1, 'drafted', 90, 501, false), (7, 2, 'drafted', NULL, 502, false);
INSERT INTO invoice (invoice_id, version, customer_id, run_id, close_id, number, kind, status, bill_to, invoice_date,
                     tax_point, currency, net, vat, gross, message, particulars)
    OVERRIDING SYSTEM VALUE VALUES
    (501, 1, 1, 7, 90, 'INV000001', 'invoice', 'sent', '2025-01-31', '2025-02-01', '2025-02-01', 'GBP',
     20.08, 4.02, 24.10, '', '{}'),
    (502, 1, 2, 7, NULL, 'INV000002', 'invoice', 'approved', '2025-01-31', '2025-02-01', '2025-02-01', 'GBP',
     5.00, 0.00, 5.00, '', '{}');
INSERT INTO transaction (customer_id, invoice_id, kind, description, net, vat_rate, own_vat_rate, charge_id, settlement,
                         first_day, last_day, stands_to, close_id, number_id, call_class, band, calls, seconds,
                         net_exact) VALUES
    (1, 501, 'recurring', 'Line', 20.00, 'standard', false, 70, 1, '2025-01-01', '2025-02-28', '2025-02-28',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (1, 501, 'usage', 'National calls', 0.07, 'standard', false, NULL, NULL, NULL, NULL, NULL,
     90, 1, 'National', 'peak', 2, 120, 0.0703),
    (1, 501, 'usage', 'National calls', 0.01, 'standard', false, NULL, NULL, NULL, NULL, NULL,
     90, 1, 'National', 'weekend', 1, 60, 0.0100),
    (2, 502, 'one_off', 'Directory', 5.00, 'zero', true, 71, 1, '2025-01-05', '2025-01-05', '2025-01-05',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO invoice_vat_line (invoice_id, vat_rate, name, treatment, percent, net, vat, statement) VALUES
    (501, 'standard', 'Standard', 'standard', 20, 20.08, 4.02, ''), (502, 'zero', 'Zero', 'zero', 0, 5.00, 0.00, '');
UPDATE invoice_series SET last = 2;
INSERT INTO account_balance (customer_id, version, balance) VALUES (1, 1, 24.10), (2, 1, 5.00);
INSERT INTO document (invoice_id, length, sha256, bytes)
    SELECT 501, 'long', encode(sha256('%PDF-1'), 'hex'), '%PDF-1';
INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, subject, time, sent_at)
    SELECT gen_random_uuid(), 'billing', '1', 'invoice.sent',
           jsonb_build_object('invoice_id', 501, 'document_sha256', encode(sha256('%PDF-1'), 'hex')), '1', now(), now();
"""
COPY_INVOICE = """
INSERT INTO invoice (invoice_id, version, customer_id, run_id, number, kind, status, bill_to, invoice_date, tax_point,
                     currency, net, vat, gross, message, particulars) OVERRIDING SYSTEM VALUE
    SELECT 503, version, customer_id, {run_id}, {number}, kind, status, bill_to, invoice_date, tax_point,
           currency, 0, 0, 0, message, particulars FROM invoice WHERE invoice_id = 502;
"""

BROKEN = {
    "two invoices of a run for a customer": (
        COPY_INVOICE.format(run_id=7, number="'INV000003'") + "UPDATE invoice_series SET last = 3",
        "run 7 made 2 invoices for customer 2",
    ),
    "a number given twice": (
        COPY_INVOICE.format(run_id="NULL", number="'INV000002'"),
        "invoice number INV000002 was given to 2 invoices",
    ),
    "approved without a number": (
        "UPDATE invoice SET number = NULL WHERE invoice_id = 502; UPDATE invoice_series SET last = 1",
        "invoice 502 is approved without a number",
    ),
    "a gap in the numbers": (
        "UPDATE invoice SET number = 'INV000003' WHERE invoice_id = 502; UPDATE invoice_series SET last = 3",
        "invoice number 2 of the series is missing",
    ),
    "a number beyond the series": ("UPDATE invoice_series SET last = 1", "invoice number 2 of the series"),
    "a line that was lost": (
        "DELETE FROM transaction WHERE kind = 'one_off'",
        "invoice 502 has net 5.00, its lines come to 0",
    ),
    "a line at another VAT rate": (
        "UPDATE transaction SET vat_rate = 'reduced' WHERE kind = 'recurring'",
        "invoice 501 tells 20.08 net at VAT rate standard, its lines come to 0.08",
    ),
    "VAT a penny out": (
        "UPDATE invoice_vat_line SET vat = 4.01 WHERE invoice_id = 501; "
        "UPDATE invoice SET vat = 4.01, gross = 24.09 WHERE invoice_id = 501",
        "invoice 501: VAT on 20.08 at standard (20 %) is 4.02, not 4.01",
    ),
    "VAT on what has none": (
        "UPDATE invoice_vat_line SET percent = 20, vat = 1.00 WHERE invoice_id = 502",
        "invoice 502: VAT on 5.00 at zero (20 %) is 0.00, not 1.00",
    ),
    "the percentage of another day": (
        "UPDATE invoice_vat_line SET percent = 17.5, vat = 3.51 WHERE invoice_id = 501",
        "invoice 501 has 17.5 % at VAT rate standard, on 2025-02-01 it is 20 %",
    ),
    "a gross that is not net and VAT": (
        "UPDATE invoice SET gross = 24.11 WHERE invoice_id = 501",
        "invoice 501: net 20.08, VAT 4.02, gross 24.11",
    ),
    "usage rounded per call": (
        "UPDATE transaction SET net = 0.08 WHERE band = 'peak'",
        "is 0.08, rounded from 0.0703 it is not",
    ),
    "a close on two invoices": (
        "UPDATE transaction SET invoice_id = 502 WHERE band = 'weekend'",
        "close 90 is on 2 live invoices",
    ),
    "a call of the close that is not billed": (
        "UPDATE transaction SET calls = 1 WHERE band = 'peak'",
        "close 90 has 3 calls, 180 s, 0.0803; billed are 2, 180 s, 0.0803",
    ),
    "a part of a penny of the close that is not billed": (
        "UPDATE transaction SET net_exact = 0.0702 WHERE band = 'peak'",
        "billed are 3, 180 s, 0.0802",
    ),
    "usage of another close": (
        "UPDATE transaction SET close_id = 91 WHERE band = 'peak'",
        "invoice 501 has 1 usage lines that are not of its close",
    ),
    "days charged twice": (
        "INSERT INTO transaction (customer_id, kind, description, net, own_vat_rate, charge_id, first_day, last_day, "
        "stands_to) VALUES (1, 'recurring', 'Line', 10, false, 70, '2025-02-01', '2025-02-28', '2025-02-28')",
        "charge 70 charges days twice",
    ),
    "a charge that forgets how far it is charged": (
        "UPDATE charge SET charged_to = '2025-01-31'",
        "charge 70 is charged to 2025-01-31, its transactions stand to 2025-02-28",
    ),
    "a document whose bytes changed": (
        "UPDATE document SET bytes = '%PDF-2'",
        "of invoice 501 does not hash to",
    ),
    "a document that was made again": (
        "UPDATE document SET bytes = '%PDF-2', sha256 = encode(sha256('%PDF-2'), 'hex')",
        "invoice 501 was sent with a document that is not there any more",
    ),
    "a run completed with a customer to do": (
        "UPDATE run_customer SET state = 'closed' WHERE customer_id = 1",
        "run 7 is completed with 1 customers that are closed",
    ),
    "a run that does not end": (
        "UPDATE billing_run SET state = 'running' WHERE run_id = 7",
        "run 7 (cycles) is still running",
    ),
    "a draft that is not there": (
        "UPDATE run_customer SET invoice_id = 999 WHERE customer_id = 2",
        "run 7 says that customer 2 is drafted, but there is no such invoice",
    ),
}


@pytest.fixture(scope="module")
def sound(databases: Databases) -> Iterator[dict[str, str]]:
    """One run: usage, a recurring charge, a one-off at another rate, numbers, a document."""
    with loosened(databases, {"invoicing": SOUND}) as dsns:
        yield dsns


@pytest.fixture
def ledger(sound: dict[str, str]) -> Iterator[Ledger]:
    """The same, to be broken by one test."""
    with ledger_of(sound) as each:
        yield each


def test_sound_books_have_nothing_to_tell(sound: dict[str, str]) -> None:
    """The things that must always hold."""
    assert audit(sound) == []
    assert_sound(sound)


@pytest.mark.parametrize("name", BROKEN)
def test_each_thing_that_is_broken_is_told(ledger: Ledger, name: str) -> None:
    """A check that cannot fail is a defect: each one is seen to."""
    script, words = BROKEN[name]
    ledger.execute("invoicing", script)
    found = ledger.findings()
    assert any(words in finding for finding in found), found


def test_many_findings_of_a_check_are_counted_not_listed(ledger: Ledger) -> None:
    """So that the message of a broken run can still be read."""
    ledger.execute("invoicing", "UPDATE invoice_series SET last = 1000")
    found = ledger.findings()
    assert len(found) == TOLD_PER_CHECK + 1
    assert found[-1] == "... and 988 more like the last"


def test_a_test_that_asks_for_sound_books_fails_with_what_is_wrong(databases: Databases) -> None:
    """`assert_sound` is how any test calls the auditor."""
    script = SOUND + "UPDATE document SET bytes = '%PDF-2'"
    with loosened(databases, {"invoicing": script}) as dsns, pytest.raises(AssertionError, match="does not hash to"):
        assert_sound(dsns)
