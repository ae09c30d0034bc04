"""Who bills whom, as it is printed (SPEC I7); kept with the invoice, so that later changes leave it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.customers import CustomerState
from invoicing.domain.reference import ReferenceLists


def particulars(customer: CustomerState, lists: ReferenceLists) -> dict[str, Any]:
    """What is printed of a customer, whose bill style is known, and its supplier; as JSON has it."""
    style = lists.bill_style(customer.bill_style)
    assert style is not None
    method = lists.entry("payment_methods", customer.payment_method)
    return {
        "account_number": customer.account_number,
        "name": customer.name,
        "company_name": customer.company_name,
        "billing_address": customer.billing_address.model_dump(mode="json"),
        "vat_number": customer.vat_number,
        "payment_method": method.name if method else "",
        "supplier": style.model_dump(mode="json"),
    }


def changed(printed: Mapping[str, Any], customer: CustomerState, lists: ReferenceLists) -> list[str]:
    """SPEC I6: which of a draft's particulars are others now, so that making it again can be offered."""
    if lists.bill_style(customer.bill_style) is None:
        return ["supplier"]
    return [name for name, value in particulars(customer, lists).items() if printed.get(name) != value]
