"""Balances, payments and allocations, in invoicing's database (SPEC I6, I9, Z14)."""

from __future__ import annotations

from tests.support.auditor.checks import Check

_APPROVED = "status IN ('approved', 'sent', 'part_paid', 'paid')"


def _check(query: str, words: str) -> Check:
    return Check("invoicing", query, words)


BALANCE_IS_ITS_DOCUMENTS = _check(
    f"""
    WITH entry AS (
        SELECT customer_id, gross AS amount FROM invoice WHERE {_APPROVED}
        UNION ALL SELECT customer_id, -amount FROM payment WHERE reversed_on IS NULL
        UNION ALL SELECT customer_id, amount FROM refund),
    owed AS (SELECT customer_id, sum(amount) AS owed FROM entry GROUP BY customer_id)
    SELECT customer_id, coalesce(balance, 0) AS balance, coalesce(owed, 0) AS owed
    FROM account_balance FULL JOIN owed USING (customer_id) WHERE coalesce(balance, 0) <> coalesce(owed, 0)
    """,
    "customer {customer_id} has balance {balance}, documents, payments and refunds come to {owed}",
)
BALANCE_TOLD = _check(
    """
    SELECT b.customer_id, b.version, b.balance, o.payload ->> 'balance' AS told
    FROM account_balance b JOIN outbox o ON o.aggregateid = b.customer_id::text
    WHERE o.type = 'account.balance_changed' AND (o.payload ->> 'version')::bigint = b.version
      AND (o.payload ->> 'balance')::numeric <> b.balance
    """,
    "customer {customer_id} has balance {balance} at version {version}, told was {told}",
)
PAYMENT_GIVEN_OUT = _check(
    """
    SELECT p.payment_id, p.amount, p.allocated, p.refunded, coalesce(sum(a.amount), 0) AS given
    FROM payment p LEFT JOIN allocation a ON a.source = 'payment' AND a.source_id = p.payment_id
    GROUP BY p.payment_id, p.amount, p.allocated, p.refunded, p.reversed_on
    HAVING p.allocated <> coalesce(sum(a.amount), 0) OR p.allocated + p.refunded > p.amount
        OR (p.reversed_on IS NOT NULL AND coalesce(sum(a.amount), 0) <> 0)
    """,
    "payment {payment_id} of {amount}: {allocated} allocated and {refunded} refunded, its allocations come to {given}",
)
PAYMENT_REFUNDED = _check(
    """
    SELECT p.payment_id, p.refunded, coalesce(sum(r.amount), 0) AS refunds
    FROM payment p LEFT JOIN refund r ON r.payment_id = p.payment_id AND r.customer_id = p.customer_id
    GROUP BY p.payment_id, p.refunded HAVING p.refunded <> coalesce(sum(r.amount), 0)
    """,
    "payment {payment_id} has {refunded} refunded, its refunds come to {refunds}",
)
INVOICE_PAID = _check(
    """
    SELECT i.invoice_id, i.gross, i.paid, got.amount - used.amount AS allocated
    FROM invoice i
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM allocation
                        WHERE invoice_id = i.invoice_id) AS got
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS amount FROM allocation
                        WHERE source = 'credit_note' AND source_id = i.invoice_id) AS used
    WHERE i.paid <> got.amount - used.amount OR i.paid NOT BETWEEN least(i.gross, 0) AND greatest(i.gross, 0)
    """,
    "invoice {invoice_id} of {gross} has {paid} paid, its allocations come to {allocated}",
)
STATE_IS_WHAT_IS_PAID = _check(
    """
    SELECT invoice_id, status, gross, paid, sent_at FROM invoice
    WHERE status <> CASE WHEN status IN ('draft', 'removed') AND paid = 0 THEN status
                         WHEN paid = 0 AND status IN ('approved', 'sent') THEN status
                         WHEN paid = 0 THEN 'open' WHEN paid = gross THEN 'paid' ELSE 'part_paid' END
    """,
    "invoice {invoice_id} is {status} with {paid} paid of {gross}",
)
OWN_MONEY = _check(
    """
    SELECT a.source, a.source_id, a.invoice_id FROM allocation a
    LEFT JOIN invoice i ON i.invoice_id = a.invoice_id
    LEFT JOIN payment p ON a.source = 'payment' AND p.payment_id = a.source_id
    LEFT JOIN invoice n ON a.source = 'credit_note' AND n.invoice_id = a.source_id
    WHERE i.customer_id IS DISTINCT FROM coalesce(p.customer_id, n.customer_id) OR i.gross < 0 OR n.gross > 0
    """,
    "{source} {source_id} pays invoice {invoice_id}, which is not for it to pay",
)
CREDIT_DOES_NOT_WAIT = _check(
    f"""
    WITH credit AS (
        SELECT customer_id, invoice_id AS id, kind FROM invoice WHERE {_APPROVED} AND gross < 0 AND paid <> gross
        UNION ALL SELECT customer_id, payment_id, 'payment' FROM payment
        WHERE spread AND reversed_on IS NULL AND allocated + refunded < amount)
    SELECT c.customer_id, c.kind, c.id, i.invoice_id FROM credit c
    JOIN invoice i ON i.customer_id = c.customer_id AND i.gross > i.paid AND i.gross > 0
    WHERE i.{_APPROVED}
    """,
    "{kind} {id} of customer {customer_id} has something left, and invoice {invoice_id} is open",
)

CHECKS = (
    BALANCE_IS_ITS_DOCUMENTS,
    BALANCE_TOLD,
    PAYMENT_GIVEN_OUT,
    PAYMENT_REFUNDED,
    INVOICE_PAID,
    STATE_IS_WHAT_IS_PAID,
    OWN_MONEY,
    CREDIT_DOES_NOT_WAIT,
)
