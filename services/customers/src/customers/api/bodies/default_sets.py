"""Default value sets, and the form for a new customer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from contracts.base import Code
from customers.api.bodies.base import Body, Day
from customers.api.bodies.customers import CommonDetails, CustomerChange
from customers.domain.texts import one_line

SET_EXAMPLES: Any = {
    "for resellers": {
        "value": {
            "name": "Resellers",
            "is_default": False,
            "values": {
                "payment_method": "bank_transfer",
                "payment_terms": "last day",
                "vat_rate": "reverse_charge",
                "bill_lengths": {"email": "full"},
                "credit_limit": "5000.00",
            },
        }
    }
}
FORM_EXAMPLES: Any = {"what was typed so far": {"value": {"name": "Brightwater Tiles", "payment_method": "card"}}}


class SetValues(CommonDetails):
    """The values that a set fills; all others stay as they are."""

    status: Code | None = None


class DefaultSetBody(Body):
    """SPEC C3: a named set of values; the one that was the default stops being it where this one is."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
    is_default: bool = Field(default=False, description="the form for a new customer starts with it")
    values: SetValues


class FormSoFar(CustomerChange):
    """A form for a new customer as far as it is filled."""

    status: Code | None = None
    status_from: Day | None = None
