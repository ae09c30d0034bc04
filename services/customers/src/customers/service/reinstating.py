"""Reinstate: now, or planned for a day and done on it (SPEC C16, Z8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from contracts.customers import CustomerReinstated
from customers.domain.course import Action, NotNow
from customers.domain.customers import Customer
from customers.domain.keeping import Ended
from customers.domain.reinstating import (
    ReinstateOrder,
    Reopen,
    check_reinstate,
    ids_to_reopen,
    reinstated,
    reopened,
)
from customers.service.course import Asked, Taken, all_of, new_action, take
from customers.service.customers import locked
from customers.service.problems import check_version, contested, rules
from customers.store import lifecycle as store
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Problem
from service_kit.logs import logger

_log = logger(__name__)


@contested
async def reinstate(
    customer_id: int, order: ReinstateOrder, *, dry_run: bool = False, expected: int | None, actor: str
) -> Taken:
    """SPEC C16, Z8: the customer is active again from the day, with what the drop ended; a later day is planned.

    A plan that is there already is replaced.

    Args:
        customer_id: which.
        order: the first day charged again, why, and what is open again.
        dry_run: only say what would become of it.
        expected: the customer's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where it is not dropped, or
            marked, or where somebody else has one of its numbers on those days.
    """
    asked = Asked("reinstate", actor, order.on, reason=order.reason, terms=_terms(order), dry_run=dry_run)
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        planned = order.on > clock.today()
        taken = await _reinstate(tx, before, order, replace(asked, dry_run=dry_run or planned))
        if dry_run:
            return taken
        await _settle_plan(tx, customer_id)
        return replace(taken, customer=before, action=await _plan(tx, asked, customer_id)) if planned else taken


async def _reinstate(tx: Transaction, before: Customer, order: ReinstateOrder, asked: Asked) -> Taken:
    book = await read_book(tx.connection)
    with rules():
        status = check_reinstate(before, order, book, clock.today())
        after = reinstated(before, order, status)
    had = await all_of(tx, before.customer_id)
    ids = iter(await take_ids(tx.connection, ids_to_reopen(had.entities, had.kept)))
    left = Ended(reopened(had.entities, had.kept, order, ids), {})
    return await take(tx, asked, CustomerReinstated, before, after, had, left)


async def _plan(tx: Transaction, asked: Asked, customer_id: int) -> Action:
    action = replace(await new_action(tx, asked, customer_id), state="planned")
    await store.add_action(tx.connection, action)
    return action


async def _settle_plan(tx: Transaction, customer_id: int) -> bool:
    plan = await store.planned_of(tx.connection, customer_id)
    if plan is not None:
        await store.settle_action(tx.connection, plan.action_id, "withdrawn")
    return plan is not None


async def withdraw_reinstatement(customer_id: int, *, expected: int | None, actor: str) -> Taken:
    """A reinstatement that is planned for a later day is taken back.

    Raises:
        Problem: 404, 412 where someone else changed it, 409 where none is planned.
    """
    async with transaction() as tx:
        customer = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", customer.version, expected)
        if not await _settle_plan(tx, customer_id):
            with rules():
                message = f"no reinstatement of customer {customer_id} is planned: there is nothing to withdraw"
                raise NotNow("nothing-planned", "Nothing planned", message)
        action = await new_action(tx, Asked("reinstate_withdrawn", actor), customer_id)
        await store.add_action(tx.connection, action)
        return Taken(customer, action=action)


async def reinstate_next() -> bool:
    """Do one planned reinstatement whose day has come. Returns whether there was one.

    One that cannot be done, as somebody else has a number by now, say, is kept as failed with the reason.
    """
    async with reading() as connection:
        plan = await store.next_planned(connection, clock.today())
    if plan is None:
        return False
    try:
        await _do_planned(plan)
    except Problem as problem:
        _log.warning("a planned reinstatement failed", customer_id=plan.customer_id, problem=problem.detail)
        async with transaction() as tx:
            await store.settle_action(tx.connection, plan.action_id, "failed", problem.detail)
    return True


@contested
async def _do_planned(plan: Action) -> None:
    order = _order(plan)
    asked = Asked("reinstate", plan.actor, plan.on, reason=plan.reason, terms=plan.terms, planned=plan)
    async with transaction() as tx:
        before = await locked(tx, plan.customer_id)
        present = await store.planned_of(tx.connection, plan.customer_id)
        if present == plan:  # else it was withdrawn, replaced or done meanwhile
            await _reinstate(tx, before, order, asked)


def _terms(order: ReinstateOrder) -> dict[str, Any]:
    reopen = order.reopen.isoformat() if isinstance(order.reopen, date) else order.reopen
    return {"reopen": reopen, **({} if order.status is None else {"status": order.status})}


def _order(plan: Action) -> ReinstateOrder:
    """A plan as it was asked for."""
    kept = plan.terms["reopen"]
    reopen: Reopen = kept if kept in ("all", "none") else date.fromisoformat(kept)
    assert plan.on is not None
    return ReinstateOrder(plan.on, plan.reason, reopen, plan.terms.get("status"))
