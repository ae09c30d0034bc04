"""Drafts that are made again or removed, and runs that are cancelled or tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.tables import billing_run, customer, invoice, run_customer, transaction, usage_close

_AT_WORK = ("waiting", "closed")


async def take_lines_off(connection: AsyncConnection, invoices: Collection[int]) -> None:
    """Empty these drafts: usage and low usage charges are gone, what else is on them goes back to Unsent."""
    c = transaction.c
    theirs = c.invoice_id == func.any(list(invoices))
    made_again = c.kind.in_(("usage", "low_usage_charge"))
    await connection.execute(delete(transaction).where(theirs, made_again))
    own_rate = case((c.own_vat_rate, c.vat_rate), else_=None)
    await connection.execute(update(transaction).where(theirs).values(invoice_id=None, vat_rate=own_rate))


async def closes(connection: AsyncConnection, close_ids: Collection[int]) -> Sequence[Row[Any]]:
    """These closes (close_id, run_id, customer_id), in the order of their customers."""
    c = usage_close.c
    statement = select(c.close_id, c.run_id, c.customer_id).where(c.close_id == func.any(list(close_ids)))
    return (await connection.execute(statement.order_by(c.customer_id, c.close_id))).all()


async def activate(connection: AsyncConnection, customers: Mapping[int, int]) -> None:
    """Make the newest run that made each draft its customer's active one: customer id to invoice id."""
    c, newer = run_customer.c, run_customer.alias("newer")
    later = exists().where(newer.c.invoice_id == c.invoice_id, newer.c.run_id > c.run_id)
    theirs = c.invoice_id == func.any(list(customers.values()))
    await connection.execute(update(run_customer).where(theirs, ~later).values(active=True))


async def leave_runs(connection: AsyncConnection, customers: Collection[int]) -> None:
    """No run is active for these customers any more."""
    c = run_customer.c
    statement = update(run_customer).where(c.customer_id == func.any(list(customers)), c.active)
    await connection.execute(statement.values(active=False))


async def skip(connection: AsyncConnection, drafts: Collection[int], customers: Collection[int], reason: str) -> None:
    """These customers' drafts were removed: whatever run made them, or was to make them again, has none."""
    c = run_customer.c
    made = c.invoice_id == func.any(list(drafts))
    at_work = and_(c.customer_id == func.any(list(customers)), c.active)
    gone = {"state": "skipped", "reason": reason, "active": False, "invoice_id": None}
    await connection.execute(update(run_customer).where(or_(made, at_work)).values(**gone))


async def note_changed(connection: AsyncConnection, customers: Collection[int]) -> None:
    """Have the drafts made again that runs requested by now are about to make of these customers, who are locked.

    Which of these runs has taken them is not asked: one that fixes its customers at this moment may be about to.
    """
    newest = select(func.max(billing_run.c.run_id)).where(billing_run.c.state != "draft").scalar_subquery()
    theirs = customer.c.customer_id == func.any(list(customers))
    await connection.execute(update(customer).where(theirs).values(changed_after=newest))


async def out_of_date(connection: AsyncConnection, run_id: int, customers: Collection[int]) -> list[int]:
    """The drafts just made of these customers, who are locked, for whom something changed after the run's request."""
    c = run_customer.c
    drafts = select(c.invoice_id).join(customer, customer.c.customer_id == c.customer_id)
    theirs = (c.run_id == run_id, c.customer_id == func.any(list(customers)), c.invoice_id.is_not(None))
    return list(await connection.scalars(drafts.where(*theirs, customer.c.changed_after >= run_id)))


async def being_made(connection: AsyncConnection, drafts: Collection[int]) -> set[int]:
    """Those of these drafts that a run is making again at this moment."""
    c, i = run_customer.c, invoice.c
    by = and_(i.remade_by == c.run_id, i.customer_id == c.customer_id)
    statement = select(i.invoice_id).select_from(invoice.join(run_customer, by))
    return set(await connection.scalars(statement.where(i.invoice_id == func.any(list(drafts)), c.state.in_(_AT_WORK))))


