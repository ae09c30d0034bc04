"""The load: CDRs as suppliers send them, with their second copies, unknown numbers and records that are none."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from bench.rating.carrier import Carrier, nobodys_number, number_of
from bench.rating.old import OLD_SOURCE, old_id

from rating.sending import send_values
from service_kit import clock
from service_kit.kafka import make_producer

SOURCES = ("northstar", "lanewater", "greyfield")
AGAIN_SHARE, UNKNOWN_SHARE, BAD_SHARE = 0.03, 0.01, 0.001
OLD_SHARE = 0.5
"""Of the second copies; the others are of records of the load itself."""
CONFLICT_SHARE = 0.1
"""Of the second copies, those that say something else than the first."""
ELSEWHERE_SHARE = 0.2
"""Of the second copies within the load, those that go to another partition, where another worker may meet them."""
_DAYS = 30
_DAY_S = 86_400
_SENT_AT_ONCE = 20_000
_INVOICED = "GBP"

Message = tuple[str, bytes]
"""Key and value."""
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Load:
    """Messages in the order in which they are sent, and what is to become of them."""

    messages: list[Message] = field(default_factory=list)
    old: dict[int, bytes] = field(default_factory=dict)
    """Old record ids that come again, by their number, and the record that was the first one."""
    good: list[int] = field(default_factory=list)
    """The places of the messages that are to be rated."""
    again: int = 0
    unknown: int = 0
    bad: int = 0


class Generator:
    """Makes records of a carrier's customers; the same ones for the same seed and day."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._chance = random.Random(f"{carrier.seed} load")
        self._began = clock.now() - timedelta(days=_DAYS)
        self._made = 0

    def load(self, count: int) -> Load:
        """The load of a run."""
        load = Load()
        for _ in range(count):
            self._add(load, self._chance.random())
        return load

    def _add(self, load: Load, lot: float) -> None:
        if lot < AGAIN_SHARE and load.good:
            load.again += 1
            load.messages.append(self._again(load))
        elif lot < AGAIN_SHARE + UNKNOWN_SHARE:
            load.unknown += 1
            load.messages.append(_message(self.record(charged=nobodys_number(self._made))))
        elif lot < AGAIN_SHARE + UNKNOWN_SHARE + BAD_SHARE:
            load.bad += 1
            load.messages.append(self._spoilt())
        else:
            load.good.append(len(load.messages))
            load.messages.append(_message(self.record()))

    def _again(self, load: Load) -> Message:
        if self._chance.random() < OLD_SHARE and len(load.old) < self._carrier.sizes.old:
            return self._of_old(load)
        key, value = load.messages[self._chance.choice(load.good)]
        if self._chance.random() < CONFLICT_SHARE:
            record = msgspec.json.decode(value)
            value = _encode(record | _other_usage(record))
        elif self._chance.random() < ELSEWHERE_SHARE:
            key = f"+{number_of(self._chance.randrange(1_000))}"
        return key, value

    def _of_old(self, load: Load) -> Message:
        """A second copy of an old record; most say the same as it did."""
        number = self._chance.randrange(self._carrier.sizes.old)
        while number in load.old:
            number = self._chance.randrange(self._carrier.sizes.old)
        record = self.record() | {"source": OLD_SOURCE, "record_id": old_id(number)}
        load.old[number] = _encode(record)
        if self._chance.random() < CONFLICT_SHARE:
            record |= _other_usage(record)
        return _message(record)

    def _spoilt(self) -> Message:
        record = self.record()
        kind = self._made % 3
        if kind == 0:
            return str(record["charged_number"]), b'{"source": "northstar", "record_id": '
        return _message(record | ({"record_id": ""} if kind == 1 else {"start": "yesterday"}))

    def record(self, charged: str | None = None) -> dict[str, object]:
        """A good record, as a file of a supplier brings it; of a number of a customer, unless one is given."""
        chance = self._chance
        self._made += 1
        number_id = 1 + chance.randrange(self._carrier.sizes.numbers)
        began = self._began + timedelta(seconds=chance.randrange(_DAYS * _DAY_S))
        record: dict[str, object] = {
            "source": SOURCES[self._made % len(SOURCES)],
            "record_id": f"{self._carrier.seed:x}-{chance.getrandbits(40):010x}-{self._made:08x}",
            "charged_number": f"+{charged or number_of(number_id)}",
            "other_party": f"+{self._carrier.number_called(chance)}",
            "direction": "outbound",
            "service_type": "voice",
            "start": began.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "currency": _INVOICED,
            "cdr_cost": f"0.{chance.randrange(1, 4_000):04d}",
            "origin": {"file_id": 1 + self._made // 100_000, "row": 1 + self._made % 100_000},
        }
        return record | self._used(chance.random())

    def _used(self, lot: float) -> dict[str, object]:
        """Of a hundred records three are inbound calls, three messages, two data."""
        seconds = int(self._chance.expovariate(1 / 180))
        if lot < 0.03:
            return {"direction": "inbound", "duration_seconds": seconds}
        if lot < 0.06:
            return {"service_type": "sms", "units": 1}
        if lot < 0.08:
            return {"service_type": "data", "volume_bytes": seconds * 40_000}
        return {"duration_seconds": seconds}


def _message(record: dict[str, object]) -> Message:
    return str(record["charged_number"]), _encode(record)


def _other_usage(record: dict[str, object]) -> dict[str, object]:
    return {"other_party": "+441632960999"} | {key: 77 for key in ("duration_seconds",) if key in record}


async def send(load: Load, kafka: str) -> None:
    """Send a load to `cdr.received`, in whole compressed batches, and wait until the broker has it."""
    producer = make_producer(kafka=kafka, client_id="farthing-bench", linger_ms=5)
    await producer.start()
    try:
        for messages in _portions(load.messages):
            await send_values(producer, messages)
    finally:
        await producer.stop()


def _portions(messages: list[Message]) -> Iterator[list[Message]]:
    for begin in range(0, len(messages), _SENT_AT_ONCE):
        yield messages[begin : begin + _SENT_AT_ONCE]


def send_all(load: Load, kafka: str) -> None:
    """`send`, from where no event loop runs."""
    asyncio.run(send(load, kafka))
