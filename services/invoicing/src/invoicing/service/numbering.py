"""Invoice numbers: one series for the company, or one for each account (SPEC I6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from invoicing.domain.numbering import Series, account_numbers
from invoicing.store import numbering as store
from invoicing.store import readmodel
from service_kit.database import Transaction, reading, transaction


async def numbers_for(tx: Transaction, drafts: Sequence[Row[Any]]) -> dict[int, str]:
    """Numbers for drafts that have none, in their order: invoice id to number. The customers are locked.

    The company's series is locked until the transaction ends, so this comes last; accounts' series are not shared.
    """
    if not drafts:
        return {}
    ids = [each.invoice_id for each in drafts]
    if (await store.series(tx.connection)).scope == "account":
        return dict(zip(ids, await _of_accounts(tx, [each.customer_id for each in drafts]), strict=True))
    series = await store.take(tx.connection, len(drafts))
    return dict(zip(ids, series.taken(len(drafts)), strict=True))


async def _of_accounts(tx: Transaction, customers: Sequence[int]) -> list[str]:
    """A number for each of these customers, who may be named more than once."""
    known = await readmodel.customers_by_id(tx.connection, customers)
    counts = Counter(customers)
    last = await store.take_of_accounts(tx.connection, counts)
    numbers = {
        each: account_numbers(known[each].account_number, last[each] - count, count) for each, count in counts.items()
    }
    return [numbers[each].pop(0) for each in customers]


async def current_series() -> Series:
    """How numbers look, and the company's last."""
    async with reading() as connection:
        return await store.series(connection)


async def change_series(series: Series) -> None:
    """How the next invoice numbers look; every count goes on, so that none is used again. `last` is not looked at."""
    async with transaction() as tx:
        await store.save_series(tx.connection, series)
