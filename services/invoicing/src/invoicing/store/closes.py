"""Rating's answers to a run: closes and their parts (SPEC I4)."""

from __future__ import annotations

import typing
from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal

import msgspec
from pydantic import TypeAdapter
from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.closing import ControlTotals, UsageClosed, UsageLine
from invoicing.domain.usage import Close
from invoicing.store.bulk import insert_new
from invoicing.store.tables import run_customer, usage_close, usage_close_part

_LINES = TypeAdapter(tuple[UsageLine, ...])


class StoredLine(msgspec.Struct, frozen=True):
    """A `UsageLine` as it is stored. It was checked when it came; to check it again is what reading would take most."""

    number_id: int
    number: str
    call_class: str
    band: str
    calls: int
    seconds: int
    list_price: Decimal
    net_exact: Decimal
    net: Decimal
    plan: str = ""
    units: int = 0
    volume_bytes: int = 0
    discount: Decimal = Decimal(0)
    cost: Decimal | None = None


_decode = msgspec.json.Decoder(list[StoredLine]).decode


async def put_parts(connection: AsyncConnection, parts: Sequence[UsageClosed]) -> None:
    """Store parts of closes, each once."""
    closes = [
        {
            "close_id": each.close_id,
            "run_id": each.run_id,
            "customer_id": each.customer_id,
            "parts": each.parts,
            "unpriced": each.unpriced,
            "calls": each.totals.calls,
            "seconds": each.totals.seconds,
            "net_exact": each.totals.net_exact,
        }
        for each in {part.close_id: part for part in parts}.values()
    ]
    lines = [
        {
            "close_id": each.close_id,
            "part": each.part,
            "lines": _LINES.dump_json(each.lines),
        }
        for each in parts
    ]
    await insert_new(connection, usage_close, sorted(closes, key=lambda row: str(row["close_id"])))
    await insert_new(connection, usage_close_part, lines)


async def mark_closed(connection: AsyncConnection, close_ids: Collection[int]) -> None:
    """Move the customers on of whom every part has come: from waiting to closed."""
    part_count = select(func.count()).where(usage_close_part.c.close_id == usage_close.c.close_id).scalar_subquery()
    await connection.execute(
        update(run_customer)
        .where(
            usage_close.c.close_id == func.any(list(close_ids)),
            run_customer.c.run_id == usage_close.c.run_id,
            run_customer.c.customer_id == usage_close.c.customer_id,
            run_customer.c.state == "waiting",
            part_count == usage_close.c.parts,
        )
        .values(state="closed", close_id=usage_close.c.close_id, unpriced=usage_close.c.unpriced)
    )


async def closes_by_customer(connection: AsyncConnection, close_ids: Collection[int]) -> dict[int, Close]:
    """These closes, whole, by customer."""
    lines: dict[int, list[StoredLine]] = defaultdict(list)
    part = usage_close_part.c
    wanted = list(close_ids)
    parts = await connection.execute(
        select(part.close_id, cast(part.lines, Text).label("lines"))
        .where(part.close_id == func.any(wanted))
        .order_by(part.close_id, part.part)
    )
    for row in parts:
        lines[row.close_id] += _decode(row.lines)
    closes = await connection.execute(select(usage_close).where(usage_close.c.close_id == func.any(wanted)))
    return {
        row.customer_id: Close(
            close_id=row.close_id,
            customer_id=row.customer_id,
            lines=typing.cast("tuple[UsageLine, ...]", tuple(lines[row.close_id])),
            totals=ControlTotals(calls=row.calls, seconds=row.seconds, net_exact=row.net_exact),
            unpriced=row.unpriced,
        )
        for row in closes
    }
