"""The rules of billing, pure: no I/O, no clock. Money is pounds in Decimal, days are local days of Europe/London."""
