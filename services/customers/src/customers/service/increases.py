"""Bulk increases: previewed, asked for once, taken through the customers in groups (SPEC C12, Z5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import FeatureUpdated
from customers.domain import audit, events
from customers.domain.increases import (
    Increase,
    Plan,
    Raised,
    Terms,
    check_cancel,
    check_terms,
    in_scope,
    past_warning,
    raised_feature,
    state_after_round,
    state_at_first,
    step_of,
    token_of,
    warnings_of,
)
from customers.domain.pricelist import price_traces
from customers.domain.prices import Price, check_day, with_price
from customers.domain.reference import STANDARD_FEATURES, Book
from customers.domain.rules import RuleBroken
from customers.service.prices import show_price
from customers.service.problems import rules
from customers.store import increases as store
from customers.store.audit import write_audit
from customers.store.customers import lock_customers
from customers.store.prices import remove_prices_of, save_prices
from customers.store.reference import list_entries, lock_lists, read_book
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point
from service_kit.http import Conflict, NotFound, PreconditionFailed

CUSTOMERS_TOGETHER = 50
"""Customers that are locked and changed in one transaction."""


@dataclass(frozen=True)
class Preview:
    """What an increase would do, and the token that stands for exactly that."""

    terms: Terms
    plan: Plan
    token: str


async def preview_increase(terms: Terms) -> Preview:
    """What an increase would do, without doing it. Raises Problem: 422 where a rule is broken."""
    async with reading() as connection:
        return await _previewed(connection, terms)


async def _previewed(connection: AsyncConnection, terms: Terms) -> Preview:
    book = await read_book(connection)
    with rules():
        check_terms(terms)
        check_day(terms.effective_from, "effective_from")
        entries = in_scope(terms.scope, await list_entries(connection, STANDARD_FEATURES))
        steps = [step_of(entry, book.prices(entry.code), terms) for entry in entries]
        changing = tuple(step for step in steps if step.after != step.before)
        if not changing:
            message = f"none of these standard features has a price that changes ({terms.kinds}): choose others"
            raise RuleBroken("scope", message)
    reach, total = await store.find_reach(connection, changing, terms.effective_from)
    warnings = [line for entry in entries for line in warnings_of(entry, book.prices(entry.code), terms)]
    plan = Plan(
        steps=changing,
        reach=reach,
        total=total,
        unchanged=tuple(step.code for step in steps if step.after == step.before),
        warnings=(*past_warning(terms, clock.today()), *warnings),
    )
    return Preview(terms, plan, token_of(terms, plan, await store.latest_id(connection)))


async def ask_for_increase(terms: Terms, token: str, actor: str) -> Increase:
    """Do what was previewed: the prices at once, customers' charges in the background (`raise_next`).

    Asked for again with the same token, it answers the increase that is there.

    Args:
        terms: as they were previewed.
        token: of the preview.
        actor: who, for the audit log.

    Raises:
        Problem: 422 where a rule is broken, 412 where it would no longer do what was previewed.
    """
    async with transaction() as tx:
        await lock_lists(tx.connection)
        known = await store.find_by_token(tx.connection, token)
        if known is not None and known.terms == terms:
            return known
        found = await _previewed(tx.connection, terms)
        if found.token != token:
            detail = "prices, customers or what you ask for changed since that preview: preview it again and look"
            raise PreconditionFailed(detail, title="Not what was previewed")
        wanted = Increase(
            increase_id=0,
            token=token,
            state=state_at_first(terms, clock.today()),
            terms=terms,
            steps=found.plan.steps,
            actor=actor,
            asked_at=clock.now(),
        )
        made = replace(wanted, increase_id=await store.insert_increase(tx.connection, wanted))
        await _set_prices(tx, made, await read_book(tx.connection))
    return made


async def _set_prices(tx: Transaction, increase: Increase, book: Book) -> None:
    for step in increase.steps:
        before = book.prices(step.code)
        after = with_price(before, Price(step.code, increase.terms.effective_from, step.after, increase.increase_id))
        await save_prices(tx.connection, after)
        await write_audit(tx.connection, price_traces(before, after), actor=increase.actor, at=clock.now())
        entry = book.find(STANDARD_FEATURES, step.code)
        assert entry is not None
        await show_price(tx, entry, after, increase.actor)


async def get_increase(increase_id: int) -> Increase:
    """An increase, and how far it is. Raises NotFound."""
    async with reading() as connection:
        return _found(await store.get_increase(connection, increase_id), increase_id)


async def list_increases(*, after: int, limit: int) -> list[Increase]:
    """Increases by id, after one."""
    async with reading() as connection:
        return await store.list_increases(connection, after=after, limit=limit)


async def cancel_increase(increase_id: int, actor: str) -> Increase:
    """Take back an increase whose day lies ahead and that has changed no customer's charge; twice is once.

    Raises:
        Problem: 404, 409 where it is too late.
    """
    async with transaction() as tx:
        await lock_lists(tx.connection)
        increase = _found(await store.get_increase(tx.connection, increase_id, lock=True), increase_id)
        try:
            check_cancel(increase, clock.today())
        except RuleBroken as broken:
            raise Conflict(f"increase {increase_id} cannot be cancelled: {broken.message}") from broken
        if increase.state == "cancelled":
            return increase
        cancelled = replace(increase, state="cancelled")
        await _take_prices_back(tx, cancelled, actor)
        await store.save_progress(tx.connection, cancelled)
    return cancelled


async def _take_prices_back(tx: Transaction, increase: Increase, actor: str) -> None:
    book = await read_book(tx.connection)
    await remove_prices_of(tx.connection, increase.increase_id)
    for step in increase.steps:
        before = book.prices(step.code)
        after = tuple(price for price in before if price.increase_id != increase.increase_id)
        await write_audit(tx.connection, price_traces(before, after), actor=actor, at=clock.now())


async def raise_next() -> bool:
    """Take one increase one group of customers on. Returns whether there was anything to do.

    A group is one transaction together with the note of how far it came: killed in between, the next process goes on
    behind the last group that was committed. An increase whose day lies ahead goes round again on that day, for
    features that were added since; a feature that it has changed is never changed by it again.
    """
    today = clock.today()
    async with transaction() as tx:
        increase = await store.lock_next(tx.connection, today)
        if increase is None:
            return False
        if increase.state == "scheduled":
            begun = replace(increase, state=state_at_first(increase.terms, today), reached=0)
            await store.save_progress(tx.connection, begun)
            return True
        codes = [step.code for step in increase.steps]
        group = await store.next_customers(tx.connection, codes, after=increase.reached, limit=CUSTOMERS_TOGETHER)
        if group:
            await store.save_progress(tx.connection, await _raise_group(tx, increase, group))
        else:
            await store.save_progress(tx.connection, replace(increase, state=state_after_round(increase, today)))
        crash_point("customers.increase.changed")
    crash_point("customers.increase.committed")
    return True


async def _raise_group(tx: Transaction, increase: Increase, group: Sequence[int]) -> Increase:
    """Change what customers have at the standard price. Returns how far the increase is then."""
    await lock_customers(tx.connection, group)
    steps = {step.code: step for step in increase.steps}
    features = await store.features_to_look_at(tx.connection, increase.increase_id, group, list(steps))
    ids = iter(await take_ids(tx.connection, sum(len(feature.charges) for feature in features)))
    raised = [
        found
        for feature in features
        if (found := raised_feature(feature, steps[feature.code or ""], increase.terms.effective_from, ids))
    ]
    await store.save_raised(tx.connection, increase.increase_id, raised)
    await _tell(tx, raised, increase.actor)
    return replace(
        increase,
        reached=group[-1],
        customers=increase.customers + len({each.after.customer_id for each in raised}),
        features=increase.features + len(raised),
        charges=increase.charges + sum(len(each.replaced) for each in raised),
    )


async def _tell(tx: Transaction, raised: Sequence[Raised], actor: str) -> None:
    traces = [
        trace
        for each in raised
        for trace in audit.differences(
            each.after.customer_id, "feature", each.after.feature_id, each.before, each.after
        )
    ]
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())
    await tx.publish_many(events.feature_state(FeatureUpdated, each.after) for each in raised)


def _found(increase: Increase | None, increase_id: int) -> Increase:
    if increase is None:
        raise NotFound(f"there is no increase {increase_id}: GET /increases lists them")
    return increase
