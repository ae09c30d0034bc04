"""The auditor on what customers owe and have paid: loud about each thing that is broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auditor.loosened import Ledger, ledger_of, loosened
from tests.support.auditor import audit
from tests.support.platform import Databases

SOUND = """
INSERT INTO invoice (invoice_id, version, customer_id, number, kind, status, bill_to, invoice_date, tax_point, currency,
                     net, vat, gross, paid, message, particulars, sent_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, 1, customer, format('INV%s', lpad(place::text, 6, '0')), kind, status, '2025-01-31', '2025-02-01',
           '2025-02-01', 'GBP', gross, 0, gross, paid, '', '{}', now()
    FROM (VALUES (501, 1, 1, 'invoice', 'paid', 30.00, 30.00), (502, 2, 1, 'invoice', 'part_paid', 50.00, 45.00),
                 (503, 3, 1, 'credit_note', 'paid', -20.00, -20.00), (504, 4, 2, 'invoice', 'sent', 9.00, 0.00))
         AS each (id, place, customer, kind, status, gross, paid);
INSERT INTO transaction (customer_id, invoice_id, kind, description, net, vat_rate, own_vat_rate)
    SELECT customer_id, invoice_id, 'adjustment', 'Of all kinds', net, 'zero', true FROM invoice;
INSERT INTO invoice_vat_line (invoice_id, vat_rate, name, treatment, percent, net, vat, statement)
    SELECT invoice_id, 'zero', 'Zero', 'zero', 0, net, 0, '' FROM invoice;
UPDATE invoice_series SET last = 4;
INSERT INTO payment (payment_id, version, customer_id, amount, currency, received_on, reference, spread, allocated,
                     refunded, reversed, reversed_on, created_at) OVERRIDING SYSTEM VALUE VALUES
    (70, 2, 1, 60.00, 'GBP', '2025-03-01', '', true, 55.00, 5.00, false, NULL, now()),
    (71, 2, 1, 7.00, 'GBP', '2025-03-02', '', true, 0.00, 0.00, true, '2025-03-03', now()),
    (72, 1, 2, 3.00, 'GBP', '2025-03-02', '', false, 0.00, 0.00, false, NULL, now());
INSERT INTO refund (payment_id, customer_id, amount, refunded_on, created_at) VALUES (70, 1, 5.00, '2025-03-02', now());
INSERT INTO allocation (source, source_id, invoice_id, amount) VALUES
    ('payment', 70, 501, 30.00), ('payment', 70, 502, 25.00), ('credit_note', 503, 502, 20.00);
INSERT INTO account_balance (customer_id, version, balance) VALUES (1, 7, 5.00), (2, 2, 6.00);
INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, subject, time, sent_at)
    SELECT gen_random_uuid(), 'billing', customer_id::text, 'account.balance_changed',
           jsonb_build_object('customer_id', customer_id, 'version', version, 'balance', balance::text),
           customer_id::text, now(), now() FROM account_balance;
"""

BROKEN = {
    "a balance that forgot something": (
        "UPDATE account_balance SET balance = 5.01 WHERE customer_id = 1",
        "customer 1 has balance 5.01, documents, payments and refunds come to 5.00",
    ),
    "a customer without a balance": ("DELETE FROM account_balance WHERE customer_id = 2", "customer 2 has balance 0"),
    "a reversal that is not in the balance": (
        "UPDATE payment SET reversed = false, reversed_on = NULL WHERE payment_id = 71",
        "documents, payments and refunds come to -2.00",
    ),
    "another balance told": (
        "UPDATE outbox SET payload = jsonb_set(payload, '{balance}', '\"4.00\"') WHERE subject = '1'",
        "customer 1 has balance 5.00 at version 7, told was 4.00",
    ),
    "a payment given out twice": (
        "UPDATE allocation SET amount = 36.00 WHERE source = 'payment' AND invoice_id = 501",
        "payment 70 of 60.00: 55.00 allocated and 5.00 refunded, its allocations come to 61.00",
    ),
    "a payment refunded and allocated": (
        "UPDATE payment SET amount = 59.00 WHERE payment_id = 70",
        "payment 70 of 59.00: 55.00 allocated and 5.00 refunded",
    ),
    "a reversed payment that still pays": (
        "UPDATE payment SET allocated = 1.00 WHERE payment_id = 71; "
        "INSERT INTO allocation VALUES ('payment', 71, 501, 1)",
        "payment 71 of 7.00: 1.00 allocated",
    ),
    "a refund that was lost": ("DELETE FROM refund", "payment 70 has 5.00 refunded, its refunds come to 0"),
    "an invoice paid twice": (
        "UPDATE invoice SET paid = 31.00 WHERE invoice_id = 501; "
        "UPDATE allocation SET amount = 31 WHERE invoice_id = 501",
        "invoice 501 of 30.00 has 31.00 paid, its allocations come to 31.00",
    ),
    "an allocation that was lost": (
        "DELETE FROM allocation WHERE source = 'credit_note'",
        "invoice 502 of 50.00 has 45.00 paid, its allocations come to 25.00",
    ),
    "an invoice that does not know it is paid": (
        "UPDATE invoice SET status = 'sent' WHERE invoice_id = 501",
        "invoice 501 is sent with 30.00 paid of 30.00",
    ),
    "a draft with money on it": (
        "UPDATE invoice SET status = 'draft' WHERE invoice_id = 502",
        "invoice 502 is draft with 45.00 paid of 50.00",
    ),
    "another customer's money": (
        "INSERT INTO allocation VALUES ('payment', 70, 504, 1)",
        "payment 70 pays invoice 504, which is not for it to pay",
    ),
    "credit that waits": (
        "UPDATE payment SET spread = true WHERE payment_id = 72",
        "payment 72 of customer 2 has something left, and invoice 504 is open",
    ),
}


@pytest.fixture(scope="module")
def sound(databases: Databases) -> Iterator[dict[str, str]]:
    """Invoices, a credit note, payments, one of them reversed, one refunded in part."""
    with loosened(databases, {"invoicing": SOUND}) as dsns:
        yield dsns


@pytest.fixture
def ledger(sound: dict[str, str]) -> Iterator[Ledger]:
    """The same, to be broken by one test."""
    with ledger_of(sound) as each:
        yield each


def test_sound_accounts_have_nothing_to_tell(sound: dict[str, str]) -> None:
    """I9: a balance is the sum of its documents and payments."""
    assert audit(sound) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_thing_that_is_broken_is_told(ledger: Ledger, name: str) -> None:
    """A check that cannot fail is a defect: each one is seen to."""
    script, words = BROKEN[name]
    ledger.execute("invoicing", script)
    found = ledger.findings()
    assert any(words in finding for finding in found), found