async def waiting(connection: AsyncConnection, run_id: int) -> list[int]:
    """The customers of a run that wait for their usage."""
    c = run_customer.c
    statement = select(c.customer_id).where(c.run_id == run_id, c.state == "waiting")
    return list(await connection.scalars(statement.order_by(c.customer_id)))


async def to_cancel(connection: AsyncConnection, run_id: int, limit: int) -> list[Row[Any]]:
    """The next customers of a cancelled run (customer_id, state, close_id, invoice_id) that have something to undo."""
    c, i = run_customer.c, invoice.c
    unnumbered = exists().where(i.invoice_id == c.invoice_id, i.status == "draft", i.number.is_(None))
    undone = or_(c.state.in_(_AT_WORK), unnumbered)
    statement = select(c.customer_id, c.state, c.close_id, c.invoice_id).where(c.run_id == run_id, undone)
    return list(await connection.execute(statement.order_by(c.customer_id).limit(limit)))


async def skip_at_work(connection: AsyncConnection, run_id: int, customers: Collection[int], reason: str) -> list[int]:
    """Take customers out of a run before they are drafted. Returns the closes that had come."""
    c = run_customer.c
    theirs = (c.run_id == run_id, c.customer_id == func.any(list(customers)), c.state.in_(_AT_WORK))
    gone = update(run_customer).where(*theirs).values(state="skipped", reason=reason, active=False)
    return [each for each in await connection.scalars(gone.returning(c.close_id)) if each is not None]


async def numbered(connection: AsyncConnection, run_id: int) -> int:
    """How many invoices of a run have a number."""
    statement = select(func.count()).where(invoice.c.run_id == run_id, invoice.c.number.is_not(None))
    return await connection.scalar(statement) or 0


async def outcomes(connection: AsyncConnection, run_id: int, customers: Collection[int]) -> dict[int, Row[Any]]:
    """What became of these customers in a run (state, reason, net, gross), by customer."""
    c, i = run_customer.c, invoice.c
    statement = select(c.customer_id, c.state, c.reason, i.net, i.gross)
    statement = statement.outerjoin(invoice, i.invoice_id == c.invoice_id)
    found = await connection.execute(statement.where(c.run_id == run_id, c.customer_id == func.any(list(customers))))
    return {row.customer_id: row for row in found}


async def take_parked(connection: AsyncConnection, run_id: int, resumed_in: int) -> list[int]:
    """Note that the parked customers of a run that were not tried again yet are, in that run. Returns them."""
    c = run_customer.c
    parked = (c.run_id == run_id, c.state == "parked", c.resumed_in.is_(None))
    taken = update(run_customer).where(*parked).values(resumed_in=resumed_in).returning(c.customer_id)
    return sorted(await connection.scalars(taken))


async def resumed_in(connection: AsyncConnection, run_id: int) -> int | None:
    """The newest run that tries parked customers of this one again."""
    newest: int | None = await connection.scalar(
        select(func.max(run_customer.c.resumed_in)).where(run_customer.c.run_id == run_id)
    )
    return newest


async def late_closes(connection: AsyncConnection, close_ids: Collection[int]) -> list[Row[Any]]:
    """Those of these closes, come whole, that their run has no use for any more (close_id, run_id, customer_id)."""
    c, r = usage_close.c, run_customer.c
    of_run = and_(r.run_id == c.run_id, r.customer_id == c.customer_id)
    unused = (r.state.not_in(_AT_WORK), r.close_id.is_(None))
    statement = select(c.close_id, c.run_id, c.customer_id).join(run_customer, of_run)
    statement = statement.where(c.close_id == func.any(list(close_ids)), *unused)
    return list(await connection.execute(statement.order_by(c.customer_id)))


async def delete_run(connection: AsyncConnection, run_id: int) -> None:
    """Delete a run that was never requested."""
    await connection.execute(delete(billing_run).where(billing_run.c.run_id == run_id))
