"""Instants as text to microseconds of UTC and back, thousands at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import EARLIEST_YEAR, LATEST_YEAR, to_day
from rating.domain.calls import MISSING, Int
from rating.domain.codes import distinct
from rating.domain.texts import Texts

_PLAIN = "2025-01-31T09:30:00Z"
_DIGITS = [place for place, char in enumerate(_PLAIN) if char.isdigit()]
_LEAST = np.frombuffer("".join("0" if char.isdigit() else char for char in _PLAIN).encode(), dtype=np.uint8)
_SPAN = np.array([9 if char.isdigit() else 0 for char in _PLAIN], dtype=np.uint8)
"""Of each letter the least one, and how far it may be above that."""
_PAIRS = np.frombuffer("".join(f"{pair:02d}" for pair in range(100)).encode(), dtype=np.uint8).reshape(100, 2)
_DATE = len("2025-01-31")
_MONTHS_A_YEAR = 12
_FIRST_DAYS = np.arange(f"{EARLIEST_YEAR}-01", f"{LATEST_YEAR + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
_MONTH_START = _FIRST_DAYS.astype(np.int64)
"""The first day of each month taken, as days since 1970, and of the month behind them."""


def plain_micros(texts: Sequence[str]) -> Int:
    """Microseconds since 1970 of instants written like `2025-01-31T09:30:00Z`.

    Returns: MISSING where a text is written in another way, or is no instant of the years 1990 to 2200.
    """
    told = Texts.of(texts)
    plain = told.sizes == len(_PLAIN)
    if not plain.all():
        told = told.only(plain)
    found = np.full(len(texts), MISSING, dtype=np.int64)
    found[plain] = _micros(told.written.reshape(-1, len(_PLAIN)))
    return found


def _micros(written: NDArray[np.uint8]) -> Int:
    digits = written - _LEAST  # of what is too low a large number: it wraps round
    far = digits > _SPAN
    shaped = ~far.any(axis=1) if far.any() else np.ones(len(far), dtype=bool)
    month, day, hour, minute, second = (_pair(digits, place) for place in _DIGITS[4::2])
    year = _pair(digits, 0) * 100 + _pair(digits, 2)
    known = shaped & (year >= EARLIEST_YEAR) & (year <= LATEST_YEAR) & (month >= 1) & (month <= _MONTHS_A_YEAR)
    at = np.where(known, (year - EARLIEST_YEAR) * _MONTHS_A_YEAR + month - 1, 0)
    days = _MONTH_START[at] + day - 1
    known &= (day >= 1) & (days < _MONTH_START[at + 1]) & (hour < 24) & (minute < 60) & (second < 60)
    return np.where(known, (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000, MISSING)


def _pair(digits: NDArray[np.uint8], place: int) -> NDArray[np.int32]:
    return digits[:, place].astype(np.int32) * 10 + digits[:, place + 1]


def instant_texts(instants: Int) -> Texts:
    """Instants of the years 1 to 9999, as `2025-01-31T09:30:00Z`, with six places where there is a fraction."""
    seconds, fraction = np.divmod(instants, 1_000_000)
    offsets = np.arange(len(seconds) + 1, dtype=np.int32) * np.int32(len(_PLAIN))
    told = Texts(_written(seconds).reshape(-1), offsets)
    if not fraction.any():
        return told
    texts = told.tolist()
    for row in np.flatnonzero(fraction).tolist():
        texts[row] = f"{texts[row][:-1]}.{fraction[row]:06d}Z"
    return Texts.of(texts)


def _written(seconds: Int) -> NDArray[np.uint8]:
    """Seconds since 1970 as rows of text."""
    days, of_day = np.divmod(seconds, 86_400)
    found, which = distinct(days)
    dates = np.frombuffer("".join(to_day(day).isoformat() for day in found.tolist()).encode(), dtype=np.uint8)
    minute, second = np.divmod(of_day.astype(np.int32), 60)
    hour, minute = np.divmod(minute, 60)
    written = np.empty((len(seconds), len(_PLAIN)), dtype=np.uint8)
    written[:] = np.frombuffer(_PLAIN.encode(), dtype=np.uint8)
    written[:, :_DATE] = dates.reshape(-1, _DATE)[which]
    for place, part in zip(_DIGITS[8::2], (hour, minute, second), strict=True):
        written[:, place : place + 2] = _PAIRS[part]
    return written
