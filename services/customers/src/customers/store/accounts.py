"""What is known of customers' accounts (SPEC C13): a row each, from their own terms and from other services' events.

A row may be there before its customer is: events of customers that are not known yet are kept. Rows are written in the
order of their ids, so that two who write many wait for one another instead of deadlocking.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import BigInteger, Column, Computed, Date, DateTime, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.store.tables import metadata

MONEY = Numeric(17, 2)
_USAGE = "round(unbilled_net * (100 + vat_percent) / 100, 2)"
_EXPOSURE = (
    f"CASE WHEN num_nonnulls(balance, unbilled_charges, {_USAGE}) > 0"
    f" THEN coalesce(balance, 0) + coalesce(unbilled_charges, 0) + coalesce({_USAGE}, 0) END"
)
_USED = (
    f"CASE WHEN credit_limit > 0 THEN coalesce(({_EXPOSURE}) * 100 / credit_limit, '-Infinity')"
    f" WHEN credit_limit = 0 AND {_EXPOSURE} > 0 THEN 'Infinity'"
    f" WHEN credit_limit = 0 AND {_EXPOSURE} <= 0 THEN 0"
    " ELSE '-Infinity' END"
)


def _worked_out(name: str, expression: str, *, nullable: bool = False) -> Column[Numeric[float]]:
    """A column that the database works out: it is never at odds with the others, whoever writes them."""
    return Column(name, Numeric, Computed(expression, persisted=True), nullable=nullable)


account = Table(
    "account",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("credit_limit", MONEY),
    Column("vat_rate", Text),
    Column("vat_percent", Numeric),
    Column("currency", Text, nullable=False, server_default="GBP"),
    Column("balance", MONEY),
    Column("balance_version", BigInteger),
    Column("unbilled_charges", MONEY),
    Column("unbilled_net", Numeric),
    Column("unbilled_calls", BigInteger),
    Column("unbilled_as_of", DateTime(timezone=True)),
    Column("unbilled_version", BigInteger),
    Column("notice", JSONB(none_as_null=True)),
    Column("notice_as_of", DateTime(timezone=True)),
    _worked_out("unbilled_usage", _USAGE, nullable=True),
    _worked_out("exposure", _EXPOSURE, nullable=True),
    _worked_out("headroom", f"coalesce(credit_limit - {_EXPOSURE}, 'Infinity')"),
    _worked_out("used_percent", _USED),
    _worked_out("sorted_balance", "coalesce(balance, 0)"),
)
"""A customer's account in pounds; what was not told yet is null.

`credit_limit`, `vat_rate` and its percentage of today are those of the customer. `balance` and `unbilled_charges` (with
VAT) are invoicing's, `unbilled_net` (usage, exact) is rating's. `exposure` is the sum of what is known, with VAT.
`headroom` is infinite and `used_percent` minus infinity where there is no limit, or nothing known: so that lists can be
sorted by them. `sorted_balance` takes a balance that is not known as 0.
"""
for _name in ("headroom", "used_percent", "sorted_balance"):
    Index(f"account_{_name}", account.c[_name], account.c.customer_id)
Index("account_vat", account.c.vat_rate, account.c.vat_percent)

known_invoice = Table(
    "known_invoice",
    metadata,
    Column("invoice_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", Text),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("bill_to", Date, nullable=False),
    Column("invoice_date", Date, nullable=False),
    Column("due_date", Date),
    Column("currency", Text, nullable=False),
    Column("net", MONEY, nullable=False),
    Column("vat", MONEY, nullable=False),
    Column("gross", MONEY, nullable=False),
    Column("document_url", Text),
    Column("document_name", Text),
)
Index("known_invoice_customer", known_invoice.c.customer_id, known_invoice.c.invoice_date, known_invoice.c.invoice_id)

known_payment = Table(
    "known_payment",
    metadata,
    Column("payment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency", Text, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("method", Text),
    Column("reference", Text, nullable=False),
)
Index("known_payment_customer", known_payment.c.customer_id, known_payment.c.received_on, known_payment.c.payment_id)

VAT_TODAY = """
    SELECT r.code,
        CASE WHEN r.attributes ->> 'treatment' IN ('standard', 'reduced') THEN p.percent ELSE 0 END AS percent
    FROM reference_entry AS r LEFT JOIN LATERAL (
        SELECT (each ->> 'percent')::numeric AS percent FROM jsonb_array_elements(r.attributes -> 'periods') AS each
        WHERE (each ->> 'valid_from')::date <= :today AND coalesce((each ->> 'valid_to')::date, 'infinity') >= :today
        LIMIT 1
    ) AS p ON true
    WHERE r.list = 'vat_rates'
"""
"""The percentage of VAT that each entry adds today (SPEC C7, Z13); null where it has none for the day."""
_SAVE_TERMS = text(
    f"""
    INSERT INTO account (customer_id, credit_limit, vat_rate, vat_percent)
    SELECT c.customer_id, c.credit_limit, c.vat_rate, v.percent
    FROM customer AS c LEFT JOIN ({VAT_TODAY}) AS v ON v.code = c.vat_rate
    WHERE c.customer_id = ANY(:customers) ORDER BY c.customer_id
    ON CONFLICT (customer_id) DO UPDATE
    SET credit_limit = excluded.credit_limit, vat_rate = excluded.vat_rate, vat_percent = excluded.vat_percent
    WHERE (account.credit_limit, account.vat_rate, account.vat_percent)
        IS DISTINCT FROM (excluded.credit_limit, excluded.vat_rate, excluded.vat_percent)
    """
)
_STALE = " UNION ALL ".join(
    f"(SELECT customer_id, v.percent FROM account WHERE vat_rate = v.code AND {differs} LIMIT :limit)"
    for differs in (
        "vat_percent < v.percent",
        "vat_percent > v.percent",
        "vat_percent IS NULL AND v.percent IS NOT NULL",
        "vat_percent IS NOT NULL AND v.percent IS NULL",
    )
)
"""Each a range of the index: that there is nothing to do is found out at once."""
_REVALUE = text(
    f"""
    WITH stale AS (
        SELECT each.* FROM ({VAT_TODAY}) AS v CROSS JOIN LATERAL ({_STALE}) AS each LIMIT :limit
    ), locked AS (
        SELECT customer_id, percent FROM account JOIN stale USING (customer_id)
        ORDER BY customer_id FOR UPDATE OF account
    )
    UPDATE account AS a SET vat_percent = l.percent FROM locked AS l WHERE a.customer_id = l.customer_id
    """
)


async def save_terms(connection: AsyncConnection, customers: Sequence[int], today: date) -> None:
    """Keep the limits and the VAT of customers, as they are stored, with their accounts."""
    await connection.execute(_SAVE_TERMS, {"customers": list(customers), "today": today})


async def revalue(connection: AsyncConnection, today: date, limit: int) -> int:
    """Give accounts today's percentage of their VAT rate where they have another. Returns how many it was."""
    return (await connection.execute(_REVALUE, {"today": today, "limit": limit})).rowcount
