"""The course of one customer from month to month, worked out slowly (SPEC C7, C14 to C16, I1 to I5, Z1 to Z13).

    books = work_out(course)        what the platform must have when it has played the course

A course is `steps.Course`: plain data. Of what changes a draft, Final Bill, Drop and the VAT rate are worked out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from tests.support.reference import steps
from tests.support.reference.bills import NOTHING, is_low
from tests.support.reference.books import Bill, Books, CallMade, Entry, Standing, Stretch
from tests.support.reference.carrier import ACTIVE, DROPPED, FINAL_BILL, read_customer
from tests.support.reference.charges import Charge, exact_price, settled_to
from tests.support.reference.days import ONE_DAY, band_of
from tests.support.reference.pricing import pence
from tests.support.reference.steps import PRICE_A_SECOND, Course, Step

MADE_BY_BILLS = ("usage", "low_usage_charge")
"""Kinds of entries that a bill makes anew."""


def work_out(course: Course, statuses: Mapping[str, Mapping[str, bool]] | None = None) -> Books:
    """Everything that happens, in order: on each day the bills come last.

    Args:
        statuses: the flags of those that were added to the usual ones (SPEC C8).
    """
    books = Books(read_customer({"account_number": course.name, **course.fields}), _day(course.opened))
    for status, flags in (statuses or {}).items():
        books.accumulates |= {status} if flags["accumulates_charges"] else set()
        books.billed |= {status} if flags["billed_in_runs"] else set()
    books.history.append((books.opened, ACTIVE))
    books.rate = books.customer.vat_rate
    for day in sorted(course.days):
        happens = course.days[day]
        for step in happens:
            if not isinstance(step, (steps.Bill, steps.Approve)):
                _do(books, step, day)
        if steps.Approve() in happens:
            _approve(books)
        for step in happens:
            if isinstance(step, steps.Bill):
                _bill(books, step)
    return books


def _do(books: Books, step: Step, day: date) -> None:
    match step:
        case steps.Call(start, seconds):
            books.calls.append(CallMade(datetime.fromisoformat(start), seconds))
        case steps.Pay(amount):
            books.paid += books.balance if amount is None else Decimal(amount)
        case steps.VatRate(rate):
            books.rate = rate
            for bill in books.bills:
                bill.rate = bill.rate if bill.approved else rate
        case steps.Charge() | steps.Change() | steps.Cease():
            _agree(books, step)
        case _:
            _act(books, step, day)
    _guide(books)


def _agree(books: Books, step: steps.Charge | steps.Change | steps.Cease) -> None:
    match step:
        case steps.Charge():
            books.charges.append(_standing(step))
        case steps.Change():
            _change(books, step)
        case steps.Cease(name, end):
            for each in books.charges:
                if each.charge.description == name:
                    each.agreed_end = min(each.agreed_end or date.max, _day(end))
                    each.end_on(each.cut)


def _act(books: Books, step: Step, day: date) -> None:
    match step:
        case steps.Status(status, effective_from):
            books.status = status
            books.history.append((_day(effective_from) if effective_from else day, status))
        case steps.FinalBill(on):
            _end(books, _day(on), FINAL_BILL)
        case steps.Drop(on):
            _end(books, _day(on), DROPPED)
        case steps.Withdraw():
            _withdraw(books)
        case steps.Reinstate(on):
            _reinstate(books, _day(on))
        case _:
            raise ValueError(f"not worked out: {step}")


def _standing(step: steps.Charge) -> Standing:
    end = _day(step.end) if step.end else None
    charge = Charge(
        step.name,
        Fraction(step.price),
        Fraction(step.quantity),
        _day(step.start),
        end,
        step.months or None,
        step.advance,
        step.vat_rate,
    )
    return Standing(charge, end)


def _change(books: Books, step: steps.Change) -> None:
    """SPEC Z5: as if the charge ended the day before and another began, in the same periods."""
    first = _day(step.first_day)
    theirs = [each for each in books.charges if each.charge.description == step.name]
    old = max(reversed(theirs), key=lambda each: each.charge.start)  # of equals the one that goes on
    price = Fraction(step.price) if step.price else old.charge.price
    quantity = Fraction(step.quantity) if step.quantity else old.charge.quantity
    anchor = old.charge.counted_from
    charge = replace(old.charge, price=price, quantity=quantity, start=first, anchor=anchor)
    books.charges.append(Standing(charge, old.agreed_end))
    old.agreed_end = first - ONE_DAY
    old.end_on(old.cut)


def _end(books: Books, day: date, status: str) -> None:
    """SPEC C14, C15, Z4, Z7: everything ends, and is settled at once; a drop keeps an earlier final bill's end."""
    books.history = [each for each in books.history if each[1] not in (FINAL_BILL, DROPPED)]
    books.history.append((day + ONE_DAY, status))
    books.status = status
    if status == FINAL_BILL:
        books.final_date = books.number_until = day
    else:
        books.dropped_on, books.number_until = day, min(day, books.number_until or day)
    for each in books.charges:
        each.end_on(books.number_until)
        _settle(books, each, None)
    for draft in [each for each in books.bills if not each.approved]:
        _make_again(books, draft)


