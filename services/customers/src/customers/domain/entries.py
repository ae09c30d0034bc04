"""Editing reference lists: what an entry may say, and what may become of one that others rely on (SPEC C4 to C8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TypeVar

from contracts.base import Contract
from contracts.reference import (
    BillStyle,
    CallPlan,
    NumberType,
    PaymentMethod,
    StandardFeature,
    StatusFlags,
    VatPeriod,
    VatRate,
)
from customers.domain.addresses import clean_address
from customers.domain.emails import read_emails
from customers.domain.prices import LATEST
from customers.domain.reference import (
    CALL_PLANS,
    LISTS,
    NUMBER_TYPES,
    STANDARD_FEATURES,
    STATUSES,
    VAT_RATES,
    Book,
    Entry,
)
from customers.domain.rules import RuleBroken
from customers.domain.texts import quoted
from customers.domain.vat_numbers import read_vat_number
from money.dates import day_before, next_day
from money.terms import check_terms

LARGEST_ENTRY_CHARACTERS = 50_000
MOST_ENTRIES = 2_000
"""In one list."""
NEEDS_DEFAULT = (STATUSES, NUMBER_TYPES)
"""Lists without whose default a customer or a number could not be added by its name alone."""
_MAY_BE_PLAIN: tuple[type[Contract], ...] = (CallPlan, StandardFeature, NumberType)
_CHARGED = ("standard", "reduced")
VAT_BEGAN = date(1973, 4, 1)
_T = TypeVar("_T")
_CODE = re.compile(r"[A-Za-z0-9][\w.\-]{0,63}", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Edit:
    """An entry as it was sent: None stands for what stays as it is, or is as usual for a new one."""

    list: str
    code: str
    name: str
    attributes: Contract | None = None
    retired: bool | None = None
    is_default: bool | None = None
    position: int | None = None


def after_edit(before: Entry | None, edit: Edit) -> Entry:
    """The entry that an edit makes.

    Raises:
        RuleBroken: it is new, and does not say what it does.
    """
    start = before or Entry(edit.list, edit.code, edit.name, _plain_attributes(edit))
    sent = {name: getattr(edit, name) for name in ("attributes", "retired", "is_default", "position")}
    return replace(start, name=edit.name, **{name: value for name, value in sent.items() if value is not None})


def _plain_attributes(edit: Edit) -> Contract | None:
    kind = LISTS[edit.list]
    if kind is None or edit.attributes is not None:
        return None
    if kind[1] in _MAY_BE_PLAIN:
        return kind[1]()
    raise RuleBroken(kind[0], f"say what this entry of {edit.list} does")


def check_entry(entry: Entry, book: Book) -> Entry:
    """Refuse an entry that nothing could work with; a bill style comes back with its values as they are kept.

    Raises:
        RuleBroken: says which field and why.
    """
    if not _CODE.fullmatch(entry.code):
        raise RuleBroken("code", "a code is 1 to 64 letters, digits, '_', '-' or '.', beginning with a letter or digit")
    if entry.retired and entry.is_default:
        raise RuleBroken("is_default", "a retired entry cannot be the default: make another the default first")
    if entry.attributes is not None and len(entry.attributes.model_dump_json()) > LARGEST_ENTRY_CHARACTERS:
        raise RuleBroken("name", f"the entry is longer than {LARGEST_ENTRY_CHARACTERS} characters: shorten its texts")
    match entry.attributes:
        case VatRate() as rate:
            _check_vat_rate(rate)
        case PaymentMethod() as method:
            _read("payment_method.terms", lambda: check_terms(method.terms.kind, method.terms.value))
        case StatusFlags() as flags:
            _check_status(entry, flags, book)
        case BillStyle() as style:
            return replace(entry, attributes=_checked_style(style))
    return entry


def check_change(before: Entry | None, after: Entry, book: Book) -> None:
    """Refuse to take away what customers could not be added or closed without.

    Raises:
        RuleBroken: says which field, why, and what to do first.
    """
    if before is None and len(book.entries(after.list)) >= MOST_ENTRIES:
        raise RuleBroken("code", f"the list {after.list} has {MOST_ENTRIES} entries: no more are kept")
    if before is not None and before.is_default and not after.is_default and after.list in NEEDS_DEFAULT:
        raise RuleBroken(
            "is_default", f"'{after.code}' is the default of {after.list}: make another the default instead"
        )
    if after.list == STATUSES and before is not None:
        _check_statuses_left(before, after, book)


def naming(list_name: str, code: str, book: Book) -> int:
    """How many entries of any list name an entry: statuses that lead to it, price lists charged at a VAT rate."""
    if list_name == STATUSES:
        return sum(each.code != code and _leads(each, code) for each in book.entries(STATUSES))
    if list_name != VAT_RATES:
        return 0
    return sum(
        code in _vat_rates(each.attributes) for name in (CALL_PLANS, STANDARD_FEATURES) for each in book.entries(name)
    )


def _vat_rates(attributes: Contract | None) -> set[str | None]:
    match attributes:
        case CallPlan(charge=charge) if charge is not None:
            return {charge.vat_rate}
        case StandardFeature(charges=charges):
            return {charge.vat_rate for charge in charges}
    return set()


def _check_statuses_left(before: Entry, after: Entry, book: Book) -> None:
    """SPEC C8, C14, C15: there is always a status for Final Bill and one for Drop; none leads to a retired one."""
    others = [each for each in book.entries(STATUSES) if each.code != after.code and not each.retired]
    for flag in ("final_bill", "dropped"):
        lost = not after.retired and getattr(after.attributes, flag)
        if getattr(before.attributes, flag) and not before.retired and not lost and not _any(others, flag):
            raise RuleBroken(
                f"status.{flag}", f"'{after.code}' is the only status that is {flag}: make another one first"
            )
    leading = [each.code for each in others if isinstance(each.attributes, StatusFlags) and _leads(each, after.code)]
    if after.retired and not before.retired and leading:
        raise RuleBroken("retired", f"'{leading[0]}' names '{after.code}' as its next status: give it another first")


def turned(before: Entry | None, after: Entry) -> str | None:
    """SPEC C14, C15: the flag of a status that is another now and that only an action gives to a customer, if any."""
    if before is None or after.list != STATUSES:
        return None
    flags = ("final_bill", "dropped")
    return next((flag for flag in flags if getattr(before.attributes, flag) != getattr(after.attributes, flag)), None)


def _any(entries: list[Entry], flag: str) -> bool:
    return any(getattr(each.attributes, flag) for each in entries)


def _leads(entry: Entry, code: str) -> bool:
    flags = entry.attributes
    return isinstance(flags, StatusFlags) and code in (flags.next_status, flags.numbers_status)


def _read(field: str, read: Callable[[], _T]) -> _T:
    """What a reader of values makes of one; its complaint is about the field."""
    try:
        return read()
    except ValueError as error:
        raise RuleBroken(field, str(error)) from None


def _check_status(entry: Entry, flags: StatusFlags, book: Book) -> None:
    if not _COLOUR.fullmatch(flags.colour):
        raise RuleBroken("status.colour", f"{quoted(flags.colour)} is not a colour: write it as #1565c0")
    if flags.dropped and (flags.accumulates_charges or flags.billed_in_runs or flags.final_bill):
        message = "a dropped customer accumulates no charges, is not billed in runs and is no Final Bill (SPEC C8)"
        raise RuleBroken("status.dropped", message)
    for field, other in (("next_status", flags.next_status), ("numbers_status", flags.numbers_status)):
        if other is not None and other != entry.code:
            book.require(STATUSES, other, f"status.{field}")


def _check_vat_rate(rate: VatRate) -> None:
    """SPEC C7, Z13: exactly one percentage is valid on a tax point from the first period on."""
    if not rate.periods:
        raise RuleBroken("vat_rate.periods", "give at least one percentage with the date from which it is valid")
    for place, period in enumerate(rate.periods):
        _check_period(rate, period, f"vat_rate.periods.{place}")
    in_order = sorted(rate.periods, key=lambda period: period.valid_from)
    for earlier, later in pairwise(in_order):
        last = day_before(later.valid_from)
        if earlier.valid_to is None or earlier.valid_to > last:
            raise RuleBroken("vat_rate.periods", f"the periods overlap: end the one before on {last}")
        if earlier.valid_to < last:
            first = next_day(earlier.valid_to)
            raise RuleBroken("vat_rate.periods", f"no percentage is valid from {first} to {last}: close the gap")
    if rate.treatment == "reverse_charge" and not rate.statement.strip():
        raise RuleBroken("vat_rate.statement", "give the words that the law asks for on a reverse charge invoice")


def _check_period(rate: VatRate, period: VatPeriod, field: str) -> None:
    if not VAT_BEGAN <= period.valid_from <= LATEST:
        raise RuleBroken(f"{field}.valid_from", f"{period.valid_from} is out of range: from {VAT_BEGAN} to {LATEST}")
    if period.valid_to is not None and period.valid_to < period.valid_from:
        raise RuleBroken(f"{field}.valid_to", f"the period from {period.valid_from} ends before it begins")
    if not 0 <= period.percent <= 100:
        raise RuleBroken(f"{field}.percent", f"{period.percent} is not a percentage from 0 to 100")
    if period.percent and rate.treatment not in _CHARGED:
        raise RuleBroken(f"{field}.percent", f"no VAT is added where the treatment is {rate.treatment}: this is 0")


def _checked_style(style: BillStyle) -> BillStyle:
    """SPEC I7: what every invoice of this brand shows, and who its emails are from."""
    for field in ("supplier_name", "brand"):
        if not getattr(style, field).strip():
            raise RuleBroken(f"bill_style.{field}", "this is printed on every invoice: fill it in")
    if not _COLOUR.fullmatch(style.colour):
        raise RuleBroken("bill_style.colour", f"{quoted(style.colour)} is not a colour: write it as #0b5fff")
    if not _CURRENCY.fullmatch(style.currency):
        raise RuleBroken("bill_style.currency", f"{quoted(style.currency)} is not a currency: write it as GBP")
    for field in ("email_from", "reply_to"):
        _check_sender(f"bill_style.{field}", getattr(style, field), needed=field == "email_from")
    vat_number = _read("bill_style.supplier_vat_number", lambda: read_vat_number(style.supplier_vat_number))
    address = _read("bill_style.supplier_address", lambda: clean_address(style.supplier_address))
    return style.model_copy(update={"supplier_vat_number": vat_number, "supplier_address": address})


def _check_sender(field: str, typed: str, *, needed: bool) -> None:
    found = _read(field, lambda: read_emails(typed))
    if len(found) > 1 or (needed and not found):
        raise RuleBroken(field, "give one email address, for example billing@brightwater.example")


def ordered(entries: Sequence[Entry], codes: Sequence[str]) -> list[Entry]:
    """SPEC C4: a list's entries with their places in another order; those that are not named come behind.

    Raises:
        RuleBroken: a code is not in the list, or is there twice.
    """
    known = {entry.code: entry for entry in entries}
    for code in codes:
        if code not in known:
            raise RuleBroken("codes", f"the list has no entry {quoted(code)}, or it is named twice")
        del known[code]
    named = {entry.code: entry for entry in entries}
    order = [*(named[code] for code in codes), *known.values()]
    return [replace(entry, position=place) for place, entry in enumerate(order, start=1)]
