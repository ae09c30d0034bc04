"""Customers and their status."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator

from contracts.base import Code, Id
from contracts.customers import BillLengths, LowInvoicePolicy, Markups, PortalAccess, StatusPeriod
from customers.api.bodies.base import Body, Day, absent_is_left_alone
from customers.api.bodies.values import (
    BillingAddress,
    ContactNumbers,
    CreditLimit,
    Emails,
    Name,
    Percent,
    Plans,
    Policy,
    Portal,
    Terms,
    Text,
    TypedAddress,
    VatNumber,
)
from customers.config import settings
from customers.domain import annual
from customers.domain.customers import RATING_FIELDS
from customers.domain.opening import Opening


class RatingFields(Body):
    """SPEC C10: tariff choices and markups. A markup is a percentage."""

    tariff: Code | None = None
    class_tariffs: dict[Code, Code] = Field(default_factory=dict, max_length=200)
    class_markups: dict[Code, Percent] = Field(default_factory=dict, max_length=200)
    fallback_markup: Percent | None = None

    def markups(self) -> Markups:
        """These choices together."""
        return Markups(**{name: getattr(self, name) for name in RATING_FIELDS})


class CommonDetails(RatingFields):
    """The details that many customers have alike."""

    model_config = ConfigDict(json_schema_extra=absent_is_left_alone)

    company_name: Text = ""
    billing_address: BillingAddress = TypedAddress()
    contact_numbers: ContactNumbers = ()
    emails: Emails = ()
    payment_method: Code | None = None
    payment_terms: Terms | None = None
    vat_rate: Code | None = None
    vat_number: VatNumber = ""
    account_manager: Code | None = None
    billing_cycle: Code | None = None
    anchor_month: int | None = Field(default=None, ge=1, le=12)
    bill_style: Code | None = None
    bill_lengths: BillLengths = BillLengths()
    low_invoice: Policy = LowInvoicePolicy()
    credit_limit: CreditLimit | None = None
    discount_plans: Plans = ()
    portal_access: Portal = PortalAccess()
    annual_increase_profile: Code | None = None
    annual_increase_date: Day | None = None
    notes: str = Field(default="", max_length=20_000)

    @field_validator(*annual.FIELDS, mode="before", check_fields=False)
    @classmethod
    def _module_is_on(cls, sent: Any) -> Any:
        """SPEC C12: what is hidden cannot be sent either."""
        if not settings().annual_increases:
            raise ValueError("annual increases are switched off here (FARTHING_ANNUAL_INCREASES): leave this out")
        return sent


class CustomerChange(CommonDetails):
    """The details of a customer that change; null takes one away that may be absent."""

    account_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    name: Name = "-"

    def details(self) -> dict[str, Any]:
        """The fields of the domain's `Details` that were sent."""
        return self.given(leaving_out={"account_number"})


BESIDE_DETAILS = {"account_number", "status", "status_from", "default_set", "numbers", "features"}


class NewCustomer(CustomerChange):
    """A customer to be added; what is absent takes the default of its reference list, if that has one."""

    name: Name
    status: Code | None = None
    status_from: Day | None = Field(default=None, description="the local date that the status history begins on")

    default_set: Id | None = Field(
        default=None, description="the default value set whose values the fields that are absent take (SPEC C3)"
    )

    def opening(self) -> Opening:
        """As the domain takes it."""
        return Opening(
            details=self.given(leaving_out=BESIDE_DETAILS),
            account_number=self.account_number,
            status=self.status,
            status_from=self.status_from,
            default_set=self.default_set,
        )


class StatusChange(Body):
    """Another status from a local date on, today unless given."""

    status: Code
    effective_from: Day | None = None
    reason: Text | None = Field(default=None, description="a code of status_reasons, or words")

    def period(self, today: date) -> StatusPeriod:
        """As the domain takes it."""
        return StatusPeriod(status=self.status, effective_from=self.effective_from or today, reason=self.reason)
