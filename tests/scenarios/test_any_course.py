"""Any course at all: charges attached and changed, bills, payments, final bills, drops and reinstatements in any order.

Invoicing's own rules are led through it, with ends and continuations as customers tells them, and every bill is
compared with the reference's; what stands charged in the end covers each day of each charge once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.support.reference import steps
from tests.support.reference.course import figures, work_out
from tests.support.reference.days import last_of_month
from tests.support.reference.steps import Course

from invoicing.domain.charges import Charge, Settlement, settle
from invoicing.domain.final_bill import settle_to
from invoicing.domain.transactions import Transaction
from money.dates import day_before, next_day

OPENED = date(2024, 1, 1)
POUNDS = st.decimals("0.01", "500.00", places=2).map(str)
FORTNIGHT = st.integers(-14, 14)
Lines = list[tuple[str, str, str, Decimal]]
SETTLE = settle


@dataclass
class Held:
    """A charge as invoicing has it, with its transactions; `agreed` is its end but for an action's, `cut` that one."""

    charge: Charge
    agreed: date | None = None
    cut: date | None = None
    lines: list[Transaction] = field(default_factory=list)

    def end_on(self, day: date | None) -> None:
        """An action ends it, an earlier end stays; None takes that end away."""
        self.cut = day
        ends = [each for each in (self.agreed, day) if each is not None]
        self.charge = replace(self.charge, end=min(ends, default=None))

    def settle(self, to: date) -> list[Transaction]:
        """What is new on Unsent."""
        charged = [each for each in self.lines if each.kind != "refund"]
        standing = [each for each in charged if each.stands_to and each.first_day and each.stands_to >= each.first_day]
        settled = SETTLE(self.charge, to, standing)
        self.charge = settled.charge
        stands = dict(settled.stands)
        for at, each in enumerate(self.lines):
            self.lines[at] = replace(each, stands_to=stands.get(each.transaction_id or 0, each.stands_to))
        new = [replace(each, transaction_id=len(self.lines) + n) for n, each in enumerate(settled.transactions, 1)]
        self.lines += new
        return new

    def invoiced(self) -> None:
        """All of it is on an invoice now, at that invoice's VAT rate."""
        for at, each in enumerate(self.lines):
            if each.invoice_id is None:
                self.lines[at] = replace(each, invoice_id=1, vat_rate=each.vat_rate or "standard")


