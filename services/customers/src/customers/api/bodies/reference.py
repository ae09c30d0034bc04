"""Entries of reference lists."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts.base import Code, Contract
from contracts.reference import (
    BillingCycle,
    BillStyle,
    CallPlan,
    NumberType,
    PaymentMethod,
    StandardFeature,
    StatusFlags,
    VatRate,
)
from customers.api.bodies.base import Body, Day
from customers.api.bodies.values import Name
from customers.domain.entries import MOST_ENTRIES, Edit
from customers.domain.reference import LISTS
from service_kit.http import Invalid

_OWN_FIELDS = {kind[0] for kind in LISTS.values() if kind}
ENTRY_EXAMPLES: Any = {
    "a payment method": {
        "value": {
            "name": "Standing order",
            "payment_method": {"terms": {"kind": "day_of_month", "value": 28}},
            "position": 5,
        }
    },
    "a VAT rate that changes": {
        "value": {
            "name": "Standard rate",
            "vat_rate": {
                "treatment": "standard",
                "periods": [
                    {"percent": "20", "valid_from": "2011-01-04", "valid_to": "2026-12-31"},
                    {"percent": "21", "valid_from": "2027-01-01"},
                ],
            },
        }
    },
    "an account manager": {"value": {"name": "Ann Ashdown"}},
    "another name": {"value": {"name": "Direct Debit (Bacs)"}},
}


class ReferenceEntry(Body):
    """An entry of a reference list; the field of its list says what it does, the others stay out.

    Of an entry that is there, what is absent stays as it is.
    """

    name: Name
    retired: bool | None = Field(default=None, description="absent: as it is, else false; true cannot be chosen anew")
    is_default: bool | None = Field(default=None, description="absent: as it is, else false; a list has one at most")
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="absent: as it is, else 0; lower ones are shown first, equal ones by code"
    )
    status: StatusFlags | None = None
    vat_rate: VatRate | None = None
    billing_cycle: BillingCycle | None = None
    payment_method: PaymentMethod | None = None
    number_type: NumberType | None = None
    bill_style: BillStyle | None = None
    call_plan: CallPlan | None = None
    standard_feature: StandardFeature | None = None
    valid_from: Day | None = Field(
        default=None, description="of a standard feature's charges where they change: their first day, today if absent"
    )

    def edit(self, list_name: str, code: str) -> Edit:
        """As the domain takes it. Raises Invalid: another list's field is there."""
        kind = LISTS[list_name]
        own = kind[0] if kind else None
        for field in self.model_fields_set & _OWN_FIELDS:
            if field != own and getattr(self, field) is not None:
                raise _wrong(field, f"entries of {list_name} have no {field}: leave it out")
        attributes: Contract | None = getattr(self, own) if own else None
        return Edit(list_name, code, self.name, attributes, self.retired, self.is_default, self.position)


class ListOrder(Body):
    """Codes of a list in the order in which they are to be shown; those left out come behind them."""

    codes: Annotated[list[Code], Field(max_length=MOST_ENTRIES)]


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])
