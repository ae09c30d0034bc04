"""Summary cards of customers (SPEC F3)."""

from __future__ import annotations

from customers.domain.cards import Cards, in_asked_order, read_ids
from customers.service.problems import rules
from customers.store.cards import cards_of
from service_kit import clock
from service_kit.database import reading


async def get_cards(typed: str) -> Cards:
    """The cards of customers by their ids, separated by commas, in that order.

    Raises:
        Problem: 422 where something is not an id, or there are too many.
    """
    with rules():
        ids = read_ids(typed)
    async with reading() as connection:
        return in_asked_order(ids, await cards_of(connection, ids, clock.today()))
