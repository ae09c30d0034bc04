"""From which local day on a change of who holds a number, or of a status, changes whose a call is (SPEC R3, Z7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds a number from its first to its last day, both included; `end` None is open."""

    number: str
    customer_id: int
    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class HandsChanged:
    """Whose calls of a number are is another matter from a local day on. A `newcomer` has none of them yet."""

    number: str
    day: date
    newcomer: int | None


def hands_changed(before: Held | None, after: Held | None) -> list[HandsChanged]:
    """What a change of an assignment changes: for the number it was of, and for the one that it is of."""
    day = day_of_change(before, after)
    if day is None:
        return []
    newcomer = after.customer_id if before is None and after is not None else None
    numbers = dict.fromkeys(each.number for each in (before, after) if each is not None)
    return [HandsChanged(number, day, newcomer) for number in numbers]


def day_of_change(before: Held | None, after: Held | None) -> date | None:
    """The first day on which two states of an assignment differ; None where they are the same.

    None as a state: there was no assignment, or it was removed.
    """
    if before is None or after is None:
        only = before or after
        return only.start if only else None
    if (before.number, before.customer_id) != (after.number, after.customer_id) or before.start != after.start:
        return min(before.start, after.start)
    if before.end == after.end:
        return None
    return min(end for end in (before.end, after.end) if end is not None) + _ONE_DAY


def day_of_status_change(before: Sequence[tuple[date, str]], after: Sequence[tuple[date, str]]) -> date | None:
    """The first day on which two status histories differ, `date.min` where from the beginning; None where nowhere.

    Args:
        before, after: (first day, status), the earliest first; before its first entry a history has that status.
    """
    days = [date.min, *sorted({day for day, _ in (*before, *after)})]
    return next((day for day in days if _status(before, day) != _status(after, day)), None)


def _status(history: Sequence[tuple[date, str]], day: date) -> str | None:
    status = history[0][1] if history else None
    for begins, entry in history:
        if begins > day:
            break
        status = entry
    return status
