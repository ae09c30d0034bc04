"""What the OpenAPI document says beside the routes: tags, and examples."""

from __future__ import annotations

from pathlib import Path

from service_kit.http import About

TAGS = {
    "search": "SmartSearch: one box for customers and numbers. QuickSearch: a list by criteria, sorted, also as CSV.",
    "customers": "Who is billed. Only a name is needed; `missing` says what a first invoice still needs. A change "
    "names the version that was seen (If-Match); where someone else was faster it is answered 412.",
    "actions": "Final Bill, Drop, Reinstate and Delete: each can be looked at first with `dry_run`, and is kept with "
    "its date and reason.",
    "default value sets": "Named values that the form for a new customer starts with, or that are loaded over it.",
    "numbers": "Phone numbers with the call plans that let them receive usage. A number is active for one customer at "
    "most on any day.",
    "features": "What a customer has beside numbers, made from the price list or of its own.",
    "charges": "One-off and recurring charges of numbers and features, changed or cancelled from a day on.",
    "imports": "Many customers or numbers at once, looked at first with `dry_run`; safe to send again.",
    "audit": "Who changed what: each field with its old and new value.",
    "reference lists": "Statuses, billing cycles, payment methods, VAT rates and the other lists. An entry in use is "
    "retired, not deleted.",
    "prices": "What standard features cost from which day on.",
    "increases": "Bulk increases of standard features: previewed, then done exactly as previewed.",
    "reports": "Lists for the desk, in pages or as CSV.",
}
PARAMETERS = {
    "If-Match": '"3"',
    "after": "WzEyMywgIkJyaWdodHdhdGVyIFRpbGVzIiwgMTA0Ml0",
    "balance_from": "100.00",
    "balance_to": "250.00",
    "credit_limit_over": "500.00",
    "limit": 100,
    "account_number": "F000042",
    "actor": "ann",
    "entity": "customer",
    "entity_id": "1042",
    "field": "credit_limit",
    "from": "2026-01-01",
    "order": "newest",
    "text": "500.00",
    "to": "2026-01-31",
    "balance": "owes",
    "billing_cycle": ["monthly"],
    "bill_style": ["farthing"],
    "company_name": "bright",
    "created_from": "2026-01-01",
    "created_to": "2026-01-31",
    "customer_id": 1042,
    "direction": "asc",
    "dry_run": True,
    "has_email": True,
    "incomplete": True,
    "name": "obrien",
    "number": "020 7946 0123",
    "payment_method": ["direct_debit", ""],
    "sort": "account_number",
    "standing": ["over", "near"],
    "status": ["active"],
    "tariff": ["uk-office"],
    "vat_rate": ["standard"],
    "with_features": True,
    "with_partly": False,
}
"""Examples of parameters that the walk does not send."""
ABOUT = About(tags=TAGS, examples=Path(__file__).parent.parent / "examples", parameters=PARAMETERS)
