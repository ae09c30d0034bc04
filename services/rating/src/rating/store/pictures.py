"""Reading the picture that calls are judged by: whole at the start, then what changed since."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calendars import MINUTES_AN_HOUR, Bands, Calendar, PeakHours
from rating.domain.picture import Picture
from rating.store import decks
from rating.store.holders import load_holders

_CALENDARS_CHANGED = text("SELECT EXISTS (SELECT FROM calendar WHERE changed_in > :since)")
# The shipped calendar comes first: it serves calls without a tariff.
_CALENDARS = text(
    "SELECT code, country, subdivision, peak, weekend FROM calendar ORDER BY code <> 'england-and-wales', code"
)
_LISTS = text("SELECT what FROM lists_changed WHERE changed_in > :since")


async def bring_up_to_date(connection: AsyncConnection, picture: Picture, generation: int) -> None:
    """Take into the picture what changed since its generation. The transaction holds the gate, so nothing else can.

    Where that fails half way, the picture can be judged by all the same: it keeps its generation, so what is judged
    is judged again.
    """
    try:
        await _take_in(connection, picture)
    finally:
        picture.bind()
    picture.generation = generation


async def _take_in(connection: AsyncConnection, picture: Picture) -> None:
    since = picture.generation
    await load_holders(connection, picture.holders, picture.choices, picture.number_types, since)
    has_new_rates = await _tariffs(connection, picture, since)
    changed = set((await connection.execute(_LISTS, {"since": since})).scalars())
    if "destinations" in changed:
        picture.put_destinations(await decks.load_destinations(connection))
    if "inbound_classes" in changed:
        picture.put_inbound(await decks.load_inbound_classes(connection))
    if "default_tariffs" in changed or has_new_rates:
        picture.defaults.by_key, picture.defaults.system = await decks.load_defaults(connection)
    if changed or has_new_rates:
        picture.know_classes(await decks.load_call_classes(connection))


async def _tariffs(connection: AsyncConnection, picture: Picture, since: int) -> bool:
    """Calendars and tariffs. A change of calendars is one of all tariffs, which know them by their place."""
    if (await connection.execute(_CALENDARS_CHANGED, {"since": since})).scalar_one():
        rows = await connection.execute(_CALENDARS)
        picture.bands = Bands([_calendar(row) for row in rows])
        since = 0
    return await decks.load_tariffs(connection, picture.tariffs, picture.classes, picture.bands, since)


def _calendar(row: Any) -> Calendar:
    peak = tuple(PeakHours(tuple(each["days"]), _minute(each["from"]), _minute(each["to"])) for each in row.peak)
    return Calendar(row.code, row.country, row.subdivision, peak, tuple(row.weekend))


def _minute(time: str) -> int:
    """The minute of the day of `HH:MM`; 24:00 is its end."""
    hours, _, minutes = time.partition(":")
    return int(hours) * MINUTES_AN_HOUR + int(minutes)
