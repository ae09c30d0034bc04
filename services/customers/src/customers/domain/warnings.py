"""What is accepted about a customer, but odd (SPEC C1, C6, C12): to be looked at by whoever typed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.customers import LowInvoicePolicy
from customers.domain import annual
from customers.domain.addresses import has_odd_postcode
from customers.domain.customers import Details
from customers.domain.emails import needs_smtputf8
from customers.domain.vat_numbers import country_of, vat_number_doubts


@dataclass(frozen=True)
class Warned:
    """A field whose value was taken, and what to think of about it."""

    field: str
    message: str


def warnings_of(details: Details) -> tuple[Warned, ...]:
    """Everything that is odd about a customer's details."""
    return (
        *_about_address(details),
        *_about_low_invoices(details.low_invoice),
        *_about_increases(details),
        *_about_limit(details),
    )


def _about_address(details: Details) -> Iterator[Warned]:
    address = details.billing_address
    if has_odd_postcode(address):
        message = f"{address.postcode} has not the form of a UK postcode (SW1A 1AA): compare it, or correct the country"
        yield Warned("billing_address.postcode", message)
    for doubt in vat_number_doubts(details.vat_number):
        yield Warned("vat_number", doubt)
    country = country_of(details.vat_number)
    if country and address.lines and country != address.country and {country, address.country} != {"GB", "IM"}:
        yield Warned("vat_number", f"it is a number of {country}, and the billing address is in {address.country}")
    for email in filter(needs_smtputf8, details.emails):
        yield Warned("emails", f"{email} is reached only through mail servers that take such letters (SMTPUTF8)")


def _about_low_invoices(low: LowInvoicePolicy) -> Iterator[Warned]:
    """SPEC I5, Z12."""
    charged = low.policy == "low_usage_charge"
    if low.charge and not charged:
        message = f"{low.charge} is never charged: the policy is {low.policy}, not low_usage_charge"
        yield Warned("low_invoice.charge", message)
    if charged and not low.charge:
        yield Warned("low_invoice.charge", "the policy adds a low usage charge of 0.00: give an amount")
    if low.threshold and low.policy == "create":
        message = f"{low.threshold} does nothing: the policy creates every invoice, however low"
        yield Warned("low_invoice.threshold", message)


def _about_increases(details: Details) -> Iterator[Warned]:
    profile, day = details.annual_increase_profile, details.annual_increase_date
    for message in annual.warnings_for(profile):
        yield Warned("annual_increase_profile", message)
    if profile not in (None, annual.NO_INCREASE) and day is None:
        yield Warned("annual_increase_date", "without a date the report of annual increases leaves the customer out")
    if profile == annual.NO_INCREASE and day is not None:
        message = f"the profile is {profile}, so the report of annual increases leaves the customer out"
        yield Warned("annual_increase_date", message)


def _about_limit(details: Details) -> Iterator[Warned]:
    if details.credit_limit is not None and not details.credit_limit:
        yield Warned("credit_limit", "a limit of 0.00 is passed with the first penny: null is no limit")


def without_annual(warned: Iterable[Warned]) -> tuple[Warned, ...]:
    """SPEC C12: those that are left where the module of annual increases is off."""
    return tuple(each for each in warned if each.field not in annual.FIELDS)
