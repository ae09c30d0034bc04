"""Amounts, quantities and times in the words of whoever reads them to a customer."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

MICRO_PLACES = 6
_SHOWN_PLACES = 10
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
UNIT = {"voice": "s", "sms": "messages", "data": "bytes"}
"""What is counted, by service type."""
ONE_UNIT = {"voice": "second", "sms": "message", "data": "byte"}
THING = {"voice": "call", "sms": "message", "data": "data session"}


def money(micro: int | Fraction) -> str:
    """Exact pounds of micro-pounds, with two places at least; what does not end is cut and ends in an ellipsis."""
    exact = abs(Fraction(micro)) / 10**MICRO_PLACES
    scaled = exact * 10**_SHOWN_PLACES
    digits = str(scaled.numerator // scaled.denominator).rjust(_SHOWN_PLACES + 1, "0")
    whole, places = digits[:-_SHOWN_PLACES], digits[-_SHOWN_PLACES:]
    tail = places.rstrip("0").ljust(2, "0") if scaled.denominator == 1 else f"{places}…"
    return f"{'-' if micro < 0 else ''}£{whole}.{tail}"


def percent(millionths: int) -> str:
    """A percentage, given in millionths of a percent."""
    return f"{_plain(Decimal(millionths).scaleb(-6))} %"


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(used: int, service_type: str) -> str:
    """Seconds, messages or bytes with their unit."""
    unit = "message" if service_type == "sms" and used == 1 else UNIT[service_type]
    return f"{used:,} {unit}"


def day(value: date) -> str:
    """A date without a weekday."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment(local: datetime) -> str:
    """A local time to the second with its weekday."""
    return f"{_WEEKDAYS[local.weekday()]} {day(local.date())} at {local:%H:%M:%S}"
