"""The counts that invoice numbers come from."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.numbering import Series
from invoicing.store.bulk import given
from invoicing.store.course_tables import account_series
from invoicing.store.tables import invoice_series

COMPANY = "company"
_COLUMNS = [invoice_series.c[name] for name in ("prefix", "width", "last", "scope")]


async def take(connection: AsyncConnection, count: int) -> Series:
    """Take the next numbers of the company's series; its row is locked until the transaction ends, so keep it short.

    Returns: the series as it is then: the numbers taken are its last.
    """
    c = invoice_series.c
    statement = update(invoice_series).where(c.series == COMPANY).values(last=c.last + count)
    return _read((await connection.execute(statement.returning(*_COLUMNS))).one())


async def take_of_accounts(connection: AsyncConnection, counts: Mapping[int, int]) -> dict[int, int]:
    """Take the next numbers of accounts, whose customers are locked: customer id to how many.

    Returns: the last number of each, as it is then.
    """
    names = ["customer_id", "last"]
    rows = [{"customer_id": each, "last": counts[each]} for each in sorted(counts)]
    statement = insert(account_series).from_select(names, select(given(account_series, names, rows)))
    c = account_series.c
    taken = statement.on_conflict_do_update(
        index_elements=[c.customer_id], set_={"last": c.last + statement.excluded["last"]}
    )
    result = await connection.execute(taken.returning(c.customer_id, c.last))
    return {row.customer_id: row.last for row in result}


async def series(connection: AsyncConnection) -> Series:
    """How numbers look, and the company's last."""
    statement = select(*_COLUMNS).where(invoice_series.c.series == COMPANY)
    return _read((await connection.execute(statement)).one())


def _read(row: Row[tuple[object, ...]]) -> Series:
    return Series(**row._mapping)


async def save_series(connection: AsyncConnection, changed: Series) -> None:
    """Change how the next numbers look; the counts go on."""
    statement = update(invoice_series).where(invoice_series.c.series == COMPANY)
    await connection.execute(statement.values(prefix=changed.prefix, width=changed.width, scope=changed.scope))
