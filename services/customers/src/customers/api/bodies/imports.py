"""Rows of an import."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from customers.api.bodies.customers import BESIDE_DETAILS, NewCustomer
from customers.api.bodies.numbers import NewFeature, NewNumber
from customers.api.bodies.values import PhoneNumber
from customers.domain.opening import Opening

NUMBERS_PER_ROW = 5_000
"""The most numbers, and the most features, that one row of an import may bring."""


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
            details=self.given(leaving_out=BESIDE_DETAILS),
            account_number=self.account_number,
            status=self.status,
            status_from=self.status_from,
            default_set=self.default_set,
            numbers=tuple(number.order() for number in self.numbers),
            features=tuple(feature.order() for feature in self.features),
        )
