"""Opening customers: one from the form, many from an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from customers.config import settings
from customers.domain import audit, events
from customers.domain.customers import format_account_number
from customers.domain.opening import Opened, Opening, ids_needed, open_customer, with_set
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.service.problems import (
    account_number_retired,
    account_number_taken,
    constraint_of,
    invalid,
    number_taken,
    once_more,
)
from customers.store.audit import write_audit
from customers.store.customers import account_numbers_taken, find_holder, insert_customers, take_account_series
from customers.store.default_sets import read_sets
from customers.store.erasing import retired_among
from customers.store.numbers import find_holding, insert_features, insert_lines
from customers.store.reference import read_book
from customers.store.rows import take_ids
from customers.store.tables import ACCOUNT_NUMBER_TAKEN, NUMBER_TAKEN
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.errors import TryAgain
from service_kit.http import Problem

_NUMBERING_ATTEMPTS = 5


@once_more
async def open_one(opening: Opening, actor: str) -> Opened:
    """Open one customer with all that is added with it.

    Raises:
        Problem: 422 where a rule is broken, 409 where its account number or a number is taken.
    """
    for _ in range(_NUMBERING_ATTEMPTS):
        try:
            outcome = (await _open([opening], actor))[0]
        except IntegrityError as error:
            await _raise_clash(opening, error)
            continue
        if isinstance(outcome, Problem):
            raise outcome
        return outcome
    raise TryAgain("account numbers are being given by hand as fast as the system makes them")


async def open_many(openings: Sequence[Opening], actor: str) -> list[Opened | Problem]:
    """Open customers of an import, each independent of the others: one transaction for all, or where one of them
    clashes, one for each. Returns what became of each, in their order."""
    try:
        return await _open(openings, actor)
    except (IntegrityError, TryAgain):
        return [await _open_or_say(opening, actor) for opening in openings]


async def _open_or_say(opening: Opening, actor: str) -> Opened | Problem:
    try:
        return await open_one(opening, actor)
    except Problem as problem:
        return problem


async def _open(openings: Sequence[Opening], actor: str) -> list[Opened | Problem]:
    """One transaction: what keeps the rules is stored, the rest is told. Raises IntegrityError: then nothing is."""
    async with transaction() as tx:
        book = await read_book(tx.connection)
        outcomes = await _checked(tx, openings, book)
        opened = [outcome for outcome in outcomes if isinstance(outcome, Opened)]
        numbered = dict(zip(map(id, opened), await _numbered(tx, opened), strict=True))
        await _store(tx, list(numbered.values()), actor)
    return [numbered[id(outcome)] if isinstance(outcome, Opened) else outcome for outcome in outcomes]


async def _checked(tx: Transaction, openings: Sequence[Opening], book: Book) -> list[Opened | Problem]:
    ids = iter(await take_ids(tx.connection, sum(ids_needed(opening, book) for opening in openings)))
    today = clock.today()
    sets = await read_sets(tx.connection, {each.default_set for each in openings if each.default_set is not None})
    retired = await retired_among(tx.connection, [each.account_number for each in openings if each.account_number])
    outcomes: list[Opened | Problem] = []
    for opening in openings:
        if opening.account_number and opening.account_number.strip().lower() in retired:
            outcomes.append(account_number_retired(opening.account_number))
            continue
        try:
            filled, warned = with_set(opening, sets, book)
            outcomes.append(replace(open_customer(filled, book, today, ids), warnings=warned))
        except RuleBroken as broken:
            outcomes.append(invalid(broken))
    return outcomes


async def _numbered(tx: Transaction, opened: Sequence[Opened]) -> list[Opened]:
    """SPEC C2: the same customers, added now; those without an account number get one that is free."""
    now = clock.now()
    wanting = sum(not each.customer.account_number for each in opened)
    given = {each.customer.account_number.lower() for each in opened}
    free = iter(await _free_account_numbers(tx, wanting, given))
    accounts = [each.customer.account_number or next(free) for each in opened]
    return [
        replace(each, customer=replace(each.customer, account_number=account, created_at=now))
        for each, account in zip(opened, accounts, strict=True)
    ]


async def _free_account_numbers(tx: Transaction, count: int, given: set[str]) -> list[str]:
    prefix, width = settings().account_prefix, settings().account_width
    free: list[str] = []
    while len(free) < count:
        series = await take_account_series(tx.connection, count - len(free))
        made = [format_account_number(prefix, width, number) for number in series]
        taken = given | await account_numbers_taken(tx.connection, made) | await retired_among(tx.connection, made)
        free += [number for number in made if number.lower() not in taken]
    return free


async def _store(tx: Transaction, opened: Sequence[Opened], actor: str) -> None:
    await insert_customers(tx.connection, [each.customer for each in opened])
    await insert_lines(tx.connection, [line for each in opened for line in each.lines])
    await insert_features(tx.connection, [feature for each in opened for feature in each.features])
    traces = [trace for each in opened for trace in audit.opened(each)]
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())
    today = clock.today()
    await tx.publish_many([event for each in opened for event in events.opened(each, today)])


async def _raise_clash(opening: Opening, error: IntegrityError) -> None:
    """Raise what the database's refusal means; return where the clash is gone, or no fault of what was asked for."""
    constraint = constraint_of(error)
    if constraint not in {ACCOUNT_NUMBER_TAKEN, NUMBER_TAKEN}:
        raise error
    async with reading() as connection:
        if constraint == ACCOUNT_NUMBER_TAKEN and opening.account_number is not None:
            holder = await find_holder(connection, opening.account_number)
            if holder is not None:
                raise account_number_taken(opening.account_number, holder) from error
        if constraint == NUMBER_TAKEN:
            for order in opening.numbers:
                holding = await find_holding(connection, order.number, order.start, order.end)
                if holding is not None:
                    raise number_taken(holding) from error
