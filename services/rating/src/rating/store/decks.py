"""Reading tariffs, their rates and the tables beside them into memory, whole or what changed (SPEC R4 to R6, R10)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calendars import BANDS, Bands
from rating.domain.calls import MISSING
from rating.domain.choices import millionths
from rating.domain.codes import Codes
from rating.domain.decks import ALWAYS, FOREVER, Deck, Rates, Tariff, Tariffs, Version, day_of

RATES_AT_ONCE = 500_000
"""Rates that are read by one statement, unless one version has more: so many are in memory twice for a moment."""

_HEADERS = text(
    """
    SELECT code, rounding_places, megabyte_bytes, fallback_markup, calendar, parent FROM tariff
    WHERE changed_in > :since OR code IN (SELECT tariff FROM tariff_version WHERE changed_in > :since)
    ORDER BY code
    """
)
_HEADERS_OF = text(
    """
    SELECT code, rounding_places, megabyte_bytes, fallback_markup, calendar, parent FROM tariff WHERE code = ANY(:codes)
    """
)
# Of several versions from one day on the last one counts: what it took the place of is not read at all.
_VERSIONS = text(
    """
    SELECT DISTINCT ON (tariff, effective_from) tariff, version_id, version, effective_from, rows
    FROM tariff_version WHERE tariff = ANY(:codes) ORDER BY tariff, effective_from, version DESC
    """
)
_CLASSES = text(
    "SELECT DISTINCT call_class FROM rate WHERE version_id = ANY(:versions) AND prefix = '' ORDER BY call_class"
)
# All columns are eight bytes wide, so that rows can be read without looking at each of them. The 1 in front of a
# prefix keeps its leading zeros.
_RATES = """
    COPY (
        SELECT version_id, rate_id, ('1' || prefix)::bigint,
               coalesce(array_position(%(classes)s::text[], call_class), 0)::bigint,
               (array_position(%(bands)s::text[], band) - 1)::bigint,
               price_micro, connection_micro, initial, step, minimum_micro, coalesce(maximum_micro, %(missing)s), free,
               coalesce(valid_from - date '1970-01-01', %(always)s)::bigint,
               coalesce(valid_to - date '1970-01-01', %(forever)s)::bigint
        FROM rate WHERE version_id = ANY(%(versions)s) ORDER BY version_id, rate_id
    ) TO STDOUT (FORMAT BINARY)
"""
_COLUMNS = (
    "version_id",
    "rate_id",
    "prefix",
    "call_class",
    "band",
    "price",
    "connection",
    "initial",
    "step",
    "minimum",
    "maximum",
    "free",
    "valid_from",
    "valid_to",
)
_AMOUNTS = ("rate_id", "price", "connection", "initial", "step", "minimum", "maximum", "free", "band", "valid_from")
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *((f"{name}{part}", kind) for name in _COLUMNS for part, kind in ((".size", ">i4"), ("", ">i8"))),
    ]
)
_HEADER_BYTES, _TRAILER_BYTES = 19, 2

_DESTINATIONS = text("SELECT prefix, destination, call_class FROM destination")
_INBOUND = text("SELECT prefix, call_class FROM inbound_class")
_DEFAULTS = text("SELECT source, number_type, tariff FROM default_tariff")
_SYSTEM_DEFAULT = text("SELECT code FROM tariff WHERE is_default")
_OCCURRING = text(
    """
    SELECT call_class FROM destination UNION SELECT call_class FROM inbound_class UNION SELECT call_class FROM rate
    """
)


async def load_tariffs(connection: AsyncConnection, tariffs: Tariffs, classes: Codes, bands: Bands, since: int) -> bool:
    """Take the tariffs into memory whose header or versions changed after a generation, and bind them.

    Args:
        connection: of a transaction that holds the gate.
        classes: gains the call classes of the rates; it is what the tariffs are bound with.
        bands: gives the index of each tariff's calendar.
        since: generation; 0 takes all of them. Rates of versions that are in memory are not read again.

    Returns: whether any did.
    """
    headers = (await connection.execute(_HEADERS, {"since": since})).all()
    if not headers:
        return False
    await _take_in(connection, tariffs, headers, classes, bands)
    return True


async def load_some(connection: AsyncConnection, codes: Sequence[str]) -> tuple[Tariffs, Codes]:
    """Some tariffs by themselves, as they are now, and the classes that they are bound with; calendars do not count."""
    tariffs, classes = Tariffs(), Codes()
    headers = (await connection.execute(_HEADERS_OF, {"codes": list(codes)})).all()
    await _take_in(connection, tariffs, headers, classes, Bands())
    return tariffs, classes


async def _take_in(
    connection: AsyncConnection, tariffs: Tariffs, headers: Sequence[Row[Any]], classes: Codes, bands: Bands
) -> None:
    versions = (await connection.execute(_VERSIONS, {"codes": [header.code for header in headers]})).all()
    by_tariff = defaultdict(list)
    for version in versions:
        by_tariff[version.tariff].append(version)
    decks = _known(tariffs, headers)
    await _load_decks(connection, decks, [each for each in versions if each.version_id not in decks], classes)
    for header in headers:
        tariffs.put(_tariff(header, by_tariff[header.code], decks, bands))
    tariffs.bind(classes)


def _known(tariffs: Tariffs, headers: Iterable[Row[Any]]) -> dict[int, Deck]:
    """The decks of these tariffs that are in memory, by version id: the rates of a version never change."""
    slots = (tariffs.slot_of(header.code) for header in headers)
    return {each.version_id: each.deck for slot in slots if slot >= 0 for each in tariffs[slot].versions}


def _tariff(header: Row[Any], versions: Iterable[Row[Any]], decks: Mapping[int, Deck], bands: Bands) -> Tariff:
    return Tariff(
        header.code,
        header.rounding_places,
        header.megabyte_bytes,
        bands.index(header.calendar),
        millionths(header.fallback_markup),
        header.parent,
        tuple(
            Version(
                each.version,
                ALWAYS if each.effective_from is None else day_of(each.effective_from),
                decks[each.version_id],
                each.version_id,
            )
            for each in versions
        ),
    )


async def _load_decks(
    connection: AsyncConnection, decks: dict[int, Deck], versions: Sequence[Row[Any]], classes: Codes
) -> None:
    for some in _portions(versions):
        ids = [each.version_id for each in some]
        names = ["", *(await connection.execute(_CLASSES, {"versions": ids})).scalars()]
        for name in names:
            classes.add(name)
        rows = await _read_rates(connection, ids, names[1:])
        # Building them takes a second for a large one; the stream goes on meanwhile.
        decks |= await asyncio.to_thread(_decks, rows, ids, names)


def _portions(versions: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Versions in portions of so many rates altogether."""
    portion: list[Row[Any]] = []
    rates = 0
    for version in versions:
        if portion and rates + version.rows > RATES_AT_ONCE:
            yield portion
            portion, rates = [], 0
        portion.append(version)
        rates += version.rows
    if portion:
        yield portion


