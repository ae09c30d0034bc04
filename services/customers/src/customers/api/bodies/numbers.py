"""Numbers and features."""

from __future__ import annotations

from contracts.base import Code, Id
from contracts.reference import PlanCharge
from customers.api.bodies.base import Body, Day
from customers.api.bodies.customers import RatingFields
from customers.api.bodies.values import Charges, PhoneNumber, Text
from customers.domain.numbers import FeatureOrder, NumberOrder


class NewNumber(RatingFields):
    """A number to be added with its call plan; both days are included, without an end it is open."""

    number: PhoneNumber
    call_plan: Code
    start: Day
    end: Day | None = None
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


class NewFeature(Body):
    """A feature to be added. From a standard feature it takes description and charges where it has none of its own."""

    code: Code | None = None
    number_id: Id | None = None
    description: Text = ""
    start: Day
    end: Day | None = None
    charges: Charges | None = None

    def order(self) -> FeatureOrder:
        """As the domain takes it."""
        return FeatureOrder(**dict(self))
