"""Single values, as they may be typed; read by `customers.domain.values`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from contracts.base import Amount, Money
from contracts.customers import Address, LowInvoicePolicy, PaymentTerms, PlanPeriod, PortalAccess
from contracts.reference import StandardCharge
from customers.domain.addresses import clean_address, split_lines
from customers.domain.countries import read_country
from customers.domain.emails import LONGEST_EMAIL, read_emails
from customers.domain.plans import MOST_PLANS
from customers.domain.portal import check_portal
from customers.domain.terms import check_payment_terms, read_terms
from customers.domain.texts import one_line
from customers.domain.values import normalise_number, read_contact_numbers
from customers.domain.vat_numbers import read_vat_number

LARGEST_POUNDS = Decimal("1000000000")
LARGEST_MARKUP_PERCENT = Decimal(100_000)
MARKUP_PLACES = 6


def _pounds(amount: Decimal) -> Decimal:
    if not 0 <= amount <= LARGEST_POUNDS:
        raise ValueError(f"this is an amount from 0.00 to {LARGEST_POUNDS}.00")
    return amount


def _policy(policy: LowInvoicePolicy) -> LowInvoicePolicy:
    _pounds(policy.threshold)
    _pounds(policy.charge)
    return policy


def _percent(markup: Decimal) -> Decimal:
    exponent = markup.as_tuple().exponent
    if markup.copy_abs() > LARGEST_MARKUP_PERCENT or not isinstance(exponent, int) or exponent < -MARKUP_PLACES:
        raise ValueError(f"a markup is at most {LARGEST_MARKUP_PERCENT} %, with {MARKUP_PLACES} decimal places at most")
    return markup


def _texts(read: Callable[[Any], Any]) -> BeforeValidator:
    """Reads one text or a list of texts; anything else is left to be refused."""

    def reader(sent: Any) -> Any:
        texts = isinstance(sent, str) or (
            isinstance(sent, list | tuple) and all(isinstance(each, str) for each in sent)
        )
        return read(sent) if texts else sent

    return BeforeValidator(reader, json_schema_input_type=str | list[str])


def _lines(sent: Any) -> Any:
    return split_lines([sent] if isinstance(sent, str) else sent)


def _country(sent: Any) -> Any:
    return read_country(sent) if isinstance(sent, str) else sent


def _terms(sent: Any) -> Any:
    return read_terms(sent) if isinstance(sent, str) else sent


class TypedAddress(Address):
    """A postal address as it may be typed: lines also as one text with line breaks, a country in any case."""

    lines: Annotated[tuple[str, ...], Field(max_length=50), _texts(_lines)] = ()
    country: Annotated[
        str, BeforeValidator(_country), Field(description="two letters of ISO 3166-1; UK is read as GB")
    ] = "GB"


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Text = Annotated[str, Field(max_length=200), AfterValidator(one_line)]
ContactNumbers = Annotated[
    tuple[Annotated[str, Field(max_length=200)], ...],
    Field(max_length=50, examples=[["020 7946 0123", "07700 900123 ext. 4"]]),
    _texts(read_contact_numbers),
]
Emails = Annotated[
    tuple[Annotated[str, Field(max_length=LONGEST_EMAIL)], ...],
    Field(max_length=50, examples=[["accounts@brightwater.example"]]),
    _texts(read_emails),
]
PhoneNumber = Annotated[str, AfterValidator(normalise_number)]
VatNumber = Annotated[str, Field(max_length=200, examples=["GB 999 9999 73"]), AfterValidator(read_vat_number)]
BillingAddress = Annotated[TypedAddress, AfterValidator(clean_address)]
Terms = Annotated[
    PaymentTerms,
    BeforeValidator(_terms, json_schema_input_type=PaymentTerms | str),
    AfterValidator(check_payment_terms),
    Field(description="also in words: `30 days`, `28th`, `last day`, `-1`"),
]
Policy = Annotated[LowInvoicePolicy, AfterValidator(_policy)]
CreditLimit = Annotated[Money, AfterValidator(_pounds)]
Percent = Annotated[Amount, AfterValidator(_percent)]
Charges = Annotated[tuple[StandardCharge, ...], Field(max_length=100)]
Plans = Annotated[tuple[PlanPeriod, ...], Field(max_length=MOST_PLANS)]
Portal = Annotated[PortalAccess, AfterValidator(check_portal)]
