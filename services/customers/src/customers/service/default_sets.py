"""Default value sets, and what the form for a new customer starts with (SPEC C3)."""

from __future__ import annotations

from dataclasses import replace

from customers.config import settings
from customers.domain.annual import without_fields
from customers.domain.audit import Trace, created, differences, removed
from customers.domain.default_sets import DefaultSet, Start, Values, check_count, check_set, loaded, start_values
from customers.service.problems import check_version, rules
from customers.store import default_sets as store
from customers.store.audit import write_audit
from customers.store.reference import read_book
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Conflict, NotFound

ENTITY = "default_set"


async def list_sets(*, after: int, limit: int) -> list[DefaultSet]:
    """Sets by id, after one."""
    async with reading() as connection:
        return await store.list_sets(connection, after=after, limit=limit)


async def get_set(set_id: int) -> DefaultSet:
    """A set. Raises NotFound."""
    async with reading() as connection:
        return _found((await store.read_sets(connection, [set_id])).get(set_id), set_id)


async def add_set(name: str, is_default: bool, values: Values, actor: str) -> DefaultSet:
    """Add a set; where it is the default, the one that was stops being it.

    Raises:
        Problem: 409 where a set has the name, in any case; 422 where a code is not known or retired.
    """
    async with transaction() as tx:
        await store.lock_sets(tx.connection)
        await _check_name(tx, name)
        with rules():
            check_count(await store.count_sets(tx.connection))
            check_set(values, {}, await read_book(tx.connection))
        await _make_room(tx, is_default, None, actor)
        made = await store.insert_set(tx.connection, DefaultSet(0, 1, name, is_default, values))
        await _note(tx, [created(None, ENTITY, made.set_id, made)], actor)
    return made


async def change_set(
    set_id: int, name: str, is_default: bool, values: Values, *, expected: int | None, actor: str
) -> DefaultSet:
    """Replace a set; nothing happens where it is so already.

    Raises:
        Problem: as `add_set`; 404, and 412 where someone else changed it.
    """
    async with transaction() as tx:
        before = await _locked(tx, set_id, expected)
        await _check_name(tx, name, set_id)
        with rules():
            check_set(values, before.values, await read_book(tx.connection))
        after = replace(before, name=name, is_default=is_default, values=values)
        if after == before:
            return before
        await _make_room(tx, is_default, set_id, actor)
        return await _store(tx, before, after, actor)


async def remove_set(set_id: int, *, expected: int | None, actor: str) -> None:
    """Remove a set; customers that were added with it stay as they are. Raises NotFound, PreconditionFailed."""
    async with transaction() as tx:
        before = await _locked(tx, set_id, expected)
        await store.delete_set(tx.connection, set_id)
        await _note(tx, [removed(None, ENTITY, set_id, before)], actor)


async def start_form(set_id: int | None) -> Start:
    """SPEC C3: the values that the form starts with: those of a set, or of the default one, over the lists' defaults.

    Raises:
        NotFound: there is no such set.
    """
    async with reading() as connection:
        chosen = await store.find_default(connection)
        if set_id is not None:
            chosen = _found((await store.read_sets(connection, [set_id])).get(set_id), set_id)
        return _shown(start_values(chosen, await read_book(connection)))


async def apply_set(set_id: int, values: Values) -> Start:
    """SPEC C3: a form's values with those of a set loaded over them. Raises NotFound."""
    async with reading() as connection:
        chosen = _found((await store.read_sets(connection, [set_id])).get(set_id), set_id)
        return _shown(loaded(values, chosen, await read_book(connection)))


def _shown(start: Start) -> Start:
    """SPEC C12: without what is hidden where the module of annual increases is off."""
    return start if settings().annual_increases else replace(start, values=without_fields(start.values))


async def _locked(tx: Transaction, set_id: int, expected: int | None) -> DefaultSet:
    await store.lock_sets(tx.connection)
    before = _found((await store.read_sets(tx.connection, [set_id])).get(set_id), set_id)
    check_version(f"default value set {set_id}", before.version, expected)
    return before


async def _check_name(tx: Transaction, name: str, own: int | None = None) -> None:
    holder = await store.find_named(tx.connection, name)
    if holder is not None and holder.set_id != own:
        raise Conflict(
            f"default value set {holder.set_id} has the name '{holder.name}': choose another, or change that one",
            type="name-taken",
            title="Name taken",
            set_id=holder.set_id,
        )


async def _make_room(tx: Transaction, is_default: bool, own: int | None, actor: str) -> None:
    """The set that was the default stops being it."""
    present = await store.find_default(tx.connection) if is_default else None
    if present is not None and present.set_id != own:
        await _store(tx, present, replace(present, is_default=False), actor)


async def _store(tx: Transaction, before: DefaultSet, after: DefaultSet, actor: str) -> DefaultSet:
    after = replace(after, version=before.version + 1)
    await store.update_set(tx.connection, after)
    await _note(tx, list(differences(None, ENTITY, before.set_id, before, after)), actor)
    return after


async def _note(tx: Transaction, traces: list[Trace], actor: str) -> None:
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())


def _found(chosen: DefaultSet | None, set_id: int) -> DefaultSet:
    if chosen is None:
        raise NotFound(f"there is no default value set {set_id}: GET /default-sets lists them")
    return chosen
