"""What may be sent: shapes and single values. What they mean together is judged by the domain."""

from customers.api.bodies.base import After, AnyDay, Body, Day, Limit
from customers.api.bodies.customers import CustomerChange, NewCustomer, RatingFields, StatusChange
from customers.api.bodies.default_sets import DefaultSetBody, FormSoFar, SetValues
from customers.api.bodies.imports import NUMBERS_PER_ROW, ImportedCustomer, ImportedFeature
from customers.api.bodies.numbers import NewFeature, NewNumber
from customers.api.bodies.reference import ListOrder, ReferenceEntry
from customers.api.bodies.values import (
    BillingAddress,
    Charges,
    CreditLimit,
    Emails,
    Name,
    Percent,
    PhoneNumber,
    Policy,
    Terms,
    Text,
    VatNumber,
)

__all__ = [
    "NUMBERS_PER_ROW",
    "After",
    "AnyDay",
    "BillingAddress",
    "Body",
    "Charges",
    "CreditLimit",
    "CustomerChange",
    "Day",
    "DefaultSetBody",
    "Emails",
    "FormSoFar",
    "ImportedCustomer",
    "ImportedFeature",
    "Limit",
    "ListOrder",
    "Name",
    "NewCustomer",
    "NewFeature",
    "NewNumber",
    "Percent",
    "PhoneNumber",
    "Policy",
    "RatingFields",
    "ReferenceEntry",
    "SetValues",
    "StatusChange",
    "Terms",
    "Text",
    "VatNumber",
]