def _make_again(books: Books, draft: Bill) -> None:
    """SPEC C14, C15: a draft is made again from what its customer is now, or goes."""
    books.bills.remove(draft)
    stay = [each for each in draft.entries if each.kind not in MADE_BY_BILLS]
    books.unsent = [*stay, *books.unsent]
    for call in books.calls:
        if call.entry in draft.entries:
            call.entry, call.unbilled = None, _belongs(books, call.day)
    books.final_bill = None if books.final_bill is draft else books.final_bill
    _bill(books, steps.Bill(f"{draft.bill_to}", f"{draft.tax_point}", approve=False))


def _withdraw(books: Books) -> None:
    books.history = [each for each in books.history if each[1] != FINAL_BILL]
    books.status, books.number_until, books.final_date, books.final_bill = books.history[-1][1], None, None, None
    for each in books.charges:
        each.end_on(None)


def _reinstate(books: Books, first: date) -> None:
    """SPEC C16, Z8: what the drop ended begins again on that day, in its old periods; one-offs only ahead."""
    dropped_on = books.dropped_on
    assert dropped_on is not None
    ended_on = books.number_until
    assert ended_on is not None
    books.history.append((first, ACTIVE))
    books.status, books.dropped_on, books.final_date, books.final_bill = ACTIVE, None, None, None
    if first > ended_on + ONE_DAY:
        books.gaps.append((ended_on + ONE_DAY, first - ONE_DAY))
    books.number_until = None
    for each in [each for each in books.charges if each.cut is not None]:
        was_cut = each.charge.end == each.cut and each.agreed_end != each.cut
        start = max(first, each.charge.start)
        stays_ended = each.agreed_end is not None and each.agreed_end < start
        lies_ahead = each.charge.start >= first and not each.stretches
        if was_cut and not stays_ended and (each.charge.months or lies_ahead):
            again = replace(each.charge, start=start, end=each.agreed_end, anchor=each.charge.counted_from)
            books.charges.append(Standing(again, each.agreed_end))
        each.agreed_end, each.cut = each.charge.end, None


def _guide(books: Books) -> None:
    """SPEC R3, Z7, Z9: which calls are charged now, and what is given back of those that are billed."""
    back: dict[int, list[CallMade]] = defaultdict(list)
    for call in books.calls:
        theirs = _belongs(books, call.day)
        if call.entry is not None and not theirs:
            back[id(call.entry)].append(call)
        elif call.entry is None:
            call.unbilled = theirs and (call.unbilled or books.status != DROPPED)
    for calls in back.values():
        _give_back(books, calls)


def _belongs(books: Books, day: date) -> bool:
    if day < books.opened or (books.number_until is not None and day > books.number_until):
        return False
    if any(first <= day <= last for first, last in books.gaps):
        return False
    return books.status_on(day) in books.accumulates


def _give_back(books: Books, calls: list[CallMade]) -> None:
    """SPEC Z9: one refund for a usage line, at the VAT rate it was billed at, never more than it."""
    entry = calls[0].entry
    assert entry is not None
    assert entry.bill is not None
    net = min(pence(sum(map(_cost, calls), Fraction(0))), entry.net - entry.given_back)
    entry.given_back += net
    for call in calls:
        call.entry = None
    if net:
        books.unsent.append(Entry("refund", entry.name, -net, own_rate=entry.own_rate or entry.bill.rate))


def _cost(call: CallMade) -> Fraction:
    return Fraction(PRICE_A_SECOND) * call.seconds


def _settle(books: Books, standing: Standing, bill_to: date | None) -> None:
    """SPEC I2, Z4: the difference between what should stand charged and what does; without a day, to its end."""
    charge, charged_to = standing.charge, standing.charged_to
    if standing.cancelled or (charged_to and charge.end and charged_to > charge.end):
        _refund(books, standing)
        return
    day = max(bill_to or date.min, charge.end or date.min) if books.status in (FINAL_BILL, DROPPED) else bill_to
    if day is None or day == date.min:
        return
    if charge.months is None:
        if charged_to is None and charge.start <= day:
            _charge(books, standing, charge.start, charge.start, pence(charge.price * charge.quantity))
        return
    last = settled_to(charge, day)
    first = charge.start if charged_to is None else max(charge.start, charged_to + ONE_DAY)
    if last is not None and last >= first:
        _charge(books, standing, first, last, pence(exact_price(charge, first, last)))


