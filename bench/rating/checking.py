"""Nothing lost, nothing twice: what was sent, what is stored and what a reader of committed records finds, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from bench.rating.broker import Broker
from bench.rating.counting import Counter, Outcomes
from bench.rating.load import Load
from confluent_kafka import Message
from numpy.typing import NDArray

from contracts.topics import USAGE_EXCEPTIONS, USAGE_RATED

Ends = dict[str, dict[int, int]]


class _Told(msgspec.Struct):
    usage_id: int


_decode = msgspec.json.Decoder(_Told).decode


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong; nothing, if all is well.

    Attributes:
        lost: records without an outcome, and outcomes without their event.
        doubled: record ids that are charged twice, and events that were sent twice or are about nothing stored.
        unexpected: where an outcome's count is not what the load was made for, in words.
    """

    lost: int
    doubled: int
    unexpected: tuple[str, ...]

    @property
    def is_bad(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.lost or self.doubled or self.unexpected)


def ends_of_events(broker: Broker) -> Ends:
    """Where the topics of events end, before a run."""
    return {topic: broker.ends(topic) for topic in (USAGE_RATED, USAGE_EXCEPTIONS)}


def verdict(load: Load, counter: Counter, broker: Broker, begin: Ends) -> Verdict:
    """Compare a finished run with its load; `begin` is where the topics of events ended before it."""
    found = counter.outcomes()
    sent = len(load.messages)
    lost, doubled = abs(sent - found.stored) + abs(sent - found.counted), found.charged_twice
    for topic, stored in ((USAGE_RATED, counter.usage_ids()), (USAGE_EXCEPTIONS, counter.exception_ids())):
        told = _usage_ids(broker.read(topic, begin[topic]))
        lost += len(np.setdiff1d(stored, told))
        doubled += len(told) - len(np.intersect1d(told, stored))
    return Verdict(lost, doubled, tuple(_unexpected(load, found)))


def _unexpected(load: Load, found: Outcomes) -> Iterator[str]:
    wanted = {"usage": len(load.good), "held": load.unknown, "duplicates": load.again, "rejected": load.bad}
    for name, count in wanted.items():
        if getattr(found, name) != count:
            yield f"{name}: {getattr(found, name):,} records, not {count:,}"


def _usage_ids(messages: Iterable[Message]) -> NDArray[np.int64]:
    return np.fromiter((_decode(message.value() or b"").usage_id for message in messages), dtype=np.int64)
