"""What would become of customers of an import, were they opened; nothing is changed, or held up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.importing import TakenDays, taken_by
from customers.domain.numbers import NumberOrder
from customers.domain.opening import Opened, Opening, open_customer
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.service.problems import account_number_retired, account_number_taken, invalid, number_taken
from customers.store.customers import account_numbers_taken, find_holder
from customers.store.erasing import retired_among
from customers.store.importing import Held, holdings_of
from customers.store.reference import read_book
from service_kit import clock
from service_kit.database import reading
from service_kit.http import Conflict, Problem


@dataclass
class Looked:
    """What the customers before have taken."""

    account_numbers: set[str] = field(default_factory=set)
    days: TakenDays = field(default_factory=TakenDays)
    customers: int = 0


async def look_at(openings: Sequence[Opening], looked: Looked) -> list[Opened | Problem]:
    """What each would become, as if those before it were stored: their ids are not real."""
    async with reading() as connection:
        book = await read_book(connection)
        numbers = {order.number for opening in openings for order in opening.numbers}
        held = await holdings_of(connection, numbers)
        given = [opening.account_number.strip() for opening in openings if opening.account_number]
        taken = await account_numbers_taken(connection, given) | await retired_among(connection, given)
        return [await _look(connection, opening, book, held, taken, looked) for opening in openings]


async def _look(
    connection: AsyncConnection,
    opening: Opening,
    book: Book,
    held: dict[str, list[Held]],
    taken: set[str],
    looked: Looked,
) -> Opened | Problem:
    try:
        opened = open_customer(opening, book, clock.today(), count(1))
    except RuleBroken as broken:
        return invalid(broken)
    account = opened.customer.account_number
    if account.lower() in taken:
        holder = await find_holder(connection, account)
        return account_number_taken(account, holder) if holder else account_number_retired(account)
    clash = _clash_before(account, opening.numbers, looked) or _clash(opening.numbers, held)
    if clash is None:
        _take(account, opening.numbers, looked)
    return clash or opened


def _clash(orders: Sequence[NumberOrder], held: dict[str, list[Held]]) -> Problem | None:
    found = (each for order in orders for each in held.get(order.number, ()) if each.overlaps(order))
    first = next(found, None)
    return number_taken(first) if first else None


def _clash_before(account: str, orders: Sequence[NumberOrder], looked: Looked) -> Problem | None:
    if account and account.lower() in looked.account_numbers:
        detail = f"account number {account} is that of a row before: choose another, or leave it out and one is made"
        return Conflict(detail, type="account-number-taken", title="Account number taken", account_number=account)
    twice = next((order.number for order in orders if looked.days.on(order)), None)
    if twice is None:
        return None
    detail = f"{twice} is added by a row before for some of the same days: give each day to one of both rows"
    return Conflict(detail, type="number-taken", title="Number taken", number=twice)


def _take(account: str, orders: Sequence[NumberOrder], looked: Looked) -> None:
    looked.customers += 1
    if account:
        looked.account_numbers.add(account.lower())
    for order in orders:
        looked.days.add(order, taken_by(looked.customers, order, 0, None))
