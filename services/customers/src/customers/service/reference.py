"""Reference lists: reading, changing, and what a new installation starts with (SPEC C4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from customers.domain import uk
from customers.domain.audit import created, differences
from customers.domain.events import reference_updated
from customers.domain.pricelist import Versions, edited, price_traces
from customers.domain.reference import LISTS, STANDARD_FEATURES, Book, Entry, check_entry
from customers.service.problems import check_version, rules
from customers.store import reference as store
from customers.store.audit import write_audit
from customers.store.prices import save_prices
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import NotFound


async def list_entries(list_name: str | None = None) -> list[Entry]:
    """The entries of a list, or of all. Raises NotFound: there is no such list."""
    if list_name is not None:
        check_list(list_name)
    async with reading() as connection:
        return await store.list_entries(connection, list_name)


async def get_entry(list_name: str, code: str) -> Entry:
    """One entry. Raises NotFound."""
    found = next((entry for entry in await list_entries(list_name) if entry.code == code), None)
    if found is None:
        raise NotFound(f"the list {list_name} has no entry '{code}'")
    return found


def check_list(list_name: str) -> None:
    """Raises NotFound where there is no such list, naming those there are."""
    if list_name not in LISTS:
        raise NotFound(f"there is no reference list '{list_name}': the lists are {', '.join(LISTS)}")


async def save_entry(entry: Entry, *, expected: int | None, actor: str, price_from: date | None = None) -> Entry:
    """Add an entry, or store it as it is now; the one that was the list's default stops being it where this one is.

    Args:
        entry: all of it; its version does not matter.
        expected: the version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.
        price_from: the first day of a standard feature's charges where they change; None is today (SPEC C9).

    Raises:
        Problem: 412 where someone else changed it, 422 where a rule is broken.
    """
    async with transaction() as tx:
        await store.lock_lists(tx.connection)
        book = await store.read_book(tx.connection)
        before = book.find(entry.list, entry.code)
        check_version(f"{entry.list}/{entry.code}", before.version if before else 0, expected)
        with rules():
            check_entry(entry, book)
            entry, prices = edited(entry, price_from, book, clock.today())
        await _save_prices(tx, prices, book, actor)
        after = replace(entry, version=before.version if before else 1)
        if after == before:
            return before
        await _replace_default(tx, after, book, actor)
        after = replace(after, version=before.version + 1 if before else 1)
        await store_entry(tx, before, after, actor)
    return after


async def _replace_default(tx: Transaction, entry: Entry, book: Book, actor: str) -> None:
    default = book.default(entry.list)
    if entry.is_default and default is not None and default != entry.code:
        before = book.require(entry.list, default, "is_default")
        await store_entry(tx, before, replace(before, is_default=False, version=before.version + 1), actor)


async def _save_prices(tx: Transaction, prices: Versions, book: Book, actor: str) -> None:
    """Store the versions of a standard feature's price that an edit of its entry made."""
    if prices:
        code = prices[0].code
        before = book.prices(code) if book.find(STANDARD_FEATURES, code) else ()
        await save_prices(tx.connection, prices)
        await write_audit(tx.connection, price_traces(before, prices), actor=actor, at=clock.now())


async def store_entry(tx: Transaction, before: Entry | None, after: Entry, actor: str) -> None:
    """Store an entry as it is now, with its trace and its event."""
    await store.save_entry(tx.connection, after)
    key = f"{after.list}/{after.code}"
    traces = differences(None, "reference", key, before, after) if before else [created(None, "reference", key, after)]
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())
    await tx.publish(reference_updated(after))


async def seed_defaults() -> list[Entry]:
    """Add the UK entries that are not there, and tell the other services; what was edited stays as it is.

    Returns:
        What was added: all on the first start, nothing afterwards.
    """
    async with transaction() as tx:
        await store.lock_lists(tx.connection)
        book = await store.read_book(tx.connection)
        wanted = [
            replace(entry, is_default=entry.is_default and book.default(entry.list) is None) for entry in uk.defaults()
        ]
        added = await store.insert_missing(tx.connection, wanted)
        await tx.publish_many(map(reference_updated, added))
    return added