async def _read_rates(connection: AsyncConnection, versions: list[int], names: list[str]) -> NDArray[Any]:
    """The rates of some versions, rows of `_ROW`; `call_class` counts the names from 1, and is 0 for a prefix's."""
    values = {"versions": versions, "classes": names, "bands": list(BANDS)}
    limits = {"missing": MISSING, "always": ALWAYS, "forever": FOREVER}
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    told = bytearray()
    async with driver.cursor() as cursor, cursor.copy(_RATES, values | limits) as copy:
        async for data in copy:
            told += data
    return np.frombuffer(
        told, _ROW, offset=_HEADER_BYTES, count=(len(told) - _HEADER_BYTES - _TRAILER_BYTES) // _ROW.itemsize
    )


def _decks(rows: NDArray[Any], versions: Iterable[int], names: Sequence[str]) -> dict[int, Deck]:
    """The deck of each version; rows are sorted by version."""
    ids = rows["version_id"].astype(np.int64)
    return {
        version: _deck(rows[np.searchsorted(ids, version) : np.searchsorted(ids, version, side="right")], names)
        for version in versions
    }


def _deck(rows: NDArray[Any], names: Sequence[str]) -> Deck:
    columns = {name: rows[name].astype(np.int64) for name in (*_AMOUNTS, "valid_to")}
    prefixes = np.array([str(told)[1:] for told in rows["prefix"].tolist()], dtype=object)
    return Deck.of(Rates(**columns, prefix=prefixes), [names[code] for code in rows["call_class"].tolist()])


async def load_destinations(connection: AsyncConnection) -> dict[str, tuple[str, str]]:
    """From prefix to a destination's name and call class."""
    return {prefix: (name, kind) for prefix, name, kind in await connection.execute(_DESTINATIONS)}


async def load_inbound_classes(connection: AsyncConnection) -> dict[str, str]:
    """From prefix of the charged number to call class."""
    return {row.prefix: row.call_class for row in await connection.execute(_INBOUND)}


async def load_defaults(connection: AsyncConnection) -> tuple[dict[tuple[str, str], str], str | None]:
    """Default tariffs by source and number type, empty standing for any; and the system's."""
    rows = await connection.execute(_DEFAULTS)
    by_key = {(source, number_type): tariff for source, number_type, tariff in rows}
    return by_key, (await connection.execute(_SYSTEM_DEFAULT)).scalar_one_or_none()


async def load_call_classes(connection: AsyncConnection) -> set[str]:
    """SPEC R4: the call classes that tables and rates name, whatever version."""
    return set((await connection.execute(_OCCURRING)).scalars()) - {""}
