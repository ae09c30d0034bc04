"""The price list: versions of a standard feature's price, and the day on which each begins (SPEC C9, C12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from customers.domain.pricelist import Versions, checked, price_traces, priced, showing
from customers.domain.prices import EVER, Price, StandardCharges, without_price
from customers.domain.reference import STANDARD_FEATURES, Book, Entry
from customers.domain.rules import RuleBroken
from customers.service.problems import rules
from customers.service.reference import store_entry
from customers.store import prices as store
from customers.store.audit import write_audit
from customers.store.reference import lock_lists, read_book
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Conflict, NotFound

TURNED_BY = "price list"
"""Who changes an entry, for the audit log, when the day of its next price has come."""


async def list_prices(code: str) -> Versions:
    """A standard feature's prices, the oldest first. Raises NotFound."""
    async with reading() as connection:
        book = await read_book(connection)
    _found(book, code)
    return book.prices(code)


async def add_price(code: str, valid_from: date | None, charges: StandardCharges, actor: str) -> Price:
    """Set what a standard feature costs from a day on, until its next price.

    Args:
        code: which.
        valid_from: the first day, also one that is past; None is since ever.
        charges: all of its charges.
        actor: who, for the audit log.

    Raises:
        Problem: 404, 422 where a charge or the day is wrong, or an increase sets the price of that day.
    """
    async with transaction() as tx:
        await lock_lists(tx.connection)
        book = await read_book(tx.connection)
        entry = _found(book, code)
        day = valid_from or EVER
        with rules():
            versions = priced(book.prices(code), checked(charges, book), day, clock.today())
        new = next(price for price in versions if price.valid_from == day)
        await _save(tx, entry, book.prices(code), versions, actor)
    return new


async def take_back(code: str, day: date, actor: str) -> None:
    """Remove a price whose day lies ahead.

    Raises:
        Problem: 404 where there is none, 409 where its day has come or an increase made it.
    """
    async with transaction() as tx:
        await lock_lists(tx.connection)
        book = await read_book(tx.connection)
        entry, before = _found(book, code), book.prices(code)
        if day not in [price.valid_from for price in before]:
            raise NotFound(f"{code} has no price that begins on {day}: GET /reference/standard_features/{code}/prices")
        try:
            after = without_price(before, day, clock.today())
        except RuleBroken as broken:
            raise Conflict(broken.message) from broken
        await store.remove_price(tx.connection, code, day)
        await _save(tx, entry, before, after, actor)


async def _save(tx: Transaction, entry: Entry, before: Versions, after: Versions, actor: str) -> None:
    await store.save_prices(tx.connection, after)
    await write_audit(tx.connection, price_traces(before, after), actor=actor, at=clock.now())
    if after:
        await show_price(tx, entry, after, actor)


async def show_price(tx: Transaction, entry: Entry, versions: Versions, actor: str) -> bool:
    """Let the entry show the price that holds today, and tell the others. Returns False where it does already."""
    shown = showing(entry, versions, clock.today())
    if shown == entry:
        return False
    await store_entry(tx, entry, replace(shown, version=entry.version + 1), actor)
    return True


async def turn_prices() -> bool:
    """Let the entries show the prices whose day has come. Returns whether there were any."""
    today = clock.today()
    async with reading() as connection:
        waiting = await store.codes_to_turn(connection, today)
    if not waiting:
        return False
    async with transaction() as tx:
        await lock_lists(tx.connection)
        book = await read_book(tx.connection)
        return any([await show_price(tx, _found(book, code), book.prices(code), TURNED_BY) for code in waiting])


def _found(book: Book, code: str) -> Entry:
    entry = book.find(STANDARD_FEATURES, code)
    if entry is None:
        raise NotFound(f"there is no standard feature '{code}': GET /reference/standard_features lists them")
    return entry
