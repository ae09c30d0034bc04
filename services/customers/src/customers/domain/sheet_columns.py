"""The columns of the files that numbers and customers are imported from."""

from __future__ import annotations

from customers.domain.addresses import ADDRESS_LINES
from customers.domain.sheets import (
    Column,
    Columns,
    read_date,
    read_decimal,
    read_flag,
    read_list,
    read_money,
    read_pairs,
    read_percent,
    read_phone,
    read_text,
    read_whole,
)

_RATING = {
    "tariff": Column("tariff", read_text),
    "class_tariffs": Column("class_tariffs", read_pairs(read_text)),
    "class_markups": Column("class_markups", read_pairs(read_percent)),
    "fallback_markup": Column("fallback_markup", read_percent),
}

NUMBER_COLUMNS: Columns = {
    "account_number": Column("account_number", read_text, "F000001"),
    "customer_id": Column("customer_id", read_whole),
    "number": Column("number", read_phone, "020 7946 0123"),
    "call_plan": Column("call_plan", read_text, "standard"),
    "start": Column("start", read_date, "2025-01-31"),
    "end": Column("end", read_date),
    "number_type": Column("number_type", read_text),
    "label": Column("label", read_text, "Reception"),
    **_RATING,
    "call_plan_charge": Column("call_plan_charge.amount", read_decimal, "4.50"),
    "call_plan_charge_months": Column("call_plan_charge.frequency_months", read_whole, "1"),
    "call_plan_charge_in_advance": Column("call_plan_charge.in_advance", read_flag, "yes"),
    "call_plan_charge_description": Column("call_plan_charge.description", read_text),
    "call_plan_charge_vat_rate": Column("call_plan_charge.vat_rate", read_text),
}
NUMBER_NEEDED = ("number", "call_plan", "start")

_ADDRESS_SAMPLES = ("1 Mill Lane", "Testford")
CUSTOMER_COLUMNS: Columns = {
    "account_number": Column("account_number", read_text, "F000001"),
    "name": Column("name", read_text, "Ann O'Brien"),
    "company_name": Column("company_name", read_text, "Brightwater Tiles Ltd"),
    **{
        f"address_line_{place + 1}": Column(
            f"billing_address.lines.{place}", read_text, (*_ADDRESS_SAMPLES, *[""] * ADDRESS_LINES)[place]
        )
        for place in range(ADDRESS_LINES)
    },
    "postcode": Column("billing_address.postcode", read_text, "ZZ99 9ZZ"),
    "country": Column("billing_address.country", read_text, "GB"),
    "contact_numbers": Column("contact_numbers", read_phone, "020 7946 0123"),
    "emails": Column("emails", read_text, "accounts@brightwater.example, ann@brightwater.example"),
    "payment_method": Column("payment_method", read_text),
    "payment_terms": Column("payment_terms", read_text, "30 days"),
    "vat_rate": Column("vat_rate", read_text),
    "vat_number": Column("vat_number", read_text),
    "account_manager": Column("account_manager", read_text),
    "billing_cycle": Column("billing_cycle", read_text),
    "anchor_month": Column("anchor_month", read_whole),
    "bill_style": Column("bill_style", read_text),
    "bill_length_email": Column("bill_lengths.email", str.lower),
    "bill_length_portal": Column("bill_lengths.portal", str.lower),
    "bill_length_print": Column("bill_lengths.print", str.lower),
    "low_invoice_policy": Column("low_invoice.policy", str.lower),
    "low_invoice_threshold": Column("low_invoice.threshold", read_money),
    "low_invoice_charge": Column("low_invoice.charge", read_money),
    "credit_limit": Column("credit_limit", read_money, "500.00"),
    **_RATING,
    "portal_reports": Column("portal_access.reports", read_list),
    "portal_bills": Column("portal_access.bills", read_flag),
    "portal_payments": Column("portal_access.payments", read_flag),
    "annual_increase_profile": Column("annual_increase_profile", read_text),
    "annual_increase_date": Column("annual_increase_date", read_date),
    "status": Column("status", read_text),
    "status_from": Column("status_from", read_date),
    "notes": Column("notes", read_text),
}
CUSTOMER_NEEDED = ("name",)
