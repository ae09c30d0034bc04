"""Which status a customer has when (SPEC C8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from contracts.customers import StatusPeriod
from customers.domain.rules import RuleBroken

MOST_CHANGES = 500
"""Of one customer's status: its event carries the history, and has a largest size."""

History = tuple[StatusPeriod, ...]
"""Ordered by effective date; of two changes for one day the later recorded stands later, and holds."""


def status_on(history: Sequence[StatusPeriod], day: date) -> StatusPeriod | None:
    """SPEC C8: the entry that holds on a day; None before the history begins."""
    return next((period for period in reversed(history) if period.effective_from <= day), None)


def status_now(history: Sequence[StatusPeriod], today: date) -> str:
    """The code of today's status; before the history begins, that with which it will."""
    return (status_on(history, today) or history[0]).status


def with_change(history: History, change: StatusPeriod) -> History:
    """The history with one more change; the same change again leaves it as it is.

    Raises:
        RuleBroken: it is full.
    """
    same_day = [period for period in history if period.effective_from == change.effective_from]
    if same_day and same_day[-1] == change:
        return history
    if len(history) >= MOST_CHANGES:
        raise RuleBroken("status", f"the status of this customer has changed {MOST_CHANGES} times: no more are kept")
    return tuple(sorted((*history, change), key=lambda period: period.effective_from))


def holding(history: Sequence[StatusPeriod]) -> History:
    """What the other services need: one entry a day, the one that holds."""
    return tuple({period.effective_from: period for period in history}.values())
