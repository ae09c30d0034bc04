"""Customers, their numbers and features, as whole states with a version that only grows (SPEC C1 to C17)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from contracts import topics
from contracts.base import Amount, Code, Contract, CustomerEvent, Event, Id, Instant, Money


class Address(Contract):
    """A postal address; the lines in the order they are printed."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    country: str = Field(default="GB", pattern=r"^[A-Z]{2}$")


class PaymentTerms(Contract):
    """SPEC C6: when an invoice is due.

    `days_after`: that many days after the invoice date. `day_of_month`: the next such day, 1 to 31.
    `days_before_month_end`: the next such day counted from the month's end, -1 (the last day) to -28.
    """

    kind: Literal["days_after", "day_of_month", "days_before_month_end"]
    value: int


class BillLengths(Contract):
    """SPEC I8: the length of the bill for each use."""

    email: Literal["short", "long", "full"] = "long"
    portal: Literal["short", "long", "full"] = "long"
    print: Literal["short", "long", "full"] = "long"


class LowInvoicePolicy(Contract):
    """SPEC I5, Z12: what happens to an invoice whose net is under the threshold."""

    policy: Literal["create", "roll_forward", "low_usage_charge"] = "roll_forward"
    threshold: Money = Field(default=Decimal("0.00"))
    charge: Money = Field(default=Decimal("0.00"))


class StatusPeriod(Contract):
    """SPEC C8: the status that a customer has from a local date on, until the next entry."""

    status: Code
    effective_from: date
    reason: str | None = None


class Charge(Contract):
    """SPEC C9, I1, I2: a one-off or recurring charge.

    `amount` is net of VAT in pounds, for one unit; a recurring charge asks for it every `frequency_months`. Its
    periods are counted from the month of `anchor`, which is `start` unless the charge continues an earlier one.
    `end` empty means open. `vat_rate` empty means the customer's.
    """

    charge_id: Id
    kind: Literal["one_off", "recurring"]
    description: str
    amount: Amount
    quantity: Amount = Field(default=Decimal("1"))
    frequency_months: int | None = Field(default=None, ge=1, le=120)
    in_advance: bool = True
    vat_rate: Code | None = None
    start: date
    end: date | None = None
    anchor: date | None = None


class Markups(Contract):
    """SPEC C10, R5: tariff choice and markups; percentages on the best cost there is."""

    tariff: Code | None = None
    class_tariffs: dict[str, str] = Field(default_factory=dict)
    class_markups: dict[str, Amount] = Field(default_factory=dict)
    fallback_markup: Amount | None = None


class PlanPeriod(Contract):
    """SPEC R7: a discount plan that a customer, a number or a feature has, from a local date on; `end` empty is open.

    A feature fills the plan's pools `quantity` times (so many minutes a seat).
    """

    plan: Code
    start: date
    end: date | None = None
    quantity: int = Field(default=1, ge=1, le=1_000_000)


class PortalAccess(Contract):
    """SPEC C11: what a customer's portal shows; nothing at all means that it is closed to the customer."""

    reports: tuple[Code, ...] = Field(default=(), description="names of reports")
    bills: bool = Field(default=False, description="bills may be downloaded")
    payments: bool = Field(default=False, description="payments can be seen")


class CustomerState(CustomerEvent):
    """Everything that the other services need to know of a customer."""

    topic: ClassVar[str] = topics.CUSTOMERS

    version: int = Field(ge=1)
    account_number: str
    name: str
    company_name: str = ""
    billing_address: Address = Address()
    contact_numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    payment_method: Code | None = None
    payment_terms: PaymentTerms | None = None
    vat_rate: Code | None = None
    vat_number: str = ""
    account_manager: Code | None = None
    billing_cycle: Code | None = None
    anchor_month: int | None = Field(default=None, ge=1, le=12)
    bill_style: Code | None = None
    bill_lengths: BillLengths = BillLengths()
    low_invoice: LowInvoicePolicy = LowInvoicePolicy()
    credit_limit: Money | None = None
    rating: Markups = Markups()
    discount_plans: tuple[PlanPeriod, ...] = ()
    portal_access: PortalAccess = PortalAccess()
    annual_increase_profile: Code | None = None
    annual_increase_date: date | None = Field(default=None, description="the reference date of the profile (SPEC C12)")
    status: Code
    status_history: tuple[StatusPeriod, ...]
    missing: tuple[str, ...] = Field(default=(), description="what is still missing for a first invoice (SPEC C1)")
    final_bill_date: date | None = Field(default=None, description="the last day charged, while on Final Bill or after")
    final_bill_id: Id | None = Field(default=None, description="which Final Bill; the same when it is repeated")
    drop_date: date | None = Field(default=None, description="the last day charged, while dropped")
    dropped_by_run: Id | None = Field(default=None, description="the billing run that found it settled (SPEC C14)")
    reinstate_date: date | None = None
    deletion_due: date | None = Field(default=None, description="marked: erased on this day (SPEC C17)")

    def key(self) -> str:
        return f"{self.customer_id}/customer/{self.customer_id}"


class CustomerCreated(CustomerState):
    """A customer was added."""

    event_type: ClassVar[str] = "customer.created"


class CustomerUpdated(CustomerState):
    """Details of a customer changed."""

    event_type: ClassVar[str] = "customer.updated"


