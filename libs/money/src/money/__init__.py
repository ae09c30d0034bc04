"""Decimal money, rounding, VAT, local dates and billing periods."""
