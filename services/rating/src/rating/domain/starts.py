"""Instants as text to microseconds of UTC and back, thousands at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import EARLIEST_YEAR, LATEST_YEAR
from rating.domain.calls import MISSING, Int

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = "2025-01-31T09:30:00Z"
_SIGNS = [place for place, char in enumerate(_PLAIN) if not char.isdigit()]
_DIGITS = [place for place, char in enumerate(_PLAIN) if char.isdigit()]
_SIGN_BYTES = np.frombuffer("".join(_PLAIN[place] for place in _SIGNS).encode(), dtype=np.uint8)
_ZERO = ord("0")
_MONTHS_A_YEAR = 12
_FIRST_DAYS = np.arange(f"{EARLIEST_YEAR}-01", f"{LATEST_YEAR + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
_MONTH_START = _FIRST_DAYS.astype(np.int64)
"""The first day of each month taken, as days since 1970, and of the month behind them."""


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly."""
    return (instant - EPOCH) // _MICROSECOND


def plain_micros(texts: Sequence[str]) -> Int:
    """Microseconds since 1970 of instants written like `2025-01-31T09:30:00Z`.

    Returns: MISSING where a text is written in another way, or is no instant of the years 1990 to 2200.
    """
    found = np.full(len(texts), MISSING, dtype=np.int64)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    plain = np.flatnonzero(lengths == len(_PLAIN))
    chosen = texts if len(plain) == len(texts) else [texts[row] for row in plain.tolist()]
    # A letter that is not ASCII becomes one byte all the same: a question mark.
    written = np.frombuffer("".join(chosen).encode("ascii", "replace"), dtype=np.uint8).reshape(-1, len(_PLAIN))
    found[plain] = _micros(written)
    return found


def _micros(written: NDArray[np.uint8]) -> Int:
    digits = written[:, _DIGITS] - _ZERO  # what is below the digit 0 wraps round to above 9
    shaped = (written[:, _SIGNS] == _SIGN_BYTES).all(axis=1) & (digits <= 9).all(axis=1)
    number = digits.astype(np.int64)
    year = number[:, 0:4] @ np.array([1000, 100, 10, 1])
    month, day, hour, minute, second = (number[:, place] * 10 + number[:, place + 1] for place in range(4, 14, 2))
    known = shaped & (year >= EARLIEST_YEAR) & (year <= LATEST_YEAR) & (month >= 1) & (month <= _MONTHS_A_YEAR)
    at = np.where(known, (year - EARLIEST_YEAR) * _MONTHS_A_YEAR + month - 1, 0)
    days = _MONTH_START[at] + day - 1
    known &= (day >= 1) & (days < _MONTH_START[at + 1]) & (hour < 24) & (minute < 60) & (second < 60)
    return np.where(known, (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000, MISSING)


def instant_texts(instants: Int) -> list[str]:
    """Instants of the years 1 to 9999, as `2025-01-31T09:30:00Z`, with six places where there is a fraction."""
    seconds, fraction = np.divmod(instants, 1_000_000)
    written = _written(seconds).tobytes().decode("ascii")
    texts = [written[begin : begin + len(_PLAIN)] for begin in range(0, len(written), len(_PLAIN))]
    for row in np.flatnonzero(fraction).tolist():
        texts[row] = f"{texts[row][:-1]}.{fraction[row]:06d}Z"
    return texts


def _written(seconds: Int) -> NDArray[np.uint8]:
    """Seconds since 1970 as rows of 20 characters."""
    days, second = np.divmod(seconds, 86_400)
    dates = days.view("datetime64[D]")
    months = dates.astype("datetime64[M]")
    year, month = np.divmod(months.astype(np.int64), _MONTHS_A_YEAR)
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    parts = (*np.divmod(year + 1970, 100), month + 1, day, second // 3_600, second // 60 % 60, second % 60)
    written = np.empty((len(seconds), len(_PLAIN)), dtype=np.uint8)
    written[:, _SIGNS] = _SIGN_BYTES
    for part, (tens, ones) in zip(parts, zip(_DIGITS[::2], _DIGITS[1::2], strict=True), strict=True):
        written[:, tens], written[:, ones] = np.divmod(part, 10)
    written[:, _DIGITS] += _ZERO
    return written
