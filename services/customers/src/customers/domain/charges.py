"""Charges on numbers and features: from what was ordered to what is charged when (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from contracts.customers import Charge
from contracts.reference import CallPlan, PlanCharge, StandardCharge
from customers.domain.prices import check_day
from customers.domain.reference import VAT_RATES, Book, Entry
from customers.domain.rules import RuleBroken, within
from money.dates import day_before

LARGEST_AMOUNT = Decimal("1000000000")
MOST_PLACES = 12
LONGEST_DESCRIPTION = 200
Charges = tuple[Charge, ...]


def check_days(start: date, end: date | None) -> None:
    """Raises RuleBroken where an end lies before its start, or a day is none of ours: both are inclusive dates."""
    check_day(start, "start")
    if end is not None:
        check_day(end, "end")
    if end is not None and end < start:
        raise RuleBroken("end", f"the end {end} lies before the start {start}: both days are included")


def check_charge(charge: StandardCharge, book: Book) -> StandardCharge:
    """SPEC C9. Raises RuleBroken: says which field and why."""
    recurring = charge.kind == "recurring"
    if recurring and charge.frequency_months is None:
        raise RuleBroken("frequency_months", "a recurring charge says every how many months: 1 to 120")
    if not recurring and charge.frequency_months is not None:
        raise RuleBroken("frequency_months", "a one-off charge has no frequency: leave it out")
    if not 0 < len(charge.description.strip()) <= LONGEST_DESCRIPTION:
        raise RuleBroken("description", f"say in 1 to {LONGEST_DESCRIPTION} letters what is charged, for the bill")
    if charge.quantity <= 0:
        raise RuleBroken("quantity", "a quantity is more than 0")
    for field, value in (("amount", charge.amount), ("quantity", charge.quantity)):
        if not _can_be_kept(value):
            raise RuleBroken(field, f"at most {LARGEST_AMOUNT}, with at most {MOST_PLACES} decimal places")
    if charge.vat_rate is not None:
        book.require(VAT_RATES, charge.vat_rate, "vat_rate")
    return charge


def _can_be_kept(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return value.copy_abs() <= LARGEST_AMOUNT and isinstance(exponent, int) and exponent >= -MOST_PLACES


def charges_from(orders: Iterable[StandardCharge], start: date, book: Book, ids: Iterator[int]) -> Charges:
    """Charges that begin with their number or feature. Raises RuleBroken, with the charge's place."""
    made = []
    for place, order in enumerate(orders):
        with within(f"charges.{place}"):
            made.append(new_charge(check_charge(order, book), start, None, next(ids)))
    return tuple(made)


def new_charge(order: StandardCharge, start: date, end: date | None, charge_id: int) -> Charge:
    """A charge from its first to its last day; a recurring one's periods are counted from its first."""
    anchor = start if order.kind == "recurring" else None
    return Charge(charge_id=charge_id, start=start, end=end, anchor=anchor, **order.model_dump())


def charged_within(charges: Charges, end: date | None) -> Charges:
    """Charges as they are charged on something that ends: none goes beyond its last day.

    What they were agreed for is kept as it is: so an end that moves later, or is taken away, loses nothing.
    """
    return charges if end is None else tuple(_to(charge, end) for charge in charges)


def _to(charge: Charge, end: date) -> Charge:
    beyond = charge.kind == "recurring" and (charge.end is None or charge.end > end)
    return charge.model_copy(update={"end": end}) if beyond else charge


def plan_charges(plan: Entry, own: PlanCharge | None) -> tuple[StandardCharge, ...]:
    """What a number's call plan costs: its own charge where one was agreed, else the plan's standard one, if any."""
    standard = plan.attributes.charge if isinstance(plan.attributes, CallPlan) else None
    agreed = own or standard
    if agreed is None:
        return ()
    terms = agreed.model_dump(exclude={"description"})
    return (StandardCharge(kind="recurring", description=agreed.description or plan.name, **terms),)


def added_charge(
    order: StandardCharge, days: tuple[date, date | None], owner: tuple[date, date | None], book: Book, new_id: int
) -> Charge:
    """A charge for what is there already.

    Args:
        order: what is charged.
        days: its first and last day; without a last one a recurring charge goes on as long as what it is on.
        owner: those of what it is on.
        book: the reference lists.
        new_id: its id.

    Raises:
        RuleBroken: says which field and why.
    """
    start, end = days
    check_days(start, end)
    if order.kind == "one_off" and end is not None:
        raise RuleBroken("end", "a one-off charge is charged on its start alone: leave the end out")
    if start < owner[0]:
        raise RuleBroken("start", f"what it is on begins on {owner[0]}: a charge cannot begin before it")
    if owner[1] is not None and start > owner[1]:
        raise RuleBroken("start", f"what it is on ends on {owner[1]}: a charge cannot begin after it")
    return new_charge(check_charge(order, book), start, end, new_id)


