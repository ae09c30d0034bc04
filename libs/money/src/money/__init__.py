"""Decimal money, rounding, VAT, local dates and billing periods. Pure: no I/O, no clock, no framework."""
