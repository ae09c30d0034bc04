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
from customers.domain.search import correctable, key_of, nearest
from customers.store import finding as store
from customers.store.finding import Statuses
from customers.store.search import bring_to_today
from service_kit import clock
from service_kit.database import transaction
from service_kit.http import Problem

_T = TypeVar("_T")
_CANCELED = "57014"
_TOO_WIDE = "this search takes too long: give more characters, or one more criterion, and search again"
_WORDS_MEANT = 8
_SHORTEST_WHOLE_NUMBER = 9
"""Digits: from so many on, wrong ones are looked for."""


@dataclass(frozen=True)
class _Hits:
    customers: list[FoundCustomer]
    numbers: list[FoundNumber]
    meant: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        return bool(self.customers or self.numbers)


async def find(typed: str, limit: int) -> Found:
    """SPEC F1: customers and numbers by any part, best first, at most `limit` of each.

    An account number or phone number that is there as typed is the answer alone. Typing errors are looked for where
    nothing else was found.
    """
    wanted, today = read_wanted(typed), clock.today()
    if not wanted.key:
        return Found("nothing", tried=("nothing: type letters or digits",))
    hits = await searching(lambda connection, statuses: _Search(connection, statuses, wanted, today, limit + 1).run())
    return _answer(hits, wanted, limit)


async def searching(look: Callable[[AsyncConnection, Statuses], Awaitable[_T]], *, by_values: bool = False) -> _T:
    """Look for something in the search tables, when they are as of today.

    Args:
        look: what asks them.
        by_values: whether each question is planned for its values, instead of once.

    Raises:
        Problem: 422 where it takes too long: few and common criteria at once.
    """
    today = clock.today()
    try:
        async with transaction() as tx:
            stale, statuses = await store.prepare(tx.connection, today, by_values=by_values)
            if not stale:
                return await look(tx.connection, statuses)
        await refresh_status(today)
        async with transaction() as tx:
            _, statuses = await store.prepare(tx.connection, today, by_values=by_values)
            return await look(tx.connection, statuses)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        raise Problem(422, "search-too-wide", "Too much to look through", _TOO_WIDE) from error


async def refresh_status(today: date) -> None:
    """SPEC C8: planned changes of status have come: the first who searches on their day enters them."""
    async with transaction() as tx:
        await bring_to_today(tx.connection, today)


class _Search:
    """One search on one connection, step by step until something is found."""

    def __init__(
        self, connection: AsyncConnection, statuses: Statuses, wanted: Wanted, today: date, limit: int
    ) -> None:
        self._connection, self._statuses, self._today, self._limit = connection, statuses, today, limit
        self._wanted, self._digits = wanted, wanted.digits

    async def run(self) -> _Hits:
        begun = await self._beginning()
        exact = _Hits(
            [each for each in begun.customers if key_of(each.account_number) == self._wanted.key],
            [each for each in begun.numbers if each.match == "exact"],
        )
        if exact.found or self._wanted.is_short:
            return exact if exact.found else begun
        hits = await self._containing(begun)
        return hits if hits.found else await self._similar()

    async def _beginning(self) -> _Hits:
        numbers: list[FoundNumber] = []
        if self._digits is not None:
            ending = not self._wanted.is_short
            numbers = await store.numbers_at_an_end(
                self._connection, self._digits, self._statuses, self._today, self._limit, ending=ending
            )
        customers = await store.customers_beginning(self._connection, self._wanted, self._statuses, self._limit)
        return _Hits(customers, numbers)

    async def _containing(self, begun: _Hits) -> _Hits:
        """What was found by its beginning, filled up with what contains it."""
        customers, numbers = begun.customers, {each.number_id: each for each in begun.numbers}
        if len(customers) < self._limit:
            customers = await self._customers_containing(customers)
        if self._digits is not None and len(numbers) < self._limit:
            most = self._limit + len(numbers)
            found = await store.numbers_containing(self._connection, self._digits, self._statuses, self._today, most)
            numbers |= {each.number_id: each for each in found}
        return _Hits(customers, list(numbers.values()))

    async def _customers_containing(self, begun: list[FoundCustomer]) -> list[FoundCustomer]:
        """These, and more that contain what is wanted: by the words of names that have it, where those are few."""
        wanted, connection, statuses = self._wanted, self._connection, self._statuses
        words = await store.words_having(connection, wanted.words) if wanted.is_of_words else None
        if words is None:
            more, known = self._more(begun)
            return begun + await store.customers_containing(connection, wanted, statuses, more, besides=known)
        found = begun
        if all(words):
            more, known = self._more(found)
            found = found + await store.customers_of_words(connection, words, statuses, more, besides=known)
        if not found or (len(wanted.words) == 1 and len(found) < self._limit):
            more, known = self._more(found)
            found = found + await store.customers_with_piece(connection, wanted, statuses, more, besides=known)
        return found

    def _more(self, found: list[FoundCustomer]) -> tuple[int, list[int]]:
        """How many more there may be, and which there are."""
        return self._limit - len(found), [each.customer_id for each in found]

    async def _similar(self) -> _Hits:
        connection, statuses, digits = self._connection, self._statuses, self._digits
        keys = store.account_corrections(self._wanted.key[:40])
        customers = await store.customers_of_account(connection, keys, statuses)
        numbers: list[FoundNumber] = []
        if digits is not None and len(digits.part) >= _SHORTEST_WHOLE_NUMBER:
            meant = store.number_corrections(digits)
            numbers = await store.numbers_among(connection, meant, statuses, self._today, "similar")
        if customers or numbers or not self._wanted.correctable:
            return _Hits(customers, numbers)
        return await self._with_similar_words()

    async def _with_similar_words(self) -> _Hits:
        like = await store.words_like(self._connection, list(filter(correctable, self._wanted.words)))
        choices = [(word, await _meant(self._connection, word, like)) for word in self._wanted.words]
        meant = tuple(word for _, words in choices for word in words)
        if not meant:
            return _Hits([], [])
        found = await store.customers_with_words(self._connection, choices, self._statuses, self._limit)
        return _Hits(found, [], meant)


async def _meant(connection: AsyncConnection, word: str, like: list[str]) -> list[str]:
    """The words of names that a typed one may stand for; itself where it is one. `like` are those first thought of."""
    if not correctable(word):
        return []
    return nearest(word, like, _WORDS_MEANT) or nearest(
        word, await store.words_resembling(connection, word), _WORDS_MEANT
    )


def _answer(hits: _Hits, wanted: Wanted, limit: int) -> Found:
    customers, numbers = hits.customers[:limit], in_order(hits.numbers)[:limit]
    kind = kind_of(customers, numbers)
    found = Found(kind, tuple(customers), tuple(numbers), len(hits.customers) > limit, len(hits.numbers) > limit)
    if kind == "nothing":
        return replace(found, tried=words_tried(wanted))
    return replace(found, meant=hits.meant)
