"""Reference entries that a new UK installation starts with (SPEC C4 to C8); every one can be edited afterwards.

VAT percentages and their dates: HMRC, "VAT: historic rates". Reverse charge on wholesale telecommunications: section
55A of the VAT Act 1994, for supplies from 1 February 2016.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from contracts.customers import Address, PaymentTerms
from contracts.reference import (
    BillingCycle,
    BillStyle,
    CallPlan,
    NumberType,
    PaymentMethod,
    StandardFeature,
    StatusFlags,
    VatPeriod,
    VatRate,
    VatTreatment,
)
from customers.domain import reference as lists
from customers.domain.reference import Entry

_NO_VAT_FROM = date(1973, 4, 1)


def defaults() -> tuple[Entry, ...]:
    """All of them, in an order in which none names one that comes later."""
    return (*_statuses(), *_billing(), *_vat_rates(), *_numbers(), *_names())


def _statuses() -> tuple[Entry, ...]:
    active = StatusFlags(accumulates_charges=True, billed_in_runs=True)
    unbilled = StatusFlags(accumulates_charges=True, billed_in_runs=False, colour="#1565c0")
    dropped = StatusFlags(
        accumulates_charges=False, billed_in_runs=False, dropped=True, colour="#9e9e9e", portal_sign_in=False
    )
    final_bill = StatusFlags(
        accumulates_charges=True, billed_in_runs=True, final_bill=True, colour="#ef6c00", next_status="dropped"
    )
    return (
        Entry(lists.STATUSES, "active", "Active", active, is_default=True),
        Entry(lists.STATUSES, "active_do_not_bill", "Active - Do Not Bill", unbilled),
        Entry(lists.STATUSES, "dropped", "Dropped", dropped),
        Entry(lists.STATUSES, "final_bill", "Final Bill", final_bill),
    )


def _billing() -> tuple[Entry, ...]:
    return (
        Entry(lists.BILLING_CYCLES, "monthly", "Monthly", BillingCycle(every_months=1), is_default=True),
        Entry(lists.BILLING_CYCLES, "quarterly", "Quarterly", BillingCycle(every_months=3)),
        Entry(lists.BILLING_CYCLES, "manual", "Manual", BillingCycle(every_months=None)),
        Entry(lists.PAYMENT_METHODS, "direct_debit", "Direct Debit", _days_after(14), is_default=True),
        Entry(lists.PAYMENT_METHODS, "bank_transfer", "Bank transfer", _days_after(30)),
        Entry(lists.PAYMENT_METHODS, "card", "Card", _days_after(14)),
        Entry(lists.PAYMENT_METHODS, "cheque", "Cheque", _days_after(30)),
        Entry(lists.BILL_STYLES, "farthing", "Farthing", _example_style(), is_default=True),
    )


def _days_after(days: int) -> PaymentMethod:
    return PaymentMethod(terms=PaymentTerms(kind="days_after", value=days))


def _example_style() -> BillStyle:
    """A supplier that does not exist: edit it before the first real bill."""
    return BillStyle(
        supplier_name="Farthing Example Telecom Limited",
        supplier_address=Address(lines=("1 Example Street", "Exampleton"), postcode="ZZ99 9ZZ"),
        supplier_vat_number="GB 999 9999 73",
        brand="Farthing",
        email_from="billing@farthing.example",
        reply_to="accounts@farthing.example",
        footer="An example supplier. Replace it in the reference list bill_styles.",
    )


def _vat_rates() -> tuple[Entry, ...]:
    statement = "Reverse charge: customer to account for the VAT to HMRC (section 55A, VAT Act 1994)."
    return (
        Entry(lists.VAT_RATES, "standard", "Standard rate", _standard_rate(), is_default=True),
        Entry(lists.VAT_RATES, "reduced", "Reduced rate", _flat_rate("reduced", Decimal(5), date(1997, 9, 1))),
        Entry(lists.VAT_RATES, "zero", "Zero rate", _flat_rate("zero")),
        Entry(lists.VAT_RATES, "exempt", "Exempt", _flat_rate("exempt")),
        Entry(lists.VAT_RATES, "outside_scope", "Outside the scope of VAT", _flat_rate("outside_scope")),
        Entry(
            lists.VAT_RATES,
            "reverse_charge",
            "Domestic reverse charge",
            _flat_rate("reverse_charge", valid_from=date(2016, 2, 1), statement=statement),
        ),
    )


def _standard_rate() -> VatRate:
    changes = (
        ("17.5", date(1991, 4, 1), date(2008, 11, 30)),
        ("15", date(2008, 12, 1), date(2009, 12, 31)),
        ("17.5", date(2010, 1, 1), date(2011, 1, 3)),
        ("20", date(2011, 1, 4), None),
    )
    periods = tuple(VatPeriod(percent=Decimal(rate), valid_from=first, valid_to=last) for rate, first, last in changes)
    return VatRate(treatment="standard", periods=periods)


def _flat_rate(
    treatment: VatTreatment,
    percent: Decimal = Decimal(0),
    valid_from: date = _NO_VAT_FROM,
    statement: str = "",
) -> VatRate:
    period = VatPeriod(percent=percent, valid_from=valid_from)
    return VatRate(treatment=treatment, periods=(period,), statement=statement)


def _numbers() -> tuple[Entry, ...]:
    types = (
        ("geographic", "Geographic"),
        ("mobile", "Mobile"),
        ("freephone", "Freephone"),
        ("non_geographic", "Non-geographic"),
        ("sip", "SIP"),
    )
    plans = (("standard", "Standard"), ("business", "Business"), ("home", "Home"))
    features = (("line_rental", "Line rental"), ("broadband", "Broadband"), ("hosted_seat", "Hosted seat"))
    return (
        *(Entry(lists.NUMBER_TYPES, code, name, NumberType(), is_default=code == "geographic") for code, name in types),
        Entry(lists.NUMBER_TYPES, "ignore_traffic", "Ignore traffic", NumberType(ignore_traffic=True)),
        *(Entry(lists.CALL_PLANS, code, name, CallPlan(), is_default=code == "standard") for code, name in plans),
        *(Entry(lists.STANDARD_FEATURES, code, name, StandardFeature()) for code, name in features),
    )


def _names() -> tuple[Entry, ...]:
    reasons = (
        ("customer_request", "Customer's request"),
        ("moved_provider", "Moved to another provider"),
        ("ceased_trading", "Ceased trading"),
        ("non_payment", "Non-payment"),
        ("other", "Other"),
    )
    profiles = (("none", "None"), ("fixed_amount", "Fixed Amount"), ("cpi", "CPI"), ("rpi", "RPI"))
    return (
        *(Entry(lists.STATUS_REASONS, code, name) for code, name in reasons),
        *(Entry(lists.ANNUAL_INCREASE_PROFILES, code, name, is_default=code == "none") for code, name in profiles),
    )
