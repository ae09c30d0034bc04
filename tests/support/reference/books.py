"""What is kept of a customer's course: charges with the days that stand charged, calls, entries, bills."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from tests.support.reference.bills import NOTHING, Line, vat_of
from tests.support.reference.carrier import ACCUMULATES, ACTIVE, FINAL_BILL, Customer
from tests.support.reference.charges import Charge

BILLED = frozenset({ACTIVE, FINAL_BILL})


@dataclass(eq=False)
class Entry:
    """A transaction. `own_rate` is its VAT rate where that does not follow the customer's; `given_back` is what of a
    usage line was refunded."""

    kind: str
    name: str
    net: Decimal
    first: date | None = None
    last: date | None = None
    own_rate: str | None = None
    bill: Bill | None = None
    given_back: Decimal = NOTHING


@dataclass(eq=False)
class Bill:
    """An invoice; `rate` is the customer's VAT rate on it, which approval fixes."""

    bill_to: date
    tax_point: date
    rate: str
    entries: list[Entry] = field(default_factory=list)
    approved: bool = False

    @property
    def net(self) -> Decimal:
        """Of all lines."""
        return sum((each.net for each in self.entries), NOTHING)

    @property
    def vat(self) -> Decimal:
        """By rate entry on the net at each (SPEC Z13)."""
        lines = [Line(each.kind, each.name, each.net, each.own_rate or self.rate) for each in self.entries]
        return vat_of(lines, self.tax_point)

    @property
    def gross(self) -> Decimal:
        """What is to be paid."""
        return self.net + self.vat


@dataclass(eq=False)
class Stretch:
    """Days of a charge that stand charged, and by which entry."""

    first: date
    last: date
    entry: Entry


@dataclass(eq=False)
class Standing:
    """A charge, the end agreed for it, and what of it stands charged. `cut` is the day that an action ended it on."""

    charge: Charge
    agreed_end: date | None
    stretches: list[Stretch] = field(default_factory=list)
    cut: date | None = None

    @property
    def cancelled(self) -> bool:
        """SPEC Z6: it starts after its end."""
        return self.charge.end is not None and self.charge.end < self.charge.start

    @property
    def charged_to(self) -> date | None:
        """The last day that stands charged."""
        return max((each.last for each in self.stretches), default=None)

    def end_on(self, day: date | None) -> None:
        """An action ends it, an earlier end stays; None takes that end away."""
        self.cut = day
        ends = [each for each in (self.agreed_end, day) if each is not None]
        self.charge = replace(self.charge, end=min(ends, default=None))


@dataclass(eq=False)
class CallMade:
    """A call, and the usage line that bills it."""

    start: datetime
    seconds: int
    entry: Entry | None = None
    unbilled: bool = False

    @property
    def day(self) -> date:
        """Its local day."""
        return self.start.date()


@dataclass(eq=False)
class Books:
    """A customer's account as it must be after a course."""

    customer: Customer
    opened: date
    status: str = ACTIVE
    history: list[tuple[date, str]] = field(default_factory=list)
    number_until: date | None = None
    gaps: list[tuple[date, date]] = field(default_factory=list)
    charges: list[Standing] = field(default_factory=list)
    calls: list[CallMade] = field(default_factory=list)
    unsent: list[Entry] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    paid: Decimal = NOTHING
    final_date: date | None = None
    final_bill: Bill | None = None
    dropped_on: date | None = None
    rate: str = ""
    accumulates: set[str] = field(default_factory=lambda: set(ACCUMULATES))
    billed: set[str] = field(default_factory=lambda: set(BILLED))

    @property
    def balance(self) -> Decimal:
        """What is owed."""
        return sum((each.gross for each in self.bills if each.approved), NOTHING) - self.paid

    @property
    def held(self) -> list[date]:
        """The days of the calls that are not charged."""
        return sorted(each.day for each in self.calls if each.entry is None and not each.unbilled)

    def status_on(self, day: date) -> str:
        """SPEC C8, Z7: final bill and drop count from the day after their date; the history says."""
        begun = [status for since, status in self.history if since <= day]
        return begun[-1] if begun else self.history[0][1]
