"""Adding, changing and cancelling charges on numbers and features (SPEC C9, Z5, Z6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from contracts.customers import Charge
from contracts.reference import StandardCharge
from customers.domain.charges import Charges, added_charge, cancelled_charge, changed_charge, charged_within
from customers.domain.numbers import Feature, Number
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken
from customers.service.lines import apply, lock_feature, lock_line, one_picture
from customers.service.problems import no_charge, no_feature, no_number, rules
from customers.store import numbers as store
from customers.store.numbers import Owner
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.http import NotFound

MOST_CHARGES = 300
"""On one number or feature, ever: its event carries them all, and has a largest size."""


@dataclass(frozen=True)
class OwnedCharge:
    """A charge as it is charged, and what it is on; `version` is that of the number or feature."""

    owner: Owner
    charge: Charge
    version: int


@dataclass(frozen=True)
class ChargeOrder:
    """A charge to be added; without a start it begins today, or with what it is on if that begins later."""

    terms: StandardCharge
    start: date | None = None
    end: date | None = None


async def get_charge(charge_id: int) -> OwnedCharge:
    """A charge. Raises NotFound."""
    async with one_picture() as connection:
        owner = await store.owner_of_charge(connection, charge_id)
    if owner is None:
        raise no_charge(charge_id)
    return next(each for each in await list_charges(owner) if each.charge.charge_id == charge_id)


async def list_charges(owner: Owner) -> list[OwnedCharge]:
    """The charges of a number or feature, those that ended too. Raises NotFound."""
    async with one_picture() as connection:
        if owner.feature_id is not None:
            found: Number | Feature | None = await store.get_feature(connection, owner.feature_id)
        else:
            line = await store.get_line(connection, owner.number_id or 0)
            found = line.number if line else None
    if found is None:
        raise _missing(owner)
    return [OwnedCharge(owner_of(found), charge, found.version) for charge in charged_within(found.charges, found.end)]


def owner_of(entity: Number | Feature) -> Owner:
    """A number or feature as what a charge is on."""
    if isinstance(entity, Number):
        return Owner(entity.customer_id, entity.number_id, None)
    return Owner(entity.customer_id, None, entity.feature_id)


def _missing(owner: Owner) -> NotFound:
    return no_feature(owner.feature_id) if owner.feature_id is not None else no_number(owner.number_id or 0)


async def add_charge(number_id: int | None, feature_id: int | None, order: ChargeOrder, actor: str) -> OwnedCharge:
    """SPEC C9: a charge on a number, or on a feature or call plan.

    Raises:
        Problem: 404, 422 where a rule is broken.
    """
    async with transaction() as tx:
        before = await _locked(tx, number_id, feature_id)
        [charge_id] = await take_ids(tx.connection, 1)
        days = (order.start or max(clock.today(), before.start), order.end)
        with rules():
            _check_room(before, 1)
            book = await read_book(tx.connection)
            charge = added_charge(order.terms, days, (before.start, before.end), book, charge_id)
        after = replace(before, charges=(*before.charges, charge))
        await apply(tx, [before], [after], actor)
    return _owned(replace(after, version=before.version + 1), charge)


async def change_charge(
    charge_id: int, changes: Mapping[str, Any], day: date | None, *, expected: int | None, actor: str
) -> list[OwnedCharge]:
    """SPEC Z5: change a charge from a day on; without one it is corrected for what has not been charged yet.

    Args:
        charge_id: which.
        changes: `amount`, `quantity`, `description`, `vat_rate`, `end`, those that change.
        day: the first day of the change.
        expected: the version of the number or feature that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Returns:
        What stands in its place: one charge or two, the later last.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken.
    """

    def changed(charge: Charge, owner: Number | Feature, book: Book, new_id: int) -> Charges:
        return changed_charge(charge, changes, day, owner.end, book, new_id)

    return await _replace(charge_id, changed, actor, expected)


async def cancel_charge(charge_id: int, day: date | None, actor: str) -> list[OwnedCharge]:
    """SPEC C9, Z6: a charge that is not charged from a day on, today unless given.

    Returns:
        What is left of it: nothing where it had not begun by then.

    Raises:
        Problem: 404, 422 where it is a one-off of an earlier day.
    """
    first = day or clock.today()
    return await _replace(charge_id, lambda charge, *_: cancelled_charge(charge, first), actor)


_Replace = Callable[[Charge, Number | Feature, Book, int], Charges]


async def _replace(charge_id: int, put: _Replace, actor: str, expected: int | None = None) -> list[OwnedCharge]:
    async with transaction() as tx:
        owner = await store.owner_of_charge(tx.connection, charge_id)
        if owner is None:
            raise no_charge(charge_id)
        before = await _locked(tx, owner.number_id, owner.feature_id, expected)
        place = next((at for at, each in enumerate(before.charges) if each.charge_id == charge_id), None)
        if place is None:
            raise no_charge(charge_id)
        [new_id] = await take_ids(tx.connection, 1)
        book = await read_book(tx.connection)
        with rules():
            parts = put(before.charges[place], before, book, new_id)
            _check_room(before, len(parts) - 1)
        after = replace(before, charges=(*before.charges[:place], *parts, *before.charges[place + 1 :]))
        changes = await apply(tx, [before], [after], actor)
    version = before.version + 1 if changes else before.version
    return [_owned(replace(after, version=version), part) for part in parts]


async def _locked(
    tx: Transaction, number_id: int | None, feature_id: int | None, expected: int | None = None
) -> Number | Feature:
    if feature_id is not None:
        return await lock_feature(tx, feature_id, expected)
    return (await lock_line(tx, number_id or 0, expected)).line.number


def _check_room(owner: Number | Feature, more: int) -> None:
    if more > 0 and len(owner.charges) + more > MOST_CHARGES:
        raise RuleBroken("charges", f"there are {MOST_CHARGES} charges on it: no more are kept")


def _owned(owner: Number | Feature, charge: Charge) -> OwnedCharge:
    [charged] = charged_within((charge,), owner.end)
    return OwnedCharge(owner_of(owner), charged, owner.version)


def in_page(charges: Sequence[OwnedCharge], after: int, limit: int) -> list[OwnedCharge]:
    """Those with a higher id, in its order."""
    by_id = sorted(charges, key=lambda each: each.charge.charge_id)
    return [each for each in by_id if each.charge.charge_id > after][:limit]
