"""Tariffs' headers, destinations, inbound classes and default tariffs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calendars import ENGLAND_AND_WALES
from rating.domain.deck_rows import DestinationRow, InboundRow

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('rating tariffs'))")
_COLUMNS = (
    "code, version, name, currency, rounding_places, fallback_markup, is_default, megabyte_bytes, parent, calendar"
)
_TARIFFS = text(f"SELECT {_COLUMNS} FROM tariff ORDER BY code")
_TARIFF = text(f"SELECT {_COLUMNS} FROM tariff WHERE code = :code")
_SAVE = text(
    f"""
    INSERT INTO tariff ({_COLUMNS}, changed_in)
    VALUES (:code, :version, :name, :currency, :rounding_places, :fallback_markup, :is_default, :megabyte_bytes,
            :parent, :calendar, :changed_in)
    ON CONFLICT (code) DO UPDATE SET
        version = excluded.version, name = excluded.name, currency = excluded.currency,
        rounding_places = excluded.rounding_places, fallback_markup = excluded.fallback_markup,
        is_default = excluded.is_default, megabyte_bytes = excluded.megabyte_bytes, parent = excluded.parent,
        calendar = excluded.calendar, changed_in = excluded.changed_in
    """
)
_LISTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "destinations": ("destination", DestinationRow._fields),
    "inbound_classes": ("inbound_class", InboundRow._fields),
}
_CHANGED = text("UPDATE lists_changed SET changed_in = :generation WHERE what = :what")
_SET_DEFAULT = text(
    """
    INSERT INTO default_tariff (source, number_type, tariff) VALUES (:source, :number_type, :tariff)
    ON CONFLICT (source, number_type) DO UPDATE SET tariff = excluded.tariff
    """
)
_DEFAULTS = text("SELECT source, number_type, tariff FROM default_tariff ORDER BY source, number_type")


@dataclass(frozen=True, slots=True)
class TariffHeader:
    """A tariff without its rates. `fallback_markup` is a percentage, None where there is none.

    What its own rates do not answer, those of `parent` do. `calendar` gives the bands of its calls.
    """

    code: str
    version: int
    name: str
    currency: str
    rounding_places: int
    fallback_markup: Decimal | None
    is_default: bool
    megabyte_bytes: int
    parent: str | None = None
    calendar: str = ENGLAND_AND_WALES.code


async def lock_tariffs(connection: AsyncConnection) -> None:
    """One change of tariffs at a time, taken before the gate: one of them at most is the default."""
    await connection.execute(_LOCK)


async def list_tariffs(connection: AsyncConnection) -> list[TariffHeader]:
    """All tariffs, by code."""
    return [TariffHeader(**row) for row in (await connection.execute(_TARIFFS)).mappings()]


async def find_tariff(connection: AsyncConnection, code: str) -> TariffHeader | None:
    """A tariff, None where there is none of that code."""
    row = (await connection.execute(_TARIFF, {"code": code})).mappings().one_or_none()
    return TariffHeader(**row) if row else None


async def save_tariff(connection: AsyncConnection, tariff: TariffHeader, generation: int) -> None:
    """Insert a tariff, or store it as it is now."""
    values = {name: getattr(tariff, name) for name in TariffHeader.__slots__}
    await connection.execute(_SAVE, values | {"changed_in": generation})


async def replace_list(connection: AsyncConnection, what: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Put these rows in the place of a whole prefix table: `destinations` or `inbound_classes`."""
    table, columns = _LISTS[what]
    await connection.execute(text(f"DELETE FROM {table}"))
    await copy_rows(connection, f"COPY {table} ({', '.join(columns)}) FROM STDIN", rows)


async def mark_changed(connection: AsyncConnection, what: str, generation: int) -> None:
    """Note in which generation a list changed, for the pictures in memory."""
    await connection.execute(_CHANGED, {"what": what, "generation": generation})


async def set_default_tariff(connection: AsyncConnection, source: str, number_type: str, tariff: str) -> None:
    """The default of a number type, or of a source and a number type; empty stands for any."""
    await connection.execute(_SET_DEFAULT, {"source": source, "number_type": number_type, "tariff": tariff})


async def list_default_tariffs(connection: AsyncConnection) -> Sequence[RowMapping]:
    """All default tariffs but the system's."""
    return (await connection.execute(_DEFAULTS)).mappings().all()


async def copy_rows(connection: AsyncConnection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows by a COPY statement."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    async with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            await copy.write_row(row)