def _charge(books: Books, standing: Standing, first: date, last: date, net: Decimal) -> None:
    kind = "recurring" if standing.charge.months else "one_off"
    entry = Entry(kind, standing.charge.description, net, first, last, standing.charge.vat_rate)
    standing.stretches.append(Stretch(first, last, entry))
    books.unsent.append(entry)


def _refund(books: Books, standing: Standing) -> None:
    """SPEC Z1, Z5, Z13: the days beyond the end, one refund for each VAT rate they were charged at, rounded once."""
    end = standing.charge.end
    parts: dict[str | None, list[tuple[date, Stretch]]] = defaultdict(list)
    for each in standing.stretches:
        first = each.first if standing.cancelled or end is None else max(each.first, end + ONE_DAY)
        if first <= each.last:
            bill = each.entry.bill
            parts[each.entry.own_rate or (bill.rate if bill else None)].append((first, each))
    for rate, stretches in parts.items():
        exact = sum((_price_of(standing.charge, first, each) for first, each in stretches), Fraction(0))
        days = min(first for first, _ in stretches), max(each.last for _, each in stretches)
        books.unsent.append(Entry("refund", standing.charge.description, -pence(exact), *days, rate))
        for first, each in stretches:
            each.last = first - ONE_DAY
    standing.stretches = [each for each in standing.stretches if each.first <= each.last]


def _price_of(charge: Charge, first: date, stretch: Stretch) -> Fraction:
    if charge.months is None:
        return Fraction(stretch.entry.net)
    return exact_price(charge, first, stretch.last)


def _bill(books: Books, step: steps.Bill) -> None:
    """SPEC C14, I5: what the run does with the customer."""
    bill_to = _day(step.bill_to)
    if books.status not in books.billed:
        return
    for standing in books.charges:
        _settle(books, standing, bill_to)
    usage = _usage(books, bill_to)
    entries = [*books.unsent, *(entry for entry, _ in usage)]
    if books.status == FINAL_BILL and books.final_bill is not None and not entries and books.balance == 0:
        if books.final_date is not None and bill_to >= books.final_date:
            _drop_settled(books, bill_to)
        return
    net = sum((each.net for each in entries), NOTHING)
    if books.status != FINAL_BILL and is_low(books.customer, net):
        low = books.customer.low
        if low.policy == "roll_forward":
            return
        if low.policy == "low_usage_charge" and net >= 0:
            entries.append(Entry("low_usage_charge", "Low usage charge", low.charge))
    _make(books, step, entries, usage)


def _make(books: Books, step: steps.Bill, entries: list[Entry], usage: list[tuple[Entry, list[CallMade]]]) -> None:
    bill = Bill(_day(step.bill_to), _day(step.invoice_date), books.rate, entries, step.approve)
    books.bills.append(bill)
    books.unsent = []
    for entry in entries:
        entry.bill = bill
    for entry, calls in usage:
        for call in calls:
            call.entry, call.unbilled = entry, False
    if books.status == FINAL_BILL and books.final_bill is None:
        books.final_bill = bill


def _usage(books: Books, bill_to: date) -> list[tuple[Entry, list[CallMade]]]:
    """SPEC Z2, Z3: a line for each band."""
    by_band: dict[str, list[CallMade]] = defaultdict(list)
    for call in books.calls:
        if call.unbilled and call.day <= bill_to:
            by_band[band_of(call.start)].append(call)
    return [(_usage_line(band, calls), calls) for band, calls in by_band.items()]


def _usage_line(band: str, calls: Iterable[CallMade]) -> Entry:
    return Entry("usage", band, pence(sum(map(_cost, calls), Fraction(0))))


def _drop_settled(books: Books, bill_to: date) -> None:
    """SPEC C14: settled; from now on no usage is allocated, nor is what was not billed yet."""
    books.status, books.dropped_on = DROPPED, bill_to
    books.history.append((bill_to + ONE_DAY, DROPPED))
    for call in books.calls:
        call.unbilled = False


def _approve(books: Books) -> None:
    for bill in books.bills:
        bill.approved = True


def _day(text: str) -> date:
    return date.fromisoformat(text)


def figures(bills: Iterable[Bill]) -> list[tuple[Decimal, Decimal, Decimal, list[tuple[str, str, str, Decimal]]]]:
    """For each bill net, VAT, gross and its lines: kind, first and last day, net; to compare with."""
    return [(bill.net, bill.vat, bill.gross, sorted(map(_figures, bill.entries))) for bill in bills]


def _figures(entry: Entry) -> tuple[str, str, str, Decimal]:
    return entry.kind, f"{entry.first or ''}", f"{entry.last or ''}", entry.net
