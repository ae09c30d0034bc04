"""Billing runs, their markers and their customers (SPEC I3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import RunMarker
from contracts.topics import CUSTOMERS, REFERENCE
from invoicing.domain.runs import Run
from invoicing.store.bulk import Row as Values
from invoicing.store.bulk import given, insert_many, insert_new
from invoicing.store.tables import billing_run, customer, invoice, run_customer, run_marker, send_request

_RUN_COLUMNS = [billing_run.c[name] for name in Run.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class Progress:
    """How many customers of a run are in which state, and what its invoices come to; money in pounds."""

    customers: Mapping[str, int]
    totals: Mapping[str, Decimal]
    approved: int
    sent: int
    not_emailed: int
    markers: int
    unpriced: int


def _read(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    values["cycles"] = tuple(values["cycles"])
    values["customers"] = None if values["customers"] is None else tuple(values["customers"])
    return Run(**values)


async def create(connection: AsyncConnection, values: Values) -> int:
    """Store a draft run. Returns its id."""
    statement = insert(billing_run).values(**values).returning(billing_run.c.run_id)
    run_id: int = (await connection.execute(statement)).scalar_one()
    return run_id


async def find(connection: AsyncConnection, run_id: int) -> Run | None:
    """A run, or None."""
    row = (await connection.execute(select(*_RUN_COLUMNS).where(billing_run.c.run_id == run_id))).one_or_none()
    return _read(row) if row else None


async def by_id(connection: AsyncConnection, ids: Collection[int]) -> dict[int, Run]:
    """These runs, by id."""
    statement = select(*_RUN_COLUMNS).where(billing_run.c.run_id == func.any(list(ids)))
    return {row.run_id: _read(row) for row in await connection.execute(statement)}


async def lock(connection: AsyncConnection, run_id: int, *, wait: bool = True) -> Run | None:
    """A run for this transaction alone, behind those that share it; None where there is none.

    Args:
        wait: if not, it is None too where another transaction has the run or shares it.
    """
    return await _locked(connection, run_id, "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock")


async def share(connection: AsyncConnection, run_id: int, *, wait: bool = True) -> Run | None:
    """A run that this transaction takes a group of: others may share it. None as in `lock`, also if one waits for it.

    By advisory locks, which are given in the order they were asked for: row locks, shared by one group after the other,
    would keep who wants the run alone waiting for ever.
    """
    way = "pg_advisory_xact_lock_shared" if wait else "pg_try_advisory_xact_lock_shared"
    return await _locked(connection, run_id, way)


async def _locked(connection: AsyncConnection, run_id: int, way: str) -> Run | None:
    """The run is read by a statement of its own, which sees what was committed while the lock was waited for."""
    key = func.hashtextextended(f"billing run {run_id}", 0)
    refused = await connection.scalar(select(getattr(func, way)(key))) is False
    return None if refused else await find(connection, run_id)


async def save(connection: AsyncConnection, run_id: int, **values: Any) -> Run:
    """Change columns of a run. Returns it as it is then."""
    statement = update(billing_run).where(billing_run.c.run_id == run_id).values(**values).returning(*_RUN_COLUMNS)
    return _read((await connection.execute(statement)).one())


async def page(connection: AsyncConnection, after: int | None, limit: int) -> list[Run]:
    """Runs, the newest first; `after` is the last id of the page before."""
    statement = select(*_RUN_COLUMNS).order_by(billing_run.c.run_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(billing_run.c.run_id < after)
    return [_read(row) for row in await connection.execute(statement)]


async def at_work(connection: AsyncConnection) -> list[Run]:
    """The runs about which there may be something to do, oldest first."""
    c = billing_run.c
    busy = c.state.in_(("requested", "running")) | c.approving | c.sending | c.cancelling
    return [_read(row) for row in await connection.execute(select(*_RUN_COLUMNS).where(busy).order_by(c.run_id))]


async def put_markers(connection: AsyncConnection, markers: Collection[RunMarker]) -> None:
    """Note the markers that have arrived, each once."""
    rows = [
        {
            "run_id": each.run_id,
            "topic": each.marked_topic,
            "partition": each.partition,
            "partitions": each.partitions,
        }
        for each in markers
    ]
    await insert_new(connection, run_marker, rows)


async def cut_is_complete(connection: AsyncConnection, run_id: int) -> bool:
    """Whether the run's markers are here from every partition of both topics."""
    c = run_marker.c
    statement = select(c.topic).where(c.run_id == run_id).group_by(c.topic)
    complete = await connection.scalars(statement.having(func.count() >= func.max(c.partitions)))
    return set(complete) == {CUSTOMERS, REFERENCE}


async def take_customers(connection: AsyncConnection, run_id: int, customers: Collection[int]) -> set[int]:
    """Make these customers wait for their usage in this run. Returns those taken: no other run is active for them."""
    names = ["run_id", "customer_id", "state", "active"]
    rows = [{"run_id": run_id, "customer_id": each, "state": "waiting", "active": True} for each in customers]
    if not rows:
        return set()
    source = given(run_customer, names, rows)
    statement = upsert(run_customer).from_select(names, select(source).order_by(source.c.customer_id))
    result = await connection.execute(statement.on_conflict_do_nothing().returning(run_customer.c.customer_id))
    return set(result.scalars())


async def active_run_of(connection: AsyncConnection, customers: Collection[int]) -> dict[int, int]:
    """The run that is active for each of these customers that has one."""
    c = run_customer.c
    statement = select(c.customer_id, c.run_id).where(c.active, c.customer_id == func.any(list(customers)))
    return {row.customer_id: row.run_id for row in await connection.execute(statement)}


