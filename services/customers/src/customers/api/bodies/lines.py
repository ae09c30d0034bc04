"""What may be sent about numbers, features and charges that are there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from contracts.base import Amount, Code, Id
from contracts.customers import PlanPeriod
from contracts.reference import PlanCharge, StandardCharge
from customers.api.bodies.base import Body, Day, absent_is_left_alone
from customers.api.bodies.customers import RatingFields
from customers.api.bodies.values import PhoneNumber, Text
from customers.domain.lines import PlanOrder
from customers.domain.moving import MoveOrder
from customers.service.charges import ChargeOrder

DiscountPlans = Annotated[tuple[PlanPeriod, ...], Field(max_length=100)]
Ids = Annotated[list[Id], Field(max_length=500)]
AllOrNone = Literal["all", "none"]


def _choice(sent: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(sent)
    except ValidationError:
        raise ValueError('give "all", "none" or a list of at most 500 ids') from None


Choice = Annotated[AllOrNone | Ids, WrapValidator(_choice)]

NUMBER_EXAMPLES: Any = {
    "another type": {"value": {"number_type": "sip", "label": "Reception"}},
    "its own tariff": {"value": {"tariff": "uk-home", "class_markups": {"mobile": "12.5"}}},
    "the customer's tariff again": {"value": {"tariff": None, "class_tariffs": {}, "class_markups": {}}},
    "open again": {"value": {"end": None, "with_features": True}},
    "a discount plan": {"value": {"discount_plans": [{"plan": "mobile-500", "start": "2025-04-01"}]}},
}
MOVE_EXAMPLES: Any = {
    "with everything": {"value": {"customer_id": 1002, "on": "2025-04-01", "keep": "all", "features": "all"}},
    "with one charge and another call plan": {
        "value": {"customer_id": 1002, "on": "2025-04-01", "keep": [5012], "features": [], "call_plan": "standard"}
    },
}
PLAN_EXAMPLES: Any = {
    "from April": {"value": {"call_plan": "standard", "start": "2025-04-01"}},
    "for a while, at an agreed price": {
        "value": {"call_plan": "standard", "start": "2025-04-01", "end": "2025-06-30", "charge": {"amount": "4.50"}}
    },
}
CHARGE_EXAMPLES: Any = {
    "every month": {
        "value": {
            "kind": "recurring",
            "description": "Voicemail",
            "amount": "1.50",
            "frequency_months": 1,
            "start": "2025-04-01",
        }
    },
    "once, without VAT": {
        "value": {"kind": "one_off", "description": "Connection", "amount": "25.00", "vat_rate": "zero"}
    },
}
CHARGE_CHANGE_EXAMPLES: Any = {
    "another price from a day": {"value": {"amount": "1.75", "from": "2025-04-01"}},
    "other words on the bill": {"value": {"description": "Voicemail to email"}},
    "an end": {"value": {"end": "2025-12-31"}},
}
FEATURE_EXAMPLES: Any = {
    "an end": {"value": {"end": "2025-06-30"}},
    "linked to a number": {"value": {"number_id": 5001}},
    "more minutes": {"value": {"discount_plans": [{"plan": "seats", "start": "2025-04-01", "quantity": 12}]}},
}


class NumberChange(RatingFields):
    """What changes of a number. `end: null` opens it again; `null` or `{}` takes a rating choice away."""

    model_config = ConfigDict(json_schema_extra=absent_is_left_alone)

    end: Day | None = None
    number_type: Code = ""
    label: Text = ""
    discount_plans: DiscountPlans = ()
    with_features: bool = Field(default=False, description="linked features follow the number to its new end")

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, as the domain takes them."""
        return self.given(leaving_out={"with_features"})


class Ending(Body):
    """The last day of something, which is included."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2025-06-30"}]})

    on: Day


class NumberEnding(Ending):
    """The last day of a number, and of its call plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2025-06-30", "with_features": True}]})

    with_features: bool = Field(default=False, description="linked features end with it")


class Move(Body):
    """SPEC C9: where a number goes, its first day there, and what goes along."""

    customer_id: Id
    on: Day = Field(description="the first day at the new customer")
    keep: Choice = Field(
        default="all", description="which charges go along, of the number, its call plan and the features that do"
    )
    features: Choice = Field(
        default="none", description="which linked features go along; the others end the day before"
    )
    call_plan: Code | None = Field(default=None, description="the present one unless given")
    call_plan_charge: PlanCharge | None = None

    def order(self) -> MoveOrder:
        """As the domain takes it."""
        return MoveOrder(
            customer_id=self.customer_id,
            on=self.on,
            keep=_chosen(self.keep),
            features=_chosen(self.features),
            call_plan=self.call_plan,
            call_plan_charge=self.call_plan_charge,
        )


def _chosen(given: AllOrNone | list[int]) -> frozenset[int] | None:
    if given == "all":
        return None
    return frozenset() if given == "none" else frozenset(given)


class NewCallPlan(Body):
    """SPEC C9: another call plan from a day on. Without an end it goes on to the next one, or the number's end."""

    call_plan: Code
    start: Day
    end: Day | None = None
    charge: PlanCharge | None = Field(default=None, description="what was agreed; the plan's own charge unless given")

    def order(self) -> PlanOrder:
        """As the domain takes it."""
        return PlanOrder(self.call_plan, self.start, self.end, self.charge)


class FeatureChange(Body):
    """What changes of a feature. `end: null` opens it again, `number_id: null` takes the link away."""

    model_config = ConfigDict(json_schema_extra=absent_is_left_alone)

    description: Text = ""
    end: Day | None = None
    number_id: Id | None = None
    discount_plans: DiscountPlans = ()


class NewCharge(Body):
    """SPEC C9: a charge to be added. Without a start it begins today; a recurring one goes on unless it has an end."""

    kind: Literal["one_off", "recurring"]
    description: Text
    amount: Amount
    quantity: Amount | None = None
    frequency_months: int | None = Field(default=None, ge=1, le=120)
    in_advance: bool = True
    vat_rate: Code | None = Field(default=None, description="the customer's unless given")
    start: Day | None = None
    end: Day | None = None

    def order(self) -> ChargeOrder:
        """As the domain takes it."""
        terms = {name: value for name, value in dict(self).items() if name not in ("start", "end")}
        if self.quantity is None:
            del terms["quantity"]
        return ChargeOrder(StandardCharge.model_construct(**terms), self.start, self.end)


class ChargeChange(Body):
    """SPEC Z5: what changes of a charge. Without `from` it is a correction: it acts on days not charged yet."""

    model_config = ConfigDict(json_schema_extra=absent_is_left_alone, populate_by_name=True)

    amount: Amount | None = None
    quantity: Amount | None = None
    description: Text = ""
    vat_rate: Code | None = None
    end: Day | None = None
    first_day: Day | None = Field(default=None, alias="from", description="the first day of another amount or quantity")

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, as the domain takes them; an amount or quantity of null says nothing."""
        given = self.given(leaving_out={"first_day"})
        return {name: value for name, value in given.items() if value is not None or name in ("vat_rate", "end")}


class Cancelling(Body):
    """From which day on a charge is not charged; today unless given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "2025-04-01"}]}, populate_by_name=True)

    first_day: Day | None = Field(default=None, alias="from")


class NumberQuery(Body):
    """Which numbers: each that is given narrows the list down."""

    number: PhoneNumber | None = Field(default=None, description="in any spelling", examples=["020 7946 0123"])
    customer_id: Id | None = None
    active_on: Day | None = Field(default=None, description="has an active period on this day")
