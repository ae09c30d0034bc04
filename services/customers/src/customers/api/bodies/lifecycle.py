"""What may be sent to take an action on a customer (SPEC C14 to C17)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from contracts.base import Code
from customers.api.bodies.base import Body, Day
from customers.api.bodies.values import Text
from customers.domain.dropping import DropOrder
from customers.domain.final_bill import FinalBillOrder
from customers.domain.reinstating import ReinstateOrder, Reopen

FINAL_BILL_EXAMPLES: Any = {
    "at the end of the month": {
        "value": {"final_bill_date": "2026-02-28", "notice_date": "2026-02-02", "reason": "moved to another provider"}
    },
    "only looked at": {"value": {"final_bill_date": "2026-02-28", "dry_run": True}},
}
DROP_EXAMPLES: Any = {
    "from the next day on": {"value": {"drop_date": "2026-02-02", "reason": "ceased trading"}},
    "its calls are ignored": {
        "value": {"drop_date": "2026-02-02", "notice_date": "2026-01-20", "ignore_traffic_type": "ignore_traffic"}
    },
}
REINSTATE_EXAMPLES: Any = {
    "with all that the drop ended": {"value": {"reinstate_date": "2026-03-01", "reason": "paid"}},
    "with what ended on a day": {"value": {"reinstate_date": "2026-03-01", "reopen_dropped_on": "2026-01-31"}},
    "without numbers and features": {"value": {"reinstate_date": "2026-03-01", "reopen_dropped_on": None}},
}
_DRY_RUN = Field(default=False, description="only say what would end, be cancelled or open again")
_STATUS = Field(default=None, description="needed only where several statuses do what the action gives")
_REASON = Field(default=None, description="a code of status_reasons, or words")


class FinalBillAction(Body):
    """SPEC C14: the last day charged, and why."""

    final_bill_date: Day
    notice_date: Day | None = Field(default=None, description="when notice was given")
    reason: Text | None = _REASON
    status: Code | None = _STATUS
    dry_run: bool = _DRY_RUN

    def order(self) -> FinalBillOrder:
        """As the domain takes it."""
        return FinalBillOrder(self.final_bill_date, self.notice_date, self.reason, self.status)


class DropAction(Body):
    """SPEC C15: the last day charged, and why."""

    drop_date: Day
    notice_date: Day | None = Field(default=None, description="when notice was given")
    reason: Text | None = _REASON
    ignore_traffic_type: Code | None = Field(
        default=None, description="a number type that ignores traffic: all numbers of the customer take it"
    )
    status: Code | None = _STATUS
    dry_run: bool = _DRY_RUN

    def order(self) -> DropOrder:
        """As the domain takes it."""
        return DropOrder(self.drop_date, self.notice_date, self.reason, self.ignore_traffic_type, self.status)


class ReinstateAction(Body):
    """SPEC C16: the first day charged again, and what is open again."""

    reinstate_date: Day
    reason: Text | None = _REASON
    reopen_dropped_on: Day | None = Field(
        default=None,
        description="only numbers and features that Final Bill or Drop ended on this day are open again, none where it "
        "is null; all that they ended where it is left out",
    )
    status: Code | None = Field(default=None, description="the default of the list of statuses unless given")
    dry_run: bool = _DRY_RUN

    def order(self) -> ReinstateOrder:
        """As the domain takes it."""
        asked = "reopen_dropped_on" in self.model_fields_set
        reopen: Reopen = (self.reopen_dropped_on or "none") if asked else "all"
        return ReinstateOrder(self.reinstate_date, self.reason, reopen, self.status)


class DeletionAction(Body):
    """SPEC C17: why a customer is to be erased."""

    reason: Text | None = _REASON