async def add_parked(connection: AsyncConnection, run_id: int, reasons: Mapping[int, str]) -> None:
    """Put customers into the run that are parked from the start: customer id to reason."""
    await insert_many(
        connection,
        run_customer,
        [
            {"run_id": run_id, "customer_id": each, "state": "parked", "reason": reason, "active": False}
            for each, reason in sorted(reasons.items())
        ],
    )


async def next_closed(connection: AsyncConnection, run_id: int, limit: int) -> list[int]:
    """The next customers whose usage has come."""
    c = run_customer.c
    statement = select(c.customer_id).where(c.run_id == run_id, c.state == "closed")
    return list(await connection.scalars(statement.order_by(c.customer_id).limit(limit)))


async def take_closed(connection: AsyncConnection, run_id: int, limit: int) -> list[int]:
    """Lock the next customers whose usage has come, passing over those that another transaction has."""
    c = run_customer.c
    statement = select(c.customer_id).join(customer, customer.c.customer_id == c.customer_id)
    statement = statement.where(c.run_id == run_id, c.state == "closed").order_by(c.customer_id).limit(limit)
    free = statement.with_for_update(of=customer, key_share=True, skip_locked=True)
    return list(await connection.scalars(free))


async def lock_closed(connection: AsyncConnection, run_id: int, customers: Collection[int]) -> dict[int, int]:
    """Those of these customers, who are locked, whose usage has come and is not judged yet: customer to close id."""
    c = run_customer.c
    statement = select(c.customer_id, c.close_id).where(
        c.run_id == run_id, c.customer_id == func.any(list(customers)), c.state == "closed"
    )
    locked = await connection.execute(statement.order_by(c.customer_id).with_for_update())
    return {row.customer_id: row.close_id for row in locked}


async def save_verdicts(connection: AsyncConnection, run_id: int, rows: Sequence[Values]) -> None:
    """Keep what became of customers: customer_id, state, reason, invoice_id, active."""
    if not rows:
        return
    names = ["customer_id", "state", "reason", "invoice_id", "active"]
    verdict = given(run_customer, names, rows)
    c = run_customer.c
    await connection.execute(
        update(run_customer)
        .where(c.run_id == run_id, c.customer_id == verdict.c.customer_id)
        .values(**{name: verdict.c[name] for name in names[1:]})
    )


async def free_customers(connection: AsyncConnection, invoices: Collection[int]) -> None:
    """Let other runs take the customers of these invoices: they are approved."""
    statement = update(run_customer).where(run_customer.c.invoice_id == func.any(list(invoices)), run_customer.c.active)
    await connection.execute(statement.values(active=False))


async def has_unfinished(connection: AsyncConnection, run_id: int) -> bool:
    """Whether a customer of the run is still to be drafted, skipped or parked."""
    c = run_customer.c
    waiting = select(c.customer_id).where(c.run_id == run_id, c.state.in_(("waiting", "closed")))
    return bool(await connection.scalar(select(exists(waiting))))


async def progress(connection: AsyncConnection, run_id: int) -> Progress:
    """Counts and totals of a run as they are now."""
    c, i = run_customer.c, invoice.c
    states = await connection.execute(
        select(c.state, func.count(), func.sum(c.unpriced)).where(c.run_id == run_id).group_by(c.state)
    )
    counted = {state: (count, unpriced) for state, count, unpriced in states}
    sums = select(
        func.coalesce(func.sum(i.net), 0).label("net"),
        func.coalesce(func.sum(i.vat), 0).label("vat"),
        func.coalesce(func.sum(i.gross), 0).label("gross"),
        func.count().filter(i.number.is_not(None)).label("approved"),
    )
    invoices = (await connection.execute(sums.where(i.run_id == run_id, i.status != "removed"))).one()
    sent, not_emailed = await _sent(connection, run_id)
    markers = select(func.count()).select_from(run_marker).where(run_marker.c.run_id == run_id)
    return Progress(
        customers={state: count for state, (count, _) in counted.items()},
        totals={name: getattr(invoices, name) for name in ("net", "vat", "gross")},
        approved=invoices.approved,
        sent=sent,
        not_emailed=not_emailed,
        markers=await connection.scalar(markers) or 0,
        unpriced=sum(unpriced for _, unpriced in counted.values()),
    )


async def _sent(connection: AsyncConnection, run_id: int) -> tuple[int, int]:
    s = send_request.c
    of_run = and_(invoice.c.invoice_id == s.invoice_id, invoice.c.run_id == run_id)
    statement = select(
        func.count(s.invoice_id.distinct()), func.count(s.invoice_id.distinct()).filter(s.not_emailed)
    ).select_from(send_request.join(invoice, of_run))
    row = (await connection.execute(statement.where(s.sent_at.is_not(None)))).one()
    return row[0], row[1]


async def customers_page(
    connection: AsyncConnection, run_id: int, state: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """A run's customers in the order of their ids, of one state or of all."""
    c = run_customer.c
    statement = select(c.customer_id, c.state, c.reason, c.close_id, c.invoice_id, c.unpriced)
    statement = statement.where(c.run_id == run_id, c.customer_id > after)
    if state is not None:
        statement = statement.where(c.state == state)
    rows = await connection.execute(statement.order_by(c.customer_id).limit(limit))
    return [dict(row._mapping) for row in rows]


async def first_bills(connection: AsyncConnection, customers: Collection[int]) -> dict[int, date]:
    """SPEC Z10: the bill-to date of the first invoice of each of these customers that has one."""
    i = invoice.c
    statement = select(i.customer_id, func.min(i.bill_to)).where(
        i.customer_id == func.any(list(customers)), i.status != "removed"
    )
    return {row[0]: row[1] for row in await connection.execute(statement.group_by(i.customer_id))}
