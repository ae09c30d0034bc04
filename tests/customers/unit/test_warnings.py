"""What is accepted about a customer, but odd."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.customers import Address, LowInvoicePolicy
from customers.domain.customers import Details
from customers.domain.warnings import warnings_of, without_annual

IRISH = Address(lines=("1 Quay",), postcode="D02 X285", country="IE")


def low(policy: Any, threshold: str = "0.00", charge: str = "0.00") -> LowInvoicePolicy:
    return LowInvoicePolicy(policy=policy, threshold=Decimal(threshold), charge=Decimal(charge))


@pytest.mark.parametrize(
    ("odd", "fields"),
    [
        ({}, []),
        ({"billing_address": Address(lines=("x",), postcode="12345")}, ["billing_address.postcode"]),
        ({"billing_address": IRISH}, []),
        ({"billing_address": IRISH, "vat_number": "GB 999 9999 73"}, ["vat_number"]),
        ({"billing_address": IRISH, "vat_number": "IE6388047V"}, []),
        ({"vat_number": "GB GD001"}, ["vat_number"]),
        ({"vat_number": "US123456789"}, ["vat_number"]),
        ({"emails": ("josé@fenwick.example", "ann@fenwick.example")}, ["emails"]),
        ({"low_invoice": low("roll_forward", "5.00")}, []),
        ({"low_invoice": low("low_usage_charge", "5.00", "1.00")}, []),
        ({"low_invoice": low("roll_forward", "5.00", "1.00")}, ["low_invoice.charge"]),
        ({"low_invoice": low("create", "5.00", "1.00")}, ["low_invoice.charge", "low_invoice.threshold"]),
        ({"low_invoice": low("low_usage_charge", "5.00")}, ["low_invoice.charge"]),
        ({"credit_limit": Decimal("0.00")}, ["credit_limit"]),
        ({"annual_increase_profile": "cpi"}, ["annual_increase_profile", "annual_increase_date"]),
        ({"annual_increase_profile": "none", "annual_increase_date": date(2025, 4, 1)}, ["annual_increase_date"]),
        ({"annual_increase_profile": "fixed_amount", "annual_increase_date": date(2025, 4, 1)}, []),
    ],
)
def test_what_is_odd_is_said_by_field(odd: dict[str, Any], fields: list[str]) -> None:
    """C1, C12, I5, Z12"""
    assert [each.field for each in warnings_of(Details(name="Fenwick", **odd))] == fields


def test_nothing_is_said_about_what_is_hidden() -> None:
    """C12"""
    warned = warnings_of(Details(name="Fenwick", annual_increase_profile="rpi", credit_limit=Decimal("0.00")))
    assert [each.field for each in without_annual(warned)] == ["credit_limit"]