CHANGING = ("amount", "quantity")
"""What of a charge may change from a day on (SPEC Z5)."""


def changed_charge(
    charge: Charge, changes: Mapping[str, Any], day: date | None, owner_end: date | None, book: Book, new_id: int
) -> Charges:
    """SPEC Z5: a charge that changes from a day; without one it is corrected, for what has not been charged yet.

    Args:
        charge: as it is.
        changes: `amount`, `quantity`, `description`, `vat_rate`, `end`, those that change.
        day: the first day of the change.
        owner_end: the last day of what the charge is on.
        book: the reference lists.
        new_id: the id of a charge that begins.

    Raises:
        RuleBroken: says which field and why.
    """
    corrected = charge.model_copy(update=dict(changes))
    _check_changed(charge, corrected, book)
    if day is None:
        return (corrected,)
    if set(changes) - set(CHANGING):
        raise RuleBroken("from", "only amount and quantity change from a day on: send the rest without a day")
    _check_from(charge, check_day(day, "from"), owner_end)
    return changed_from(charge, day, changes.get("amount"), changes.get("quantity"), new_id=new_id)


def _check_changed(charge: Charge, corrected: Charge, book: Book) -> None:
    terms = StandardCharge(**corrected.model_dump(include=set(StandardCharge.model_fields)))
    known = terms.vat_rate == charge.vat_rate
    check_charge(terms.model_copy(update={"vat_rate": None}) if known else terms, book)
    check_days(charge.start, corrected.end)
    if charge.kind == "one_off" and corrected.end is not None:
        raise RuleBroken("end", "a one-off charge is charged on its start alone: cancel it instead")


def _check_from(charge: Charge, day: date, owner_end: date | None) -> None:
    last = min((end for end in (charge.end, owner_end) if end is not None), default=None)
    if charge.kind == "one_off" and day > charge.start:
        raise RuleBroken("from", f"a one-off is charged on its start, {charge.start}: a later day changes nothing")
    if last is not None and day > last:
        raise RuleBroken("from", f"the charge ends on {last}: give a day up to then, or add a new charge")


def cancelled_charge(charge: Charge, day: date) -> Charges:
    """SPEC C9, Z6: what is left of a charge that is not charged from a day on; what is charged already is refunded.

    Raises:
        RuleBroken: it is a one-off of an earlier day.
    """
    check_day(day, "from")
    if day <= charge.start:
        return ()
    if charge.kind == "one_off":
        message = f"it is charged on its start, {charge.start}: to take it back in full give that day or an earlier one"
        raise RuleBroken("from", message)
    last = day_before(day)
    return (charge.model_copy(update={"end": min(charge.end or last, last)}),)


def changed_from(
    charge: Charge, day: date, amount: Decimal | None = None, quantity: Decimal | None = None, *, new_id: int
) -> Charges:
    """SPEC Z5: a charge whose price or quantity changes from a day: the old one ends the day before, another begins.

    Args:
        charge: as it is.
        day: the first day of the new price or quantity. On or before the charge's start, all of it is replaced: whoever
            charged the old one refunds it, for it is gone.
        amount: the new price of one unit, net in pounds; None leaves it.
        quantity: the new quantity; None leaves it.
        new_id: the id of the charge that begins; its periods are those of the old one.

    Returns:
        What stands in the charge's place, one or two; the charge itself where nothing changes: it ended before the day,
        it is a one-off of an earlier day, or price and quantity are so already.
    """
    terms = {
        "amount": charge.amount if amount is None else amount,
        "quantity": charge.quantity if quantity is None else quantity,
    }
    changed = charge.model_copy(update={**terms, "charge_id": new_id})
    over = charge.end is not None and charge.end < day
    if over or (changed.amount, changed.quantity) == (charge.amount, charge.quantity):
        return (charge,)
    if day <= charge.start:
        return (changed,)
    if charge.kind == "one_off":
        return (charge,)
    begun = changed.model_copy(update={"start": day, "anchor": charge.anchor or charge.start})
    return charge.model_copy(update={"end": day_before(day)}), begun
