"""What is not billed yet, what was told of it, and whose figures are to be looked at (SPEC C13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.closing import UsageUnbilled
from invoicing.store.bulk import given
from invoicing.store.credit_tables import credit, credit_changed

_LOCK = 0x6372_6564_6974  # "credit"
_NOTE = text(
    """
    INSERT INTO credit_changed (customer_id, not_before)
    SELECT customer_id, coalesce(CAST(:not_before AS timestamptz), now())
    FROM unnest(CAST(:ids AS bigint[])) AS customer_id
    ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET not_before = excluded.not_before
    WHERE credit_changed.not_before > excluded.not_before
    """
)
_NOTE_KNOWN = text(
    """
    INSERT INTO credit_changed (customer_id)
    SELECT customer_id FROM unnest(CAST(:ids AS bigint[])) AS customer_id
    WHERE EXISTS (SELECT FROM credit WHERE credit.customer_id = customer_id)
       OR EXISTS (SELECT FROM account_balance WHERE account_balance.customer_id = customer_id)
    ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET not_before = excluded.not_before
    """
)
_NOTE_ALL = text(
    """
    INSERT INTO credit_changed (customer_id)
    SELECT customer_id FROM credit ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET not_before = excluded.not_before
    """
)
# What stands on no approved invoice but for usage, which rating counts (contracts.billing.AccountBalanceChanged).
_CHARGES = text(
    """
    SELECT customer_id, CASE WHEN own_vat_rate THEN t.vat_rate ELSE c.vat_rate END AS rate, sum(net) AS net
    FROM (
        SELECT customer_id, own_vat_rate, vat_rate, net, kind FROM transaction
        WHERE customer_id = ANY(:ids) AND invoice_id IS NULL
        UNION ALL
        SELECT i.customer_id, t.own_vat_rate, t.vat_rate, t.net, t.kind FROM invoice AS i
        JOIN transaction AS t USING (invoice_id)
        WHERE i.customer_id = ANY(:ids) AND i.status = 'draft' AND i.invoice_id <> ALL(CAST(:approved AS bigint[]))
    ) AS t JOIN customer AS c USING (customer_id)
    WHERE kind <> 'usage' GROUP BY 1, 2
    """
)
_FIGURES = text(
    """
    SELECT c.customer_id, c.vat_rate, CAST(c.state ->> 'credit_limit' AS numeric) AS credit_limit,
           coalesce(b.balance, 0) AS balance, coalesce(k.usage_exact, 0) AS usage_exact, k.charges, k.told_at,
           coalesce(k.warned, false) AS warned, coalesce(k.limited, false) AS limited
    FROM customer AS c LEFT JOIN account_balance AS b USING (customer_id) LEFT JOIN credit AS k USING (customer_id)
    WHERE c.customer_id = ANY(:ids) ORDER BY c.customer_id
    """
)


async def only_one(connection: AsyncConnection) -> bool:
    """Whether this transaction is the one that looks at figures."""
    return bool(await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}))


async def note(connection: AsyncConnection, customers: Collection[int], not_before: datetime | None = None) -> None:
    """Have the figures of customers looked at, at once or from a wall time on."""
    if customers:
        await connection.execute(_NOTE, {"ids": list(customers), "not_before": not_before})


async def note_known(connection: AsyncConnection, customers: Collection[int]) -> None:
    """The same for those of these customers that have figures: their terms may have changed."""
    if customers:
        await connection.execute(_NOTE_KNOWN, {"ids": list(customers)})


async def note_all(connection: AsyncConnection) -> None:
    """The same for all that have figures: a rate of VAT may be another one."""
    await connection.execute(_NOTE_ALL)


async def changed(connection: AsyncConnection, limit: int) -> list[int]:
    """The next customers whose figures are to be looked at."""
    c = credit_changed.c
    due = select(c.customer_id).where(c.not_before <= func.now()).order_by(c.not_before).limit(limit)
    return list(await connection.scalars(due))


async def forget_changed(connection: AsyncConnection, customers: Collection[int]) -> None:
    """These are being looked at."""
    await connection.execute(delete(credit_changed).where(credit_changed.c.customer_id == func.any(list(customers))))


async def put_usage(connection: AsyncConnection, told: Iterable[UsageUnbilled]) -> list[int]:
    """Keep what rating told of unbilled usage, the newest version of each. Returns the customers it is new for."""
    names = ["customer_id", "usage_version", "usage_calls", "usage_exact"]
    rows = [(each.customer_id, each.version, each.calls, each.net_exact) for each in told]
    source = given(credit, names, [dict(zip(names, row, strict=True)) for row in sorted(rows)])
    statement = insert(credit).from_select(names, select(source).order_by(source.c.customer_id))
    newer = statement.excluded.usage_version > func.coalesce(credit.c.usage_version, 0)
    update = statement.on_conflict_do_update(
        index_elements=["customer_id"], set_={name: statement.excluded[name] for name in names[1:]}, where=newer
    )
    return list(await connection.scalars(update.returning(credit.c.customer_id)))


async def charges(
    connection: AsyncConnection, customers: Collection[int], approved: Collection[int] = ()
) -> Mapping[int, list[tuple[str | None, Decimal]]]:
    """Of each of these customers: VAT rate and net of what stands on no approved invoice, usage left out.

    Args:
        approved: drafts that are being approved, so that they do not count any more.
    """
    found: dict[int, list[tuple[str | None, Decimal]]] = defaultdict(list)
    for row in await connection.execute(_CHARGES, {"ids": list(customers), "approved": list(approved)}):
        found[row.customer_id].append((row.rate, row.net))
    return found


async def figures(connection: AsyncConnection, customers: Collection[int]) -> Sequence[Row[Any]]:
    """Limit, VAT rate, balance, unbilled usage and what was told of these customers, in the order of their ids."""
    return (await connection.execute(_FIGURES, {"ids": list(customers)})).all()


async def unbilled_usage(connection: AsyncConnection, customers: Collection[int]) -> dict[int, Decimal]:
    """What rating told last of unbilled usage of these customers: pounds net, exact."""
    c = credit.c
    statement = select(c.customer_id, c.usage_exact).where(c.customer_id == func.any(list(customers)))
    return {row.customer_id: row.usage_exact for row in await connection.execute(statement)}


async def save(connection: AsyncConnection, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep these columns of customers' credit; each row has `customer_id` and those columns."""
    if not rows:
        return
    columns = ["customer_id", *names]
    source = given(credit, columns, rows)
    statement = insert(credit).from_select(columns, select(source).order_by(source.c.customer_id))
    update = {name: statement.excluded[name] for name in names}
    await connection.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_=update))
