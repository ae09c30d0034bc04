"""What may be asked of the audit log (SPEC C19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from customers.domain.prices import check_day
from customers.domain.rules import RuleBroken
from money.dates import local_midnight, next_day


@dataclass(frozen=True)
class Asked:
    """All that is given must hold. Without a customer it is what belongs to none: lists, prices, default value sets.

    Attributes:
        entity: customer, number, feature, assignment; reference, price, default_set.
        entity_id: an id, or list/code of an entry.
        field: the field that changed, `created` and `removed` for whole entities.
        actor: who changed it.
        first, last: local days, both included.
        text: a part of the old or the new value as JSON, in any case.
    """

    customer_id: int | None
    entity: str | None = None
    entity_id: str | None = None
    field: str | None = None
    actor: str | None = None
    first: date | None = None
    last: date | None = None
    text: str = ""
    newest_first: bool = False

    def check(self) -> None:
        """Raises RuleBroken where the days are out of range, or end before they begin."""
        for day, field in ((self.first, "from"), (self.last, "to")):
            if day is not None:
                check_day(day, field)
        if self.first and self.last and self.last < self.first:
            raise RuleBroken("to", f"{self.last} lies before {self.first}: both days are included")

    @property
    def since(self) -> datetime | None:
        """The instant at which the first day begins."""
        return local_midnight(self.first) if self.first else None

    @property
    def until(self) -> datetime | None:
        """The instant at which the last day is over."""
        return local_midnight(next_day(self.last)) if self.last else None
