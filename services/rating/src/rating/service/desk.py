"""Which rate of a tariff answers for a call: a question at the desk (SPEC R5, R6, Z16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from sqlalchemy import RowMapping

from rating.domain.calendars import BANDS, EARLIEST_YEAR, LATEST_YEAR, LOCAL_TIME, to_day
from rating.domain.calls import Digits, Int, digits_of
from rating.domain.judging import CLASS_BY_SERVICE, INBOUND_CLASS, OUTBOUND, VOICE
from rating.domain.numbers import normalise
from rating.domain.picture import Picture
from rating.service.pictures import pictures
from rating.service.tariffs import get_tariff, invalid
from rating.store import versions
from service_kit.database import reading
from service_kit.http import NotFound

_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """A call that is asked about; `call_class` is empty where the tables are to say it."""

    number: str
    service: str
    direction: str
    at: datetime
    call_class: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rate that answers and the version that it belongs to, both None where none does.

    `destination` and `call_class` may be empty. `day` is local.
    """

    tariff: str
    digits: str
    call_class: str
    destination: str
    day: date
    band: str
    rate: RowMapping | None
    version: RowMapping | None


async def which_rate(code: str, asked: Question) -> Answer:
    """The rate of a tariff, or of one that it inherits from, that answers for a call.

    The first question in a process that does not rate waits until it has loaded numbers, customers and tariffs.

    Raises:
        NotFound: there is no such tariff.
        Invalid: the number has no digits, or the time is not one of the years that calls are rated in.
    """
    await get_tariff(code)
    digits = normalise(asked.number)
    if not digits:
        raise invalid("number", f"'{asked.number}' is not a number, like +442079460123")
    if not EARLIEST_YEAR < asked.at.year < LATEST_YEAR:
        raise invalid("at", f"give a time of the years {EARLIEST_YEAR + 1} to {LATEST_YEAR - 1}")
    picture = await pictures.refresh()
    slot = picture.tariffs.slot_of(code)
    if slot < 0:
        raise NotFound(f"tariff '{code}' was not there when it was looked up: ask again")
    answer, rate_id = _look_up(picture, slot, asked, digits)
    if rate_id is None:
        return answer
    async with reading() as connection:
        rate, version = await versions.rate_with_version(connection, rate_id)
    return Answer(answer.tariff, digits, answer.call_class, answer.destination, answer.day, answer.band, rate, version)


def _look_up(picture: Picture, slot: int, asked: Question, digits: str) -> tuple[Answer, int | None]:
    """What is known without the rate's row, and the rate's id; never awaits, so that the picture stays as it is."""
    number = digits_of([digits])
    call_class, destination = _classify(picture, asked, number)
    slots = _one(slot)
    day, minute = LOCAL_TIME.of(_one(int(asked.at.timestamp()) * _MICROS))
    band = picture.bands.of(picture.calendar_of(slots), day, minute)
    by_prefix = asked.service == VOICE and asked.direction == OUTBOUND
    searched = number if by_prefix else Digits(_one(0), _one(0))
    row = int(picture.tariffs.rate_for(slots, day, band, searched, _one(call_class))[0])
    answer = Answer(
        picture.tariffs.codes[slot],
        digits,
        picture.classes.names[call_class],
        destination,
        to_day(int(day[0])),
        BANDS[int(band[0])],
        None,
        None,
    )
    return answer, int(picture.tariffs.rates.rate_id[row]) if row >= 0 else None


def _classify(picture: Picture, asked: Question, number: Digits) -> tuple[int, str]:
    """SPEC R4: the code of the call class, and the destination's name for an outbound call."""
    outbound = asked.direction == OUTBOUND
    table = picture.destinations
    row = max(int(table.prefixes.longest(number)[0]), 0) if outbound else 0
    destination = picture.destination_names.names[int(table.name[row])]
    if asked.call_class:
        return max(picture.classes.find(asked.call_class), 0), destination
    if asked.service in CLASS_BY_SERVICE:
        return picture.classes.find(CLASS_BY_SERVICE[asked.service]), destination
    if outbound:
        return int(table.call_class[row]), destination
    inbound = int(picture.inbound.longest(number)[0])
    return inbound if inbound >= 0 else picture.classes.find(INBOUND_CLASS), ""


def _one(value: int) -> Int:
    return np.array([value], dtype=np.int64)
