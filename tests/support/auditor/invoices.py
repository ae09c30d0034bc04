"""Invoices, their lines, VAT, numbers and documents, in invoicing's database (SPEC I1 to I8, Z2, Z13)."""

from __future__ import annotations

from tests.support.auditor.checks import Check

_LIVE = "i.status <> 'removed'"


def _check(query: str, words: str, *, at_rest: bool = False) -> Check:
    return Check("invoicing", query, words, at_rest)


ONE_PER_RUN = _check(
    f"""
    SELECT run_id, customer_id, count(*) AS invoices FROM invoice i
    WHERE run_id IS NOT NULL AND {_LIVE} GROUP BY run_id, customer_id HAVING count(*) > 1
    """,
    "run {run_id} made {invoices} invoices for customer {customer_id}",
)
NUMBERS_UNIQUE = _check(
    "SELECT number, count(*) AS invoices FROM invoice WHERE number IS NOT NULL GROUP BY number HAVING count(*) > 1",
    "invoice number {number} was given to {invoices} invoices",
)
NUMBERED = _check(
    "SELECT invoice_id, status FROM invoice WHERE number IS NULL AND status NOT IN ('draft', 'removed')",
    "invoice {invoice_id} is {status} without a number",
)
NUMBERS_GAPLESS = _check(
    """
    WITH given AS (SELECT substring(number FROM '\\d+$')::bigint AS position FROM invoice WHERE number IS NOT NULL)
    SELECT position FROM generate_series(1, (SELECT coalesce(max(last), 0) FROM invoice_series)) AS position
    WHERE position NOT IN (SELECT position FROM given)
    UNION SELECT position FROM given WHERE position > (SELECT coalesce(max(last), 0) FROM invoice_series)
    """,
    "invoice number {position} of the series is missing, or was given beyond the series' last",
)
NET_IS_THE_LINES = _check(
    f"""
    SELECT i.invoice_id, i.net, coalesce(sum(t.net), 0) AS lines
    FROM invoice i LEFT JOIN transaction t USING (invoice_id)
    WHERE {_LIVE} GROUP BY i.invoice_id, i.net HAVING i.net <> coalesce(sum(t.net), 0)
    """,
    "invoice {invoice_id} has net {net}, its lines come to {lines}",
)
VAT_NETS = _check(
    f"""
    WITH lines AS (
        SELECT invoice_id, t.vat_rate, sum(t.net) AS net FROM transaction t JOIN invoice i USING (invoice_id)
        WHERE {_LIVE} GROUP BY invoice_id, t.vat_rate),
    told AS (
        SELECT v.invoice_id, v.vat_rate, v.net FROM invoice_vat_line v JOIN invoice i USING (invoice_id) WHERE {_LIVE})
    SELECT invoice_id, vat_rate, told.net AS told, lines.net AS lines
    FROM lines FULL JOIN told USING (invoice_id, vat_rate)
    WHERE coalesce(told.net, 0) <> coalesce(lines.net, 0) OR (lines.invoice_id IS NOT NULL AND told.invoice_id IS NULL)
    """,
    "invoice {invoice_id} tells {told} net at VAT rate {vat_rate}, its lines come to {lines}",
)
VAT_RECOMPUTED = _check(
    f"""
    SELECT v.invoice_id, v.vat_rate, v.net, v.percent, v.vat,
           round(v.net * CASE WHEN v.treatment IN ('standard', 'reduced') THEN v.percent ELSE 0 END / 100, 2) AS due
    FROM invoice_vat_line v JOIN invoice i USING (invoice_id)
    WHERE {_LIVE}
      AND v.vat <> round(v.net * CASE WHEN v.treatment IN ('standard', 'reduced') THEN v.percent ELSE 0 END / 100, 2)
    """,
    "invoice {invoice_id}: VAT on {net} at {vat_rate} ({percent} %) is {due}, not {vat}",
)
VAT_PERCENT = _check(
    f"""
    SELECT v.invoice_id, v.vat_rate, v.percent, i.tax_point, (period ->> 'percent')::numeric AS valid
    FROM invoice_vat_line v
    JOIN invoice i USING (invoice_id)
    JOIN reference r ON r.list = 'vat_rates' AND r.code = v.vat_rate
    CROSS JOIN LATERAL jsonb_array_elements(r.state -> 'vat_rate' -> 'periods') AS period
    WHERE {_LIVE} AND v.treatment IN ('standard', 'reduced')
      AND i.tax_point >= (period ->> 'valid_from')::date
      AND i.tax_point <= coalesce((period ->> 'valid_to')::date, i.tax_point)
      AND v.percent <> (period ->> 'percent')::numeric
    """,
    "invoice {invoice_id} has {percent} % at VAT rate {vat_rate}, on {tax_point} it is {valid} %",
)
TOTALS = _check(
    f"""
    SELECT i.invoice_id, i.net, i.vat, i.gross, coalesce(sum(v.vat), 0) AS vat_lines
    FROM invoice i LEFT JOIN invoice_vat_line v USING (invoice_id)
    WHERE {_LIVE} GROUP BY i.invoice_id, i.net, i.vat, i.gross
    HAVING i.vat <> coalesce(sum(v.vat), 0) OR i.gross <> i.net + i.vat
    """,
    "invoice {invoice_id}: net {net}, VAT {vat}, gross {gross}, but its VAT lines come to {vat_lines}",
)
USAGE_ROUNDED_ONCE = _check(
    "SELECT transaction_id, net, net_exact FROM transaction WHERE kind = 'usage' AND net <> round(net_exact, 2)",
    "usage transaction {transaction_id} is {net}, rounded from {net_exact} it is not",
)
CLOSE_ON_ONE_INVOICE = _check(
    f"""
    SELECT t.close_id, count(DISTINCT t.invoice_id) AS invoices FROM transaction t JOIN invoice i USING (invoice_id)
    WHERE t.close_id IS NOT NULL AND {_LIVE} GROUP BY t.close_id HAVING count(DISTINCT t.invoice_id) > 1
    """,
    "close {close_id} is on {invoices} live invoices",
)
CONTROL_TOTALS = _check(
    f"""
    SELECT c.close_id, c.calls, c.seconds, c.net_exact, b.calls AS billed_calls, b.seconds AS billed_seconds,
           b.net_exact AS billed_exact
    FROM invoice i JOIN usage_close c USING (close_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(t.calls), 0) AS calls, coalesce(sum(t.seconds), 0) AS seconds,
               coalesce(sum(t.net_exact), 0) AS net_exact
        FROM transaction t WHERE t.close_id = c.close_id AND t.invoice_id = i.invoice_id) AS b
    WHERE {_LIVE} AND (c.calls, c.seconds, c.net_exact) <> (b.calls, b.seconds, b.net_exact)
    """,
    "close {close_id} has {calls} calls, {seconds} s, {net_exact}; billed are {billed_calls}, {billed_seconds} s, "
    "{billed_exact}",
)
USAGE_OF_ITS_CLOSE = _check(
    f"""
    SELECT i.invoice_id, count(*) AS lines FROM invoice i JOIN transaction t USING (invoice_id)
    WHERE {_LIVE} AND t.kind = 'usage' AND t.close_id IS DISTINCT FROM i.close_id GROUP BY i.invoice_id
    """,
    "invoice {invoice_id} has {lines} usage lines that are not of its close",
)
DAYS_CHARGED_ONCE = _check(
    """
    SELECT a.charge_id, a.transaction_id AS one, b.transaction_id AS other
    FROM transaction a JOIN transaction b
      ON a.charge_id = b.charge_id AND a.kind = b.kind AND a.transaction_id < b.transaction_id
    WHERE a.kind IN ('recurring', 'one_off') AND a.stands_to >= a.first_day AND b.stands_to >= b.first_day
      AND a.first_day <= b.stands_to AND b.first_day <= a.stands_to
    """,
    "charge {charge_id} charges days twice, by the transactions {one} and {other}",
)
CHARGED_TO = _check(
    """
    SELECT c.charge_id, c.charged_to, max(t.stands_to) AS stands FROM charge c JOIN transaction t USING (charge_id)
    WHERE c.kind = 'recurring' AND t.kind = 'recurring' AND t.stands_to >= t.first_day
    GROUP BY c.charge_id, c.charged_to HAVING c.charged_to IS DISTINCT FROM max(t.stands_to)
    """,
    "charge {charge_id} is charged to {charged_to}, its transactions stand to {stands}",
)
DOCUMENT_HASH = _check(
    """
    SELECT document_id, invoice_id, sha256 FROM document
    WHERE bytes IS NOT NULL AND sha256 IS DISTINCT FROM encode(sha256(bytes), 'hex')
    """,
    "document {document_id} of invoice {invoice_id} does not hash to {sha256}",
)
DOCUMENT_UNCHANGED = _check(
    """
    SELECT o.id, o.payload ->> 'invoice_id' AS invoice_id FROM outbox o
    WHERE o.type = 'invoice.sent' AND NOT EXISTS (
        SELECT 1 FROM document d WHERE d.invoice_id = (o.payload ->> 'invoice_id')::bigint
          AND d.sha256 = o.payload ->> 'document_sha256')
      AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.customer_id = (o.payload ->> 'customer_id')::bigint)
    """,
    "invoice {invoice_id} was sent with a document that is not there any more (event {id})",
)
RUNS_FINISHED = _check(
    """
    SELECT c.run_id, c.state, count(*) AS customers FROM run_customer c JOIN billing_run r USING (run_id)
    WHERE r.state IN ('completed', 'completed_with_errors') AND c.state IN ('waiting', 'closed')
    GROUP BY c.run_id, c.state
    """,
    "run {run_id} is completed with {customers} customers that are {state}",
)
RUNS_ENDED = _check(
    "SELECT run_id, kind, state FROM billing_run WHERE state IN ('requested', 'running')",
    "run {run_id} ({kind}) is still {state}",
    at_rest=True,
)
DRAFTED_HAS_INVOICE = _check(
    """
    SELECT c.run_id, c.customer_id FROM run_customer c
    WHERE c.state = 'drafted' AND NOT EXISTS (
        SELECT 1 FROM invoice i WHERE i.invoice_id = c.invoice_id AND i.customer_id = c.customer_id)
    """,
    "run {run_id} says that customer {customer_id} is drafted, but there is no such invoice",
)

CHECKS = (
    ONE_PER_RUN,
    NUMBERS_UNIQUE,
    NUMBERED,
    NUMBERS_GAPLESS,
    NET_IS_THE_LINES,
    VAT_NETS,
    VAT_RECOMPUTED,
    VAT_PERCENT,
    TOTALS,
    USAGE_ROUNDED_ONCE,
    CLOSE_ON_ONE_INVOICE,
    CONTROL_TOTALS,
    USAGE_OF_ITS_CLOSE,
    DAYS_CHARGED_ONCE,
    CHARGED_TO,
    DOCUMENT_HASH,
    DOCUMENT_UNCHANGED,
    RUNS_FINISHED,
    RUNS_ENDED,
    DRAFTED_HAS_INVOICE,
)
