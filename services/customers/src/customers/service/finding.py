"""SmartSearch: one box for customers and numbers (SPEC F1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.finding import (
    Found,
    FoundCustomer,
    FoundNumber,
    Wanted,
    in_order,
    kind_of,
    read_wanted,
    words_tried,
)
from customers.domain.search import correctable, nearest
from customers.store import finding as store
from customers.store.search import bring_to_today
from service_kit import clock
from service_kit.database import reading, transaction
from service_kit.http import Problem

_T = TypeVar("_T")
_CANCELED = "57014"
_TOO_WIDE = "this search takes too long: give more characters, or one more criterion, and search again"
_WORDS_MEANT = 8
_SHORTEST_WHOLE_NUMBER = 9
"""Digits: so many are a whole number, which is not looked for inside others."""


@dataclass(frozen=True)
class _Hits:
    customers: list[FoundCustomer]
    numbers: list[FoundNumber]
    meant: tuple[str, ...] = ()


async def find(typed: str, limit: int) -> Found:
    """SPEC F1: customers and numbers by any part, best first, at most `limit` of each.

    An account number or phone number that is there as typed is the answer alone. Typing errors are looked for where
    nothing else was found.
    """
    wanted, today = read_wanted(typed), clock.today()
    if not wanted.key:
        return Found("nothing", tried=("nothing: type letters or digits",))
    hits = await searching(lambda connection: _search(connection, wanted, today, limit))
    return _answer(hits, wanted, limit)


async def searching(look: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
    """Look for something in the search tables, when they are as of today.

    Raises:
        Problem: 422 where it takes too long: few and common criteria at once.
    """
    today = clock.today()
    try:
        async with reading() as connection:
            if not await store.prepare(connection, today):
                return await look(connection)
        await refresh_status(today)
        async with reading() as connection:
            await store.prepare(connection, today)
            return await look(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        raise Problem(422, "search-too-wide", "Too much to look through", _TOO_WIDE) from error


async def refresh_status(today: date) -> None:
    """SPEC C8: planned changes of status have come: the first who searches on their day enters them."""
    async with transaction() as tx:
        await bring_to_today(tx.connection, today)


async def _search(connection: AsyncConnection, wanted: Wanted, today: date, limit: int) -> _Hits:
    for step in (_exactly, _parts, _similar):
        hits = await step(connection, wanted, today, limit)
        if hits.customers or hits.numbers:
            return hits
    return _Hits([], [])


async def _exactly(connection: AsyncConnection, wanted: Wanted, today: date, _: int) -> _Hits:
    customers = await store.customers_of_account(connection, [wanted.key], "exact")
    if wanted.digits is None:
        return _Hits(customers, [])
    return _Hits(customers, await store.numbers_exactly(connection, wanted.digits.exact, today, "exact"))


async def _parts(connection: AsyncConnection, wanted: Wanted, today: date, limit: int) -> _Hits:
    customers = await store.customers_like(connection, wanted, limit + 1)
    digits = wanted.digits
    if digits is None:
        return _Hits(customers, [])
    inside = not wanted.is_short
    numbers = await store.numbers_like(connection, digits, today, limit + 1, inside=inside)
    return _Hits(customers, numbers)


async def _similar(connection: AsyncConnection, wanted: Wanted, today: date, limit: int) -> _Hits:
    if wanted.is_short:
        return _Hits([], [])
    customers = await store.customers_of_account(connection, store.account_corrections(wanted.key[:40]), "similar")
    digits = wanted.digits
    numbers: list[FoundNumber] = []
    if digits is not None and len(digits.part) >= _SHORTEST_WHOLE_NUMBER:
        numbers = await store.numbers_exactly(connection, store.number_corrections(digits), today, "similar")
    if customers or numbers or not wanted.correctable:
        return _Hits(customers, numbers)
    choices = [(word, await _meant(connection, word)) for word in wanted.words]
    meant = tuple(word for _, words in choices for word in words)
    if not meant:
        return _Hits([], [])
    return _Hits(await store.customers_with_words(connection, choices, limit + 1), [], meant)


async def _meant(connection: AsyncConnection, word: str) -> list[str]:
    """The words of names that a typed one may stand for; itself where it is one."""
    if not correctable(word):
        return []
    near = nearest(word, await store.words_like(connection, word), _WORDS_MEANT)
    return near or nearest(word, await store.words_resembling(connection, word), _WORDS_MEANT)


def _answer(hits: _Hits, wanted: Wanted, limit: int) -> Found:
    customers, numbers = hits.customers[:limit], in_order(hits.numbers)[:limit]
    kind = kind_of(customers, numbers)
    found = Found(kind, tuple(customers), tuple(numbers), len(hits.customers) > limit, len(hits.numbers) > limit)
    if kind == "nothing":
        return replace(found, tried=words_tried(wanted))
    return replace(found, meant=hits.meant)
