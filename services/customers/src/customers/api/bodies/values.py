"""Single values, as they may be typed; read by `customers.domain.values`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from contracts.base import Amount, Money
from contracts.customers import Address, LowInvoicePolicy, PaymentTerms
from contracts.reference import StandardCharge
from customers.domain.values import (
    check_emails,
    check_payment_terms,
    check_vat_number,
    clean_address,
    normalise_number,
    split_list,
)

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


def _split(given: Any) -> Any:
    return split_list(given) if isinstance(given, str) else given


Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=200)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_split), AfterValidator(split_list), Field(max_length=50)]
Emails = Annotated[Texts, AfterValidator(check_emails)]
PhoneNumber = Annotated[str, AfterValidator(normalise_number)]
VatNumber = Annotated[str, AfterValidator(check_vat_number)]
BillingAddress = Annotated[Address, AfterValidator(clean_address)]
Terms = Annotated[PaymentTerms, AfterValidator(check_payment_terms)]
Policy = Annotated[LowInvoicePolicy, AfterValidator(_policy)]
CreditLimit = Annotated[Money, AfterValidator(_pounds)]
Percent = Annotated[Amount, AfterValidator(_percent)]
Charges = Annotated[tuple[StandardCharge, ...], Field(max_length=100)]