class AnyCourse(RuleBasedStateMachine):
    """Goes on day by day; every rule is a step of the course and what invoicing makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.course = Course("Anybody", f"{OPENED}", {"low_invoice": {"policy": "create"}})
        self.today, self.status, self.ended = OPENED, "active", OPENED
        self.held: dict[str, list[Held]] = {}
        self.unsent: Lines = []
        self.bills: list[Lines] = []

    @initialize(price=POUNDS)
    def first(self, price: str) -> None:
        """Everybody has a line."""
        self._attach("Line", price, OPENED, 1, True)

    @rule(price=POUNDS, days=FORTNIGHT, months=st.sampled_from([0, 1, 3, 12]), advance=st.booleans())
    @precondition(lambda self: self.status == "active")
    def attach(self, price: str, days: int, months: int, advance: bool) -> None:
        """A charge that starts some days ago, or ahead."""
        start = max(OPENED, self.today + timedelta(days), next_day(self.ended))
        self._attach(f"Charge {len(self.held)}", price, start, months, advance)

    @rule(price=POUNDS, days=FORTNIGHT)
    @precondition(lambda self: self.status == "active")
    def change(self, price: str, days: int) -> None:
        """SPEC Z5: the line's price from a day on."""
        newest = max(reversed(self.held["Line"]), key=lambda each: each.charge.start)
        first = max(next_day(newest.charge.start), self.today + timedelta(days))
        self._step(steps.Change("Line", f"{first}", price=price))
        anchor = newest.charge.anchor or newest.charge.start
        amount = Decimal(price)
        again = replace(newest.charge, amount=amount, start=first, anchor=anchor, charged_to=None, settlements=0)
        self.held["Line"].append(Held(again, newest.agreed))
        newest.agreed = day_before(first)
        newest.end_on(newest.cut)

    @rule()
    @precondition(lambda self: self.status != "dropped")
    def bill(self) -> None:
        """The bill of the month, on its last day; the next month begins."""
        end = last_of_month(self.today)
        self.today = end
        self._step(steps.Bill(f"{end}", f"{end}"))
        before = self.status
        self._settle_all(end)
        if before == "active" or self.unsent or work_out(self.course).bills[len(self.bills) :]:
            self.bills.append(sorted(self.unsent))
            self.unsent = []
            for each in self._all():
                each.invoiced()
        books = work_out(self.course)
        assert [lines for *_, lines in figures(books.bills)] == self.bills
        self.status = books.status
        self.today = next_day(end)

    @rule()
    def pay(self) -> None:
        """All that is owed."""
        self._step(steps.Pay())

    @rule(days=FORTNIGHT)
    @precondition(lambda self: self.status != "dropped")
    def final_bill(self, days: int) -> None:
        """SPEC C14, also again."""
        self._end(steps.FinalBill, "final_bill", days)

    @rule()
    @precondition(lambda self: self.status == "final_bill")
    def withdraw(self) -> None:
        """A Final Bill is taken back."""
        self._step(steps.Withdraw())
        self.status = "active"
        for each in self._all():
            each.end_on(None)

    @rule(days=FORTNIGHT)
    @precondition(lambda self: self.status == "active")
    def drop(self, days: int) -> None:
        """SPEC C15."""
        self._end(steps.Drop, "dropped", days)

    @rule(days=st.integers(1, 40))
    @precondition(lambda self: self.status == "dropped")
    def reinstate(self, days: int) -> None:
        """SPEC C16, Z8: what recurs begins again in its old periods, and what lies ahead; not what ended before."""
        dropped_on = work_out(self.course).dropped_on
        first = max(self.ended, dropped_on or self.ended) + timedelta(days)
        self._step(steps.Reinstate(f"{first}"))
        self.status, self.ended = "active", day_before(first)
        for name, charges in self.held.items():
            for each in list(charges):
                charge, start = each.charge, max(first, each.charge.start)
                was_cut = charge.end == each.cut and each.agreed != each.cut and each.cut is not None
                lies_ahead = charge.start >= first and not each.lines
                if was_cut and (each.agreed or date.max) >= start and (charge.every_months or lies_ahead):
                    anchor = charge.anchor or charge.start
                    new = replace(charge, start=start, end=each.agreed, anchor=anchor, charged_to=None, settlements=0)
                    self.held[name].append(Held(new, each.agreed))
                each.agreed, each.cut = charge.end, None

    def teardown(self) -> None:
        """What stands charged of a charge are its days, each once, from its first to the last charged."""
        for each in self._all():
            stands = [(line.first_day, line.stands_to) for line in each.lines if line.kind != "refund"]
            stretches = sorted((first, last) for first, last in stands if first and last and last >= first)
            for (_, last), (first, _) in pairwise(stretches):
                assert first == next_day(last)

    def _attach(self, name: str, price: str, start: date, months: int, advance: bool) -> None:
        self._step(steps.Charge(name, price, f"{start}", months, advance))
        charge = Charge(
            charge_id=len(self.held) + 1,
            customer_id=1,
            kind="recurring" if months else "one_off",
            description=name,
            amount=Decimal(price),
            start=start,
            every_months=months or None,
            in_advance=advance,
        )
        self.held[name] = [Held(charge)]

    def _end(self, step: type[steps.FinalBill | steps.Drop], status: str, days: int) -> None:
        on = max(next_day(self.ended), self.today + timedelta(days))
        self._step(step(f"{on}"))
        self.status, self.ended = status, on if status == "dropped" else self.ended
        for each in self._all():
            each.end_on(on)
        self._settle_all(None)

    def _settle_all(self, bill_to: date | None) -> None:
        for each in self._all():
            out = self.status != "active"
            if bill_to is None and each.charge.end is None:
                continue
            to = settle_to(each.charge, bill_to or date.min, on_the_way_out=out)
            for line in each.settle(to):
                self.unsent.append((line.kind, f"{line.first_day}", f"{line.last_day}", line.net))

    def _all(self) -> list[Held]:
        return [each for charges in self.held.values() for each in charges]

    def _step(self, step: steps.Step) -> None:
        self.course.on(f"{self.today}", step)


def _play(examples: int, length: int) -> None:
    often = settings(
        max_examples=examples,
        stateful_step_count=length,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(AnyCourse, settings=often)


def _forgetful(charge: Charge, bill_to: date, standing: Sequence[Transaction] = ()) -> Settlement:
    """Settles beyond the end."""
    return settle(replace(charge, end=None), bill_to, standing)


def test_any_course_is_billed_as_the_reference_bills_it() -> None:
    """I1, I2, C14 to C16, Z1 to Z8: each bill line by line, each day of a charge charged once."""
    _play(60, 20)


def test_a_settlement_that_forgets_an_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """STYLE, "Tests must be able to fail"."""
    _ended_in_the_middle_of_a_month()
    monkeypatch.setitem(globals(), "SETTLE", _forgetful)
    with pytest.raises(AssertionError):
        _ended_in_the_middle_of_a_month()


def _ended_in_the_middle_of_a_month() -> None:
    course = AnyCourse()
    course.first("31.00")
    course.final_bill(10)
    course.bill()


@pytest.mark.faults
def test_any_long_course_is_billed_as_the_reference_bills_it() -> None:
    """The same, longer and more often."""
    _play(1_000, 50)
