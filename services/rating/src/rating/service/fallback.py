"""Unpriced calls at the close: charged by the fallback markup, billed with the close or let go with it (SPEC R5 (3)).

Until its close is billed such a call stays held, and no retry takes it. So a tariff that is added meanwhile changes
nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from rating.domain.cdr import columns_of
from rating.domain.fallback import judge_at_close
from rating.domain.judging import BY_FALLBACK
from rating.domain.verdicts import Rated, verdict
from rating.service.moving import counted, store_usage
from rating.service.pictures import pictures
from rating.store import counts, gate, held, outcomes
from rating.store import fallback as store
from service_kit.database import Transaction

BATCH = 2_000


async def price_unpriced(tx: Transaction, closes: Sequence[int]) -> None:
    """Give the unpriced calls of new closes the price of their fallback markup, where there is one.

    A call that would have a rate, or be another's, by now is left to be tried again.
    """
    rows = await store.unpriced(tx.connection, closes, after=-1, limit=BATCH)
    if not rows:
        return
    await store.let_no_retry(tx.connection)
    after = -1
    while rows := await store.unpriced(tx.connection, closes, after=after, limit=BATCH):
        await store.add(tx.connection, await _priced(rows))
        after = rows[-1]["usage_id"]
    await store.count(tx.connection, closes)


async def _priced(rows: Sequence[RowMapping]) -> list[tuple[int, int, Rated]]:
    picture = await pictures.refresh()
    calls = columns_of([outcomes.cdr_of(row) for row in rows])
    judged = judge_at_close(calls, picture)
    told = [verdict(calls, judged, picture, index) for index in range(len(rows))]
    return [
        (row["close_id"], row["usage_id"], each)
        for row, each in zip(rows, told, strict=True)
        if isinstance(each, Rated) and each.step == BY_FALLBACK and each.customer_id == row["customer_id"]
    ]


async def bill(tx: Transaction, closes: Sequence[int]) -> None:
    """Closes are billed now: the calls that they charge for become usage, within the rectangle of their close."""
    while rows := await store.priced_by(tx.connection, closes, BATCH):
        await store.remove(tx.connection, [row["usage_id"] for row in rows])
        uncharged = [{**row, "charge_micro": 0} for row in rows]
        await counts.add(tx.connection, counts.BY_HAND, counted(uncharged, -1))
        await store_usage(tx, [_billed(row) for row in rows])


def _billed(row: RowMapping) -> dict[str, Any]:
    cdr, rated = outcomes.cdr_of(row), store.rated_of(row)
    return outcomes.usage_row(row["usage_id"], row["revision"] + 1, rated, cdr, row["received_on"], row["cut"])


async def release(tx: Transaction, closes: Sequence[int]) -> None:
    """Closes are released now: the calls that they charged for are unpriced as before, and tried again."""
    customers = await store.release(tx.connection, closes)
    if customers:
        generation = await gate.pass_shared(tx.connection)
        await held.add_requests(tx.connection, generation, "customer", [str(each) for each in customers])
