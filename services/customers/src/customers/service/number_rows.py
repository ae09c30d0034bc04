"""What is to become of each row of a file of numbers, given what is there and what the rows before have taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.importing import Owner, Taken, TakenDays, differing, fingerprint, taken_by
from customers.domain.numbers import Line, NumberOrder, new_line
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.service.problems import beyond_last_day, customer_marked, invalid, number_taken
from customers.store.importing import Held, find_owners, holdings_of, lock_numbers
from customers.store.numbers import Holding, lines_of
from customers.store.reference import read_book
from service_kit.http import Conflict, Problem

Outcome = Literal["added", "would be added", "already there", "problem"]


@dataclass(frozen=True)
class Asked:
    """A row: whose number, and what is ordered or why that cannot be read. Row numbers as a spreadsheet shows them."""

    row: int
    account_number: str | None
    customer_id: int | None
    number: str | None
    order: NumberOrder | Problem


@dataclass(frozen=True)
class Answered:
    """What became of a row."""

    row: int
    account_number: str | None
    number: str | None
    outcome: Outcome
    number_id: int | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Facts:
    """What is there, as far as a group of rows is concerned."""

    book: Book
    by_account: dict[str, Owner]
    by_id: dict[int, Owner]
    held: dict[str, list[Held]]
    lines: dict[int, Line]


async def facts_of(connection: AsyncConnection, group: Sequence[Asked], *, lock: bool) -> Facts:
    """Look up what a group needs; locked in the order that everyone keeps: customers by id, then numbers."""
    accounts = [asked.account_number for asked in group if asked.account_number is not None]
    ids = [asked.customer_id for asked in group if asked.customer_id is not None]
    owners = await find_owners(connection, accounts, ids, lock=lock)
    numbers = sorted({asked.order.number for asked in group if isinstance(asked.order, NumberOrder)})
    if lock:
        await lock_numbers(connection, numbers)
    held = await holdings_of(connection, numbers)
    own = {owner.customer_id for owner in owners}
    lines = await lines_of(
        connection, [each.number_id for some in held.values() for each in some if each.customer_id in own]
    )
    return Facts(
        book=await read_book(connection),
        by_account={owner.account_number.lower(): owner for owner in owners},
        by_id={owner.customer_id: owner for owner in owners},
        held=held,
        lines={line.number.number_id: line for line in lines},
    )


@dataclass(frozen=True)
class Judged:
    """What is answered to a row, and the line that it is, where that is new."""

    answer: Answered
    line: Line | None = None


def judge(group: Sequence[Asked], facts: Facts, taken: TakenDays, ids: Iterator[int] | None) -> list[Judged]:
    """What is to become of each row, as if those before it were stored.

    Args:
        group: the rows.
        facts: what is there.
        taken: what the rows before have taken; these rows are added.
        ids: fresh ids, None where nothing is to be stored.
    """
    return [_judge_row(asked, facts, taken, ids) for asked in group]


def _judge_row(asked: Asked, facts: Facts, taken: TakenDays, ids: Iterator[int] | None) -> Judged:
    order = asked.order
    if isinstance(order, Problem):
        return Judged(refused(asked, order))
    try:
        owner = _owner(asked, facts)
        there = _there(replace(asked, account_number=owner.account_number), order, owner, facts, taken)
        if there is not None:
            return Judged(there)
        if owner.deletion_due is not None:
            return Judged(refused(asked, customer_marked(owner.customer_id, owner.deletion_due)))
        if owner.last_day is not None and (order.end is None or order.end > owner.last_day):
            return Judged(refused(asked, beyond_last_day(owner.customer_id, owner.last_day)))
        line = new_line(order, owner.customer_id, facts.book, count(1) if ids is None else ids)
    except RuleBroken as broken:
        return Judged(refused(asked, invalid(broken)))
    number_id = None if ids is None else line.number.number_id
    taken.add(order, taken_by(asked.row, order, owner.customer_id, number_id))
    outcome: Outcome = "would be added" if ids is None else "added"
    return Judged(Answered(asked.row, owner.account_number, order.number, outcome, number_id), line)


def refused(asked: Asked, problem: Problem) -> Answered:
    """A row that is not stored."""
    return Answered(asked.row, asked.account_number, asked.number, "problem", problem=problem)


def _owner(asked: Asked, facts: Facts) -> Owner:
    """The customer that a row names, by its account number, its id or both."""
    by_account = facts.by_account.get((asked.account_number or "").lower())
    by_id = facts.by_id.get(asked.customer_id or 0)
    if asked.account_number is not None and by_account is None:
        raise RuleBroken(
            "account_number", f"no customer has the account number '{asked.account_number}': add the customer first"
        )
    if asked.customer_id is not None and by_id is None:
        raise RuleBroken("customer_id", f"there is no customer {asked.customer_id}: add the customer first")
    owner = by_account or by_id
    if owner is None:
        raise RuleBroken("account_number", "say whose number this is, by account_number or customer_id")
    if by_account and by_id and by_account != by_id:
        message = f"customer {by_id.customer_id} has the account number {by_id.account_number}: leave one of both out"
        raise RuleBroken("customer_id", message)
    return owner


def _there(asked: Asked, order: NumberOrder, owner: Owner, facts: Facts, taken: TakenDays) -> Answered | None:
    """What is answered where someone has the number on one of those days; None where no one has."""
    earlier = taken.on(order)
    if earlier is not None:
        return _twice(asked, order, owner, earlier)
    held = next((each for each in facts.held.get(order.number, ()) if each.overlaps(order)), None)
    if held is None:
        return None
    line = facts.lines.get(held.number_id)
    if line is None or held.customer_id != owner.customer_id:
        return refused(asked, number_taken(held))
    columns = differing(order, line)
    if columns:
        return refused(asked, _otherwise(held, columns))
    return Answered(asked.row, asked.account_number, order.number, "already there", held.number_id)


def _twice(asked: Asked, order: NumberOrder, owner: Owner, earlier: Taken) -> Answered:
    if (earlier.asked, earlier.customer_id) == (fingerprint(order), owner.customer_id):
        return Answered(asked.row, asked.account_number, order.number, "already there", earlier.number_id)
    until = f"to {earlier.end}" if earlier.end else "with no end"
    return refused(
        asked,
        Conflict(
            f"{order.number}: row {earlier.row} of this file adds it for customer {earlier.customer_id} from "
            f"{earlier.start} {until}: give each day to one of both rows",
            type="number-taken",
            title="Number taken",
            number=order.number,
            customer_id=earlier.customer_id,
            earlier_row=earlier.row,
        ),
    )


def _otherwise(held: Holding, columns: Sequence[str]) -> Problem:
    """The customer has the number itself, but not as the row says."""
    problem = number_taken(held)
    errors = [{"field": name, "message": f"the number has another {name} than this row"} for name in columns]
    until = f"to {held.end}" if held.end else "with no end"
    detail = (
        f"{held.number} is on this customer already, from {held.start} {until}, with another {', '.join(columns)}: "
        "change the number itself, or correct the row"
    )
    return Conflict(detail, type=problem.type, title=problem.title, **{**problem.extra, "errors": errors})
