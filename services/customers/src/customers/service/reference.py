"""Reference lists: reading, changing, and what a new installation starts with (SPEC C4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain import uk
from customers.domain.audit import created, differences
from customers.domain.entries import Edit, after_edit, check_change, check_entry, naming, ordered, turned
from customers.domain.events import reference_updated
from customers.domain.pricelist import Versions, edited, price_traces
from customers.domain.reference import LISTS, STANDARD_FEATURES, Book, Entry
from customers.domain.rules import RuleBroken
from customers.service.problems import check_version, rules, version_needed
from customers.store import reference as store
from customers.store.audit import write_audit
from customers.store.prices import save_prices
from customers.store.uses import count_uses, status_was_given
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Conflict, NotFound


@dataclass(frozen=True)
class UsedEntry:
    """An entry, and how many of each kind have it now; a list's other entries may name it too."""

    entry: Entry
    uses: Mapping[str, int]


async def list_entries(list_name: str | None = None) -> list[Entry]:
    """The entries of a list, or of all, as they are shown. Raises NotFound: there is no such list."""
    if list_name is not None:
        check_list(list_name)
    async with reading() as connection:
        found = await store.list_entries(connection, list_name)
    return sorted(found, key=lambda entry: (entry.list, entry.position, entry.code))


async def page_of_list(
    list_name: str, *, retired: bool | None, text: str, after: str | None, limit: int
) -> list[Entry]:
    """SPEC C4: entries of a list in the order in which they are shown, after one.

    Args:
        list_name: which list.
        retired: only those that are, or are not; None for both.
        text: a part of the code or name, in any case.
        after: the code of the last one seen; where it is gone, the list begins again.
        limit: the most.

    Raises:
        NotFound: there is no such list.
    """
    found = await list_entries(list_name)
    codes = [entry.code for entry in found]
    rest = found[codes.index(after) + 1 :] if after in codes else found
    part = text.casefold()
    wanted = (
        entry
        for entry in rest
        if retired in (None, entry.retired) and (part in entry.code.casefold() or part in entry.name.casefold())
    )
    return list(islice(wanted, limit))


async def get_entry(list_name: str, code: str) -> UsedEntry:
    """SPEC C4: one entry, and how much it is used. Raises NotFound."""
    check_list(list_name)
    async with reading() as connection:
        book = await store.read_book(connection)
        return await _used(connection, _found(book, list_name, code), book)


async def _used(connection: AsyncConnection, entry: Entry, book: Book) -> UsedEntry:
    uses = await count_uses(connection, entry.list, entry.code, clock.today())
    return UsedEntry(entry, {**uses, "entries": naming(entry.list, entry.code, book)})


def _found(book: Book, list_name: str, code: str) -> Entry:
    entry = book.find(list_name, code)
    if entry is None:
        raise NotFound(f"the list {list_name} has no entry '{code}': GET /reference/{list_name} shows them")
    return entry


def check_list(list_name: str) -> None:
    """Raises NotFound where there is no such list, naming those there are."""
    if list_name not in LISTS:
        raise NotFound(f"there is no reference list '{list_name}': the lists are {', '.join(LISTS)}")


async def save_entry(
    edit: Edit, *, expected: int | None, actor: str, price_from: date | None = None, seen: bool = True
) -> Entry:
    """Add an entry, or change it; the one that was the list's default stops being it where this one is.

    Args:
        edit: what was sent; what it leaves out stays as it is.
        expected: the version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.
        price_from: the first day of a standard feature's charges where they change; None is today (SPEC C9).
        seen: whether the caller said which version it saw, or that any will do; needed for one that is there.

    Raises:
        Problem: 409 where a status that customers have would become, or stop being, one of Final Bill or Drop,
            412 where someone else changed it, 422 where a rule is broken, 428 where the version is not said.
    """
    async with transaction() as tx:
        book, before = await _locked(tx, edit.list, edit.code)
        if before is not None and not seen:
            raise version_needed()
        check_version(f"{edit.list}/{edit.code}", before.version if before else 0, expected)
        with rules():
            after = check_entry(after_edit(before, edit), book)
            check_change(before, after, book)
            after, prices = edited(after, price_from, book, clock.today())
        await _check_turned(tx, before, after)
        await _save_prices(tx, prices, book, actor)
        return await _save(tx, before, after, book, actor)


async def _check_turned(tx: Transaction, before: Entry | None, after: Entry) -> None:
    """SPEC C14, C15: who is on Final Bill or dropped is so by an action, which ends what it has and keeps the date."""
    flag = turned(before, after)
    if flag is not None and await status_was_given(tx.connection, after.code):
        message = (
            f"customers have, had or will have the status '{after.code}', and status.{flag} comes to a customer by an"
            " action only: add another status that does it, and take the action for whom it is meant"
        )
        raise Conflict(message, type="status-in-use", title="Status in use")


async def retire_entry(list_name: str, code: str, *, retired: bool, expected: int | None, actor: str) -> UsedEntry:
    """SPEC C4: an entry that can be chosen no more, or again; who has it keeps it.

    It is never removed: other services have charged and billed with it, and no event takes an entry away from them.

    Raises:
        Problem: 404, 412 where someone else changed it, 409 where customers could not be added or closed without it.
    """
    check_list(list_name)
    async with transaction() as tx:
        book, found = await _locked(tx, list_name, code)
        before = found or _found(book, list_name, code)
        check_version(f"{list_name}/{code}", before.version, expected)
        after = replace(before, retired=retired)
        try:
            check_change(before, check_entry(after, book), book)
        except RuleBroken as broken:
            raise Conflict(broken.message, type="entry-needed", title="Entry needed") from broken
        return await _used(tx.connection, await _save(tx, before, after, book, actor), book)


async def order_list(list_name: str, codes: Sequence[str], actor: str) -> list[Entry]:
    """SPEC C4: show a list in this order; what is not named comes behind, in the order it had.

    Raises:
        Problem: 404 where there is no such list, 422 where a code is not in it or named twice.
    """
    check_list(list_name)
    async with transaction() as tx:
        book, _ = await _locked(tx, list_name, "")
        with rules():
            wanted = ordered(book.entries(list_name), codes)
        return [await _save(tx, book.find(list_name, after.code), after, book, actor) for after in wanted]


async def _locked(tx: Transaction, list_name: str, code: str) -> tuple[Book, Entry | None]:
    await store.lock_lists(tx.connection)
    book = await store.read_book(tx.connection)
    return book, book.find(list_name, code)


async def _save(tx: Transaction, before: Entry | None, after: Entry, book: Book, actor: str) -> Entry:
    """Store an entry with the next version; nothing happens where it is as it was."""
    if after == before:
        return after
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