class CustomerStatusChanged(CustomerState):
    """The status of a customer changed, now or from a stated date (SPEC C8)."""

    event_type: ClassVar[str] = "customer.status_changed"


class CustomerFinalBilled(CustomerState):
    """The Final Bill action was taken, repeated or withdrawn (SPEC C14)."""

    event_type: ClassVar[str] = "customer.final_billed"


class CustomerDropped(CustomerState):
    """The customer was dropped (SPEC C14, C15)."""

    event_type: ClassVar[str] = "customer.dropped"


class CustomerReinstated(CustomerState):
    """The customer was reinstated (SPEC C16)."""

    event_type: ClassVar[str] = "customer.reinstated"


class CustomerDeletionRequested(CustomerState):
    """The customer is marked for erasure in 30 days (SPEC C17)."""

    event_type: ClassVar[str] = "customer.deletion_requested"


class CustomerDeletionCancelled(CustomerState):
    """The mark for erasure was taken back (SPEC C17)."""

    event_type: ClassVar[str] = "customer.deletion_cancelled"


class CustomerErased(CustomerEvent):
    """All data of the customer is to be erased; each service confirms (SPEC C17)."""

    event_type: ClassVar[str] = "customer.erased"
    topic: ClassVar[str] = topics.CUSTOMERS

    version: int = Field(ge=1)
    erased_at: Instant

    def key(self) -> str:
        return f"{self.customer_id}/customer/{self.customer_id}"


class NumberState(CustomerEvent):
    """A number on a customer's account, with its own charges and rating choices (SPEC C9)."""

    topic: ClassVar[str] = topics.CUSTOMERS

    number_id: Id
    version: int = Field(ge=1)
    number: str = Field(description="E.164 with the plus sign where it has that form", examples=["+442079460123"])
    number_type: Code
    label: str = ""
    start: date
    end: date | None = None
    rating: Markups = Markups()
    discount_plans: tuple[PlanPeriod, ...] = ()
    charges: tuple[Charge, ...] = ()

    def key(self) -> str:
        return f"{self.customer_id}/number/{self.number_id}"


class NumberCreated(NumberState):
    """A number was added to a customer."""

    event_type: ClassVar[str] = "number.created"


class NumberUpdated(NumberState):
    """A number changed."""

    event_type: ClassVar[str] = "number.updated"


class NumberRemoved(NumberState):
    """A number was taken away, as if it had never been there."""

    event_type: ClassVar[str] = "number.removed"


class AssignmentState(CustomerEvent):
    """Who holds a number when: the active period of its call plan, inclusive local dates (SPEC R3)."""

    topic: ClassVar[str] = topics.CUSTOMERS

    assignment_id: Id
    version: int = Field(ge=1)
    number_id: Id
    number: str = Field(examples=["+442079460123"])
    call_plan: Code
    start: date
    end: date | None = None

    def key(self) -> str:
        return f"{self.customer_id}/assignment/{self.assignment_id}"


class AssignmentCreated(AssignmentState):
    """A number got a call plan, and may receive usage in its period."""

    event_type: ClassVar[str] = "assignment.created"


class AssignmentUpdated(AssignmentState):
    """The period of an assignment changed."""

    event_type: ClassVar[str] = "assignment.updated"


class AssignmentRemoved(AssignmentState):
    """An assignment was taken away, as if it had never been there."""

    event_type: ClassVar[str] = "assignment.removed"


class FeatureState(CustomerEvent):
    """A feature of a customer, or of one of its numbers; a call plan is one (SPEC C9)."""

    topic: ClassVar[str] = topics.CUSTOMERS

    feature_id: Id
    version: int = Field(ge=1)
    number_id: Id | None = None
    kind: Literal["feature", "call_plan"] = "feature"
    code: Code | None = Field(default=None, description="the standard feature or call plan that it was made from")
    description: str
    start: date
    end: date | None = None
    discount_plans: tuple[PlanPeriod, ...] = ()
    charges: tuple[Charge, ...] = ()

    def key(self) -> str:
        return f"{self.customer_id}/feature/{self.feature_id}"


class FeatureCreated(FeatureState):
    """A feature was added."""

    event_type: ClassVar[str] = "feature.created"


class FeatureUpdated(FeatureState):
    """A feature changed."""

    event_type: ClassVar[str] = "feature.updated"


class FeatureRemoved(FeatureState):
    """A feature was taken away, as if it had never been there."""

    event_type: ClassVar[str] = "feature.removed"


class RunMarker(Event):
    """The cut of a billing run on one partition: whoever has the run's marker from every partition of `customers`
    and `reference` has every change that was committed before the run was requested."""

    event_type: ClassVar[str] = "run.marker"
    topic: ClassVar[str] = topics.CUSTOMERS

    run_id: Id
    marked_topic: Literal["customers", "reference"]
    partition: int = Field(ge=0)
    partitions: int = Field(ge=1)

    def key(self) -> str:
        return f"run/{self.run_id}/{self.partition}"


class ReferenceRunMarker(RunMarker):
    """The same marker, on a partition of `reference`."""

    event_type: ClassVar[str] = "reference.run.marker"
    topic: ClassVar[str] = topics.REFERENCE
