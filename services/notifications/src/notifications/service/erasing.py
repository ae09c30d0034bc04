"""Erasing a customer (SPEC C17): its messages with their recipients and log, and its suspended addresses."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.customers import CustomerErased
from notifications import store
from notifications.service.taking import CONSUMER
from service_kit import erasures
from service_kit.database import Transaction, transaction
from service_kit.kafka import Received


async def take_in_erased(received: Sequence[Received]) -> None:
    """From now on nothing of these customers is taken in; what is kept goes step by step."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in received])
        events = [each.event for each in received if each.id in fresh and isinstance(each.event, CustomerErased)]
        await erasures.begin(tx.connection, events)


async def erase_next(rows: int = erasures.ROWS) -> bool:
    """Erase the next rows of a customer, or confirm. Returns whether there was one to be erased."""
    return await erasures.erase_next(CONSUMER, (_messages, _addresses), rows)


async def _messages(tx: Transaction, customer_id: int, rows: int) -> int:
    """Those that wait are not sent any more. One that a sender has in hand is missed by it before its bytes leave."""
    return await store.erase_messages(tx.connection, customer_id, rows)


async def _addresses(tx: Transaction, customer_id: int, rows: int) -> int:
    return await store.erase_addresses(tx.connection, customer_id, rows)
