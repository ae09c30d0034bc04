"""Entries of reference lists."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from contracts.base import Contract
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
from customers.api.bodies.base import Body
from customers.api.bodies.values import Name
from customers.domain.reference import LISTS, Entry
from service_kit.http import Invalid


class ReferenceEntry(Body):
    """An entry of a reference list; the field of its list says what it does, the others stay out."""

    name: Name
    retired: bool = False
    is_default: bool = False
    status: StatusFlags | None = None
    vat_rate: VatRate | None = None
    billing_cycle: BillingCycle | None = None
    payment_method: PaymentMethod | None = None
    number_type: NumberType | None = None
    bill_style: BillStyle | None = None
    call_plan: CallPlan | None = None
    standard_feature: StandardFeature | None = None
    valid_from: date | None = Field(
        default=None, description="of a standard feature's charges where they change: their first day, today if absent"
    )

    def entry(self, list_name: str, code: str) -> Entry:
        """As the domain takes it.

        Raises:
            Invalid: the list's own field is absent where it is needed, or another list's field is there.
        """
        kind = LISTS[list_name]
        own = kind[0] if kind else None
        for field in self.model_fields_set - {"name", "retired", "is_default", "valid_from"}:
            if field != own and getattr(self, field) is not None:
                raise _wrong(field, f"entries of {list_name} have no {field}: leave it out")
        attributes: Contract | None = getattr(self, own) if own else None
        if kind and attributes is None:
            attributes = _without_settings(list_name, *kind)
        return Entry(list_name, code, self.name, attributes, self.retired, self.is_default)


_MAY_BE_PLAIN: tuple[type[Contract], ...] = (CallPlan, StandardFeature, NumberType)


def _without_settings(list_name: str, field: str, kind: type[Contract]) -> Contract:
    if kind in _MAY_BE_PLAIN:
        return kind()
    raise _wrong(field, f"say what this entry of {list_name} does")


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])
