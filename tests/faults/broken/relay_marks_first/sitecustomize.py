"""Python reads this before anything else of a process: it breaks that process's relay, to see who notices.

The relay then marks rows as sent before it sends them, and has a crash point in between: what dies there is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit import outbox
from service_kit.faults import crash_point

_send = outbox.Relay._send


async def _mark_then_send(
    relay: outbox.Relay, connection: AsyncConnection, producer: AIOKafkaProducer, rows: Sequence[outbox.Row]
) -> Any:
    await connection.execute(outbox._MARK, {"ids": [row.id for row in rows]})
    crash_point("relay-marked-first")
    return await _send(relay, connection, producer, list(rows))


outbox.Relay._send = _mark_then_send  # type: ignore[assignment,method-assign]
