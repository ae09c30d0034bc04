"""Writing what other services told of accounts: only what is newer than what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, Table, TableValuedAlias, column, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import (
    AccountBalanceChanged,
    CreditLimitReached,
    InvoiceState,
    PaymentRefunded,
    PaymentReversed,
    PaymentState,
)
from contracts.closing import UsageUnbilled
from customers.domain.accounts import LATEST
from customers.store.accounts import account, known_invoice, known_payment

_MAKE = text(
    "INSERT INTO account (customer_id) SELECT unnest(CAST(:customers AS bigint[])) ON CONFLICT (customer_id) DO NOTHING"
)
_LOCK = text("SELECT FROM account WHERE customer_id = ANY(:customers) ORDER BY customer_id FOR UPDATE")
_TRIM = {
    table.name: text(
        f"""
        DELETE FROM {table.name} WHERE {key} IN (
            SELECT {key} FROM (
                SELECT {key}, row_number() OVER (PARTITION BY customer_id, {group} ORDER BY {day} DESC, {key} DESC) AS n
                FROM {table.name} WHERE customer_id = ANY(:customers)
            ) AS numbered WHERE n > {LATEST}
        )
        """
    )
    for table, key, group, day in (
        (known_invoice, "invoice_id", "status = 'removed'", "invoice_date"),
        (known_payment, "payment_id", "true", "received_on"),
    )
}
"""Of a removed draft is kept that it was, so that an older event does not bring it back."""


async def lock_accounts(connection: AsyncConnection, customers: Sequence[int]) -> None:
    """Have a row for each of these customers, in the order of their ids, and lock them."""
    if customers:
        await connection.execute(_MAKE, {"customers": list(customers)})
        await connection.execute(_LOCK, {"customers": list(customers)})


async def put_balances(connection: AsyncConnection, told: Sequence[AccountBalanceChanged]) -> None:
    """Invoicing's figures."""
    rows = [
        {
            "customer_id": each.customer_id,
            "balance_version": each.version,
            "balance": each.balance,
            "currency": each.currency,
            "unbilled_charges": each.unbilled_charges,
        }
        for each in told
    ]
    await _put_newer(connection, account.c.balance_version, rows)


async def put_usages(connection: AsyncConnection, told: Sequence[UsageUnbilled]) -> None:
    """Rating's figures."""
    rows = [
        {
            "customer_id": each.customer_id,
            "unbilled_version": each.version,
            "unbilled_net": each.net_exact,
            "unbilled_calls": each.calls,
            "unbilled_as_of": each.as_of,
        }
        for each in told
    ]
    await _put_newer(connection, account.c.unbilled_version, rows)


async def put_notices(connection: AsyncConnection, told: Sequence[CreditLimitReached]) -> None:
    """That a limit was reached: the last time it was told."""
    rows = [
        {
            "customer_id": each.customer_id,
            "notice_as_of": each.as_of,
            "notice": each.model_dump(mode="json", exclude={"customer_id"}),
        }
        for each in told
    ]
    await _put_newer(connection, account.c.notice_as_of, rows)


async def _put_newer(connection: AsyncConnection, age: Column[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Update accounts where the age is newer than what is there."""
    if rows:
        told = _told(account, rows)
        newer = or_(age.is_(None), age < told.c[age.name])
        statement = update(account).where(account.c.customer_id == told.c.customer_id, newer)
        await connection.execute(statement.values({name: told.c[name] for name in rows[0] if name != "customer_id"}))


def _told(table: Table, rows: Sequence[dict[str, Any]]) -> TableValuedAlias:
    """Rows as a table expression, an array for each column: one statement for all of them."""
    kinds = {name: table.c[name].type for name in rows[0]}
    arrays = (literal([row[name] for row in rows], ARRAY(kind)) for name, kind in kinds.items())
    valued = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in kinds.items()), name="told")
    return valued.render_derived(name="told")


_INVOICE = ("invoice_id", "customer_id", "version", "number", "kind", "status", "bill_to", "invoice_date", "due_date")
_TOTALS = ("currency", "net", "vat", "gross")
_PAYMENT = ("payment_id", "customer_id", "version", "amount", "currency", "received_on", "method", "reference")


async def put_invoices(connection: AsyncConnection, told: Sequence[InvoiceState]) -> None:
    """Invoices as they are now; the latest of each customer are kept, by date."""
    documents = ("document_url", "document_name")
    rows = [
        {name: getattr(each, name) for name in (*_INVOICE, *_TOTALS)}
        | {name: getattr(each, name, None) for name in documents}
        for each in told
    ]
    await _put_latest(connection, known_invoice, rows, kept=documents)


async def put_payments(connection: AsyncConnection, told: Sequence[PaymentState]) -> None:
    """Payments as they are now; the latest of each customer are kept, by date."""
    rows = [{name: getattr(each, name) for name in _PAYMENT} | {"state": _state(each)} for each in told]
    await _put_latest(connection, known_payment, rows)


def _state(payment: PaymentState) -> str:
    match payment:
        case PaymentReversed():
            return "reversed"
        case PaymentRefunded():
            return "refunded"
    return "received"


async def _put_latest(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], kept: Sequence[str] = ()
) -> None:
    """Insert or replace what is newer; `kept` columns stay where the newer state does not say them."""
    if not rows:
        return
    statement = insert(table).from_select(list(rows[0]), select(_told(table, rows)))
    [key] = table.primary_key.columns
    new = statement.excluded
    values = {name: func.coalesce(new[name], table.c[name]) if name in kept else new[name] for name in rows[0]}
    changed = statement.on_conflict_do_update(index_elements=[key], set_=values, where=table.c.version < new.version)
    await connection.execute(changed)
    await connection.execute(_TRIM[table.name], {"customers": [row["customer_id"] for row in rows]})
