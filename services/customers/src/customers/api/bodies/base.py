"""What every body has in common, and the parameters of lists."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Limit = Annotated[Money, AfterValidator(_pounds)]
Percent = Annotated[Amount, AfterValidator(_percent)]
Charges = Annotated[tuple[StandardCharge, ...], Field(max_length=100)]


class Body(BaseModel):
    """Refuses what it does not know: a field that is spelled wrong must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        if _has_nul(sent):
            raise ValueError("a text holds the character NUL, which cannot be kept: take it out")
        return sent

    def given(self, leaving_out: Collection[str] = ()) -> dict[str, Any]:
        """The fields that were sent, as values."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in leaving_out}


class RatingFields(Body):
    """SPEC C10: tariff choices and markups. A markup is a percentage."""

    tariff: Code | None = None
    class_tariffs: dict[Code, Code] = Field(default_factory=dict, max_length=200)
    class_markups: dict[Code, Percent] = Field(default_factory=dict, max_length=200)
    fallback_markup: Percent | None = None

    def markups(self) -> Markups:
        """These choices together."""
        return Markups(**{name: getattr(self, name) for name in RATING_FIELDS})


class CustomerChange(RatingFields):
    """The details of a customer that change; null takes one away that may be absent."""

    account_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    name: Name = "-"
    company_name: Text = ""
    billing_address: BillingAddress = Address()
    contact_numbers: Texts = ()
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
    notes: str = Field(default="", max_length=20_000)

    @field_validator(*annual.FIELDS, mode="before", check_fields=False)
    @classmethod
    def _module_is_on(cls, sent: Any) -> Any:
        """SPEC C12: what is hidden cannot be sent either."""
        if not settings().annual_increases:
            raise ValueError("annual increases are switched off here (FARTHING_ANNUAL_INCREASES): leave this out")
        return sent

    def details(self) -> dict[str, Any]:
        """The fields of the domain's `Details` that were sent."""
        return self.given(leaving_out={"account_number"})


_BESIDE_DETAILS = {"account_number", "status", "status_from", "numbers", "features"}


class NewCustomer(CustomerChange):
    """A customer to be added; what is absent takes the default of its reference list, if that has one."""

    name: Name
    status: Code | None = None
    status_from: date | None = Field(default=None, description="the local date that the status history begins on")

    def opening(self) -> Opening:
        """As the domain takes it."""
        return Opening(
            details=self.given(leaving_out=_BESIDE_DETAILS),
            account_number=self.account_number,
            status=self.status,
            status_from=self.status_from,
        )


class StatusChange(Body):
    """Another status from a local date on, today unless given."""

    status: Code
    effective_from: date | None = None
    reason: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="a code of status_reasons, or words"
    )

    def period(self, today: date) -> StatusPeriod:
        """As the domain takes it."""
        return StatusPeriod(status=self.status, effective_from=self.effective_from or today, reason=self.reason)


class NewNumber(RatingFields):
    """A number to be added with its call plan; both days are included, without an end it is open."""

    number: PhoneNumber
    call_plan: Code
    start: date
    end: date | None = None
    number_type: Code | None = None
    label: Text = ""
    charges: Charges = ()
    call_plan_charge: PlanCharge | None = None

    def order(self) -> NumberOrder:
        """As the domain takes it."""
        return NumberOrder(
            number=self.number,
            call_plan=self.call_plan,
            start=self.start,
            end=self.end,
            number_type=self.number_type,
            label=self.label,
            rating=self.markups(),
            charges=self.charges,
            call_plan_charge=self.call_plan_charge,
        )


class NumberChange(RatingFields):
    """What changes of a number; `end: null` opens it again."""

    end: date | None = None
    number_type: Code = ""
    label: Text = ""


class NewFeature(Body):
    """A feature to be added. From a standard feature it takes description and charges where it has none of its own."""

    code: Code | None = None
    number_id: Id | None = None
    description: Text = ""
    start: date
    end: date | None = None
    charges: Charges | None = None

    def order(self) -> FeatureOrder:
        """As the domain takes it."""
        return FeatureOrder(**dict(self))


class ImportedFeature(NewFeature):
    """A feature of an import's row, linked to a number of the row by the number itself."""

    number_id: None = None
    number: PhoneNumber | None = None


class ImportedCustomer(NewCustomer):
    """A row of an import: a customer with its numbers and features."""

    numbers: Annotated[tuple[NewNumber, ...], Field(max_length=NUMBERS_PER_ROW)] = ()
    features: Annotated[tuple[ImportedFeature, ...], Field(max_length=NUMBERS_PER_ROW)] = ()

    def opening(self) -> Opening:
        """As the domain takes it."""
        return Opening(
            details=self.given(leaving_out=_BESIDE_DETAILS),
            account_number=self.account_number,
            status=self.status,
            status_from=self.status_from,
            numbers=tuple(number.order() for number in self.numbers),
            features=tuple(feature.order() for feature in self.features),
        )


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


Limit = Annotated[int, Field(ge=1, le=1000, description="the most items")]
After = Annotated[int, Field(ge=0, lt=2**63, description="the `next` of the page before")]


class Body(BaseModel):
    """Refuses what it does not know: a field that is spelled wrong must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        if _has_nul(sent):
            raise ValueError("a text holds the character NUL, which cannot be kept: take it out")
        return sent

    def given(self, leaving_out: Collection[str] = ()) -> dict[str, Any]:
        """The fields that were sent, as values."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in leaving_out}


def _has_nul(given: Any) -> bool:
    match given:
        case str():
            return "\0" in given
        case dict():
            return any(_has_nul(part) for pair in given.items() for part in pair)
        case list() | tuple():
            return any(_has_nul(part) for part in given)
    return False
