"""Discount plans on customers, numbers and features: which when (SPEC R7)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from contracts.customers import PlanPeriod
from customers.domain.charges import check_days
from customers.domain.rules import RuleBroken, within

MOST_PLANS = 100
"""On one customer, number or feature."""


def check_plans(plans: Sequence[PlanPeriod]) -> None:
    """SPEC R7: a plan is assigned at most once on any day.

    Raises:
        RuleBroken: says which field and why.
    """
    if len(plans) > MOST_PLANS:
        raise RuleBroken("discount_plans", f"at most {MOST_PLANS} discount plans are kept: leave out what is long over")
    for place, plan in enumerate(plans):
        with within(f"discount_plans.{place}"):
            check_days(plan.start, plan.end)
    for earlier, later in pairwise(sorted(plans, key=lambda plan: (plan.plan, plan.start))):
        if earlier.plan == later.plan and (earlier.end is None or earlier.end >= later.start):
            message = f"'{later.plan}' is there twice on {later.start}: end one before the other begins"
            raise RuleBroken("discount_plans", message)
