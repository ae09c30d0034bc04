"""Entries of the reference lists, tariff headers and discount plans (SPEC C4, R10, R7)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from contracts import topics
from contracts.base import Amount, Code, Contract, Event, Money
from contracts.customers import Address, PaymentTerms

VatTreatment = Literal["standard", "reduced", "zero", "exempt", "outside_scope", "reverse_charge"]


class StatusFlags(Contract):
    """SPEC C8: what a status does."""

    accumulates_charges: bool
    billed_in_runs: bool
    final_bill: bool = False
    dropped: bool = False
    colour: str = "#2e7d32"
    portal_sign_in: bool = True
    next_status: Code | None = None
    numbers_status: Code | None = None


class VatPeriod(Contract):
    """The percentage of a VAT rate, valid on the tax points between two dates, both included."""

    percent: Amount
    valid_from: date
    valid_to: date | None = None


class VatRate(Contract):
    """SPEC C7: how a VAT rate is treated and what it comes to."""

    treatment: VatTreatment
    periods: tuple[VatPeriod, ...]
    statement: str = Field(default="", description="the words that the law asks for on the invoice")


class BillingCycle(Contract):
    """SPEC C5: bills every so many months from the customer's anchor month; None is by hand only."""

    every_months: int | None = Field(default=None, ge=1, le=12)


class PaymentMethod(Contract):
    """A way to pay, with its default terms (SPEC C4, C6)."""

    terms: PaymentTerms


class NumberType(Contract):
    """A type of number; its traffic may be ignored (SPEC C15, R3)."""

    ignore_traffic: bool = False


class BillStyle(Contract):
    """A brand: who supplies, and how its bills and emails look (SPEC I7, I8)."""

    supplier_name: str
    supplier_address: Address
    supplier_vat_number: str
    brand: str
    colour: str = "#0b5fff"
    email_from: str
    reply_to: str = ""
    footer: str = ""
    currency: str = "GBP"


class PlanCharge(Contract):
    """The recurring charge of a call plan, net of VAT in pounds (SPEC C9). `vat_rate` empty means the customer's."""

    amount: Amount
    frequency_months: int = Field(default=1, ge=1, le=120)
    in_advance: bool = True
    description: str = Field(default="", description="empty means the plan's name")
    vat_rate: Code | None = None


class CallPlan(Contract):
    """A standard call plan: what a number is given when it is added; it may carry a recurring charge."""

    charge: PlanCharge | None = None


class StandardCharge(Contract):
    """A charge on the price list; as a customer's charge, without its dates (SPEC C9)."""

    kind: Literal["one_off", "recurring"]
    description: str
    amount: Amount
    quantity: Amount = Field(default=Decimal("1"))
    frequency_months: int | None = Field(default=None, ge=1, le=120)
    in_advance: bool = True
    vat_rate: Code | None = None


class StandardFeature(Contract):
    """An entry of the price list that a feature can be made from (SPEC C9)."""

    charges: tuple[StandardCharge, ...] = ()


class ReferenceUpdated(Event):
    """An entry of a reference list as it is now. The field named like its list's kind carries what it does."""

    event_type: ClassVar[str] = "reference.updated"
    topic: ClassVar[str] = topics.REFERENCE

    list: str = Field(examples=["vat_rates"])
    code: Code
    version: int = Field(ge=1)
    name: str
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

    def key(self) -> str:
        return f"{self.list}/{self.code}"


class TariffUpdated(Event):
    """A tariff's header; its rates are read from rating's API, for a deck is longer than a message."""

    event_type: ClassVar[str] = "tariff.updated"
    topic: ClassVar[str] = topics.REFERENCE

    code: Code
    version: int = Field(ge=1)
    name: str
    currency: str = "GBP"
    parent: Code | None = None
    valid_from: date | None = None
    effective_from: date | None = Field(default=None, description="of the rates that came with this change")
    calendar: Code | None = None
    rounding_places: int = Field(default=4, ge=0, le=6)
    retired: bool = False
    is_default: bool = False

    def key(self) -> str:
        return f"tariffs/{self.code}"


class DiscountPool(Contract):
    """What is included each month, for which classes and bands (SPEC R7); empty lists stand for all.

    `beyond_price` is the price in pounds of a minute, message or megabyte beyond it, where it is not the tariff's.
    """

    name: str = ""
    unit: Literal["minutes", "calls", "megabytes", "cash"]
    quantity: Amount
    call_classes: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    shared: bool = True
    beyond_price: Amount | None = None


class DiscountPlanUpdated(Event):
    """A discount plan as it is now (SPEC R7).

    `monthly_cap` is what the plan is worth at most in a month, without VAT: with it reached the pools are used up too.
    `prorated`: for part of a month there is the part of the pools that its days are of the month's.
    """

    event_type: ClassVar[str] = "discount_plan.updated"
    topic: ClassVar[str] = topics.REFERENCE

    code: Code
    version: int = Field(ge=1)
    name: str
    pools: tuple[DiscountPool, ...] = ()
    monthly_cap: Money | None = None
    prorated: bool = False
    retired: bool = False

    def key(self) -> str:
        return f"discount_plans/{self.code}"
