"""Tariffs' headers and default tariffs: each change is one version behind the gate (SPEC R5, R6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.reference import TariffUpdated
from rating.domain.lineage import wrong_parent
from rating.service import retrying
from rating.store import calendars
from rating.store import tariffs as store
from rating.store.gate import pass_alone
from rating.store.tariffs import TariffHeader
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Conflict, Invalid, NotFound
from service_kit.logs import logger

_log = logger(__name__)


async def create_tariff(tariff: TariffHeader, actor: str) -> TariffHeader:
    """Add a tariff without rates; where it is the default, the one that was is it no longer.

    Raises:
        Conflict: there is a tariff of that code.
        Invalid: there is no such parent or calendar, or the parent cannot be one.
    """
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        if await store.find_tariff(tx.connection, tariff.code):
            raise Conflict(f"there is a tariff '{tariff.code}' already: import its rates, or choose another code")
        await _check(tx.connection, tariff)
        await _change(tx, tariff)
    _log.info("tariff added", tariff=tariff.code, by=actor)
    return tariff


async def change_tariff(code: str, changes: Mapping[str, Any], actor: str) -> TariffHeader:
    """Change a tariff's header; calls that are stored from now on are rated by it, and what was rated stays.

    Args:
        code: of the tariff.
        changes: fields of `TariffHeader` that are to be other than they are; not its code or currency.

    Raises:
        NotFound: there is no such tariff.
        Invalid: there is no such parent or calendar, or the parent cannot be one.
    """
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        known = found(await store.find_tariff(tx.connection, code), code)
        tariff = replace(known, **changes)
        if tariff == known:
            return known
        await _check(tx.connection, tariff)
        tariff = replace(tariff, version=known.version + 1)
        await _change(tx, tariff)
    _log.info("tariff changed", tariff=code, changes=sorted(changes), by=actor)
    return tariff


async def _check(connection: AsyncConnection, tariff: TariffHeader) -> None:
    if not await calendars.is_known(connection, tariff.calendar):
        raise invalid("calendar", f"there is no calendar '{tariff.calendar}': PUT /calendars/{tariff.calendar} adds it")
    if tariff.parent is None:
        return
    others = {each.code: each for each in await store.list_tariffs(connection)}
    wrong = wrong_parent(tariff.code, tariff.parent, {code: each.parent for code, each in others.items()})
    if wrong:
        raise invalid("parent", wrong)
    currency = others[tariff.parent].currency
    if currency != tariff.currency:
        raise invalid("parent", f"{tariff.parent} is in {currency}, {tariff.code} in {tariff.currency}")


async def _change(tx: Transaction, tariff: TariffHeader) -> None:
    generation = await pass_alone(tx.connection)
    if tariff.is_default:
        await _end_default(tx, tariff.code, generation)
    await save(tx, tariff, generation)
    await retrying.request(tx, generation, everything_unpriced=True)


async def _end_default(tx: Transaction, successor: str, generation: int) -> None:
    for other in await store.list_tariffs(tx.connection):
        if other.is_default and other.code != successor:
            await save(tx, replace(other, is_default=False, version=other.version + 1), generation)


async def save(tx: Transaction, tariff: TariffHeader, generation: int, effective_from: date | None = None) -> None:
    """Store a header in a transaction that has passed the gate alone, and tell it.

    Args:
        effective_from: of the rates that come with this version, if any do.
    """
    await store.save_tariff(tx.connection, tariff, generation)
    await tx.publish(
        TariffUpdated(
            code=tariff.code,
            version=tariff.version,
            name=tariff.name,
            currency=tariff.currency,
            parent=tariff.parent,
            calendar=tariff.calendar,
            effective_from=effective_from,
            rounding_places=tariff.rounding_places,
            is_default=tariff.is_default,
        )
    )


async def list_tariffs() -> list[TariffHeader]:
    """All tariffs, by code."""
    async with reading() as connection:
        return await store.list_tariffs(connection)


async def get_tariff(code: str) -> TariffHeader:
    """A tariff. Raises NotFound."""
    async with reading() as connection:
        return found(await store.find_tariff(connection, code), code)


async def set_default_tariff(source: str, number_type: str, tariff: str, actor: str) -> None:
    """The default tariff of a number type, of a source, or of both (SPEC R5). Raises Invalid."""
    if not source and not number_type:
        raise invalid("number_type", "name a source or a number type: the system's default is a tariff's is_default")
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        if await store.find_tariff(tx.connection, tariff) is None:
            raise invalid("tariff", f"there is no tariff '{tariff}'")
        generation = await pass_alone(tx.connection)
        await store.set_default_tariff(tx.connection, source, number_type, tariff)
        await store.mark_changed(tx.connection, "default_tariffs", generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("default tariff set", source=source, number_type=number_type, tariff=tariff, by=actor)


async def list_default_tariffs() -> Sequence[RowMapping]:
    """All default tariffs but the system's."""
    async with reading() as connection:
        return await store.list_default_tariffs(connection)


def found(tariff: TariffHeader | None, code: str) -> TariffHeader:
    """The tariff. Raises NotFound where there is none."""
    if tariff is None:
        raise NotFound(f"there is no tariff '{code}': GET /tariffs lists them")
    return tariff


def invalid(field: str, message: str) -> Invalid:
    """A problem with one field."""
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])
