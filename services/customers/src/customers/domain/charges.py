"""Charges on numbers and features: from what was ordered to what is charged when (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from contracts.customers import Charge
from contracts.reference import CallPlan, PlanCharge, StandardCharge
from customers.domain.reference import VAT_RATES, Book, Entry
from customers.domain.rules import RuleBroken, within
from money.dates import day_before

LARGEST_AMOUNT = Decimal("1000000000")
MOST_PLACES = 12
LONGEST_DESCRIPTION = 200
Charges = tuple[Charge, ...]


def check_days(start: date, end: date | None) -> None:
    """Raises RuleBroken where an end lies before its start: both are inclusive dates."""
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


def charges_from(
    orders: Iterable[StandardCharge], start: date, end: date | None, book: Book, ids: Iterator[int]
) -> Charges:
    """Charges that begin and end with their number or feature. Raises RuleBroken, with the charge's place."""
    made = []
    for place, order in enumerate(orders):
        with within(f"charges.{place}"):
            made.append(_charge(check_charge(order, book), start, end, next(ids)))
    return tuple(made)


def _charge(order: StandardCharge, start: date, end: date | None, charge_id: int) -> Charge:
    recurring = order.kind == "recurring"
    return Charge(
        charge_id=charge_id,
        start=start,
        end=end if recurring else None,
        anchor=start if recurring else None,
        **order.model_dump(),
    )


def plan_charges(plan: Entry, own: PlanCharge | None) -> tuple[StandardCharge, ...]:
    """What a number's call plan costs: its own charge where one was agreed, else the plan's standard one, if any."""
    standard = plan.attributes.charge if isinstance(plan.attributes, CallPlan) else None
    agreed = own or standard
    if agreed is None:
        return ()
    terms = agreed.model_dump(exclude={"description"})
    return (StandardCharge(kind="recurring", description=agreed.description or plan.name, **terms),)


def with_end(charges: Charges, before: date | None, end: date | None) -> Charges:
    """The charges of something whose end moves: those that ended with it, and those that would outlast it, follow."""
    return tuple(
        charge.model_copy(update={"end": end})
        if charge.kind == "recurring" and (charge.end == before or _outlasts(charge, end))
        else charge
        for charge in charges
    )


def _outlasts(charge: Charge, end: date | None) -> bool:
    return end is not None and (charge.end is None or charge.end > end)


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
