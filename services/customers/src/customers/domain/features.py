"""Changing features (SPEC C9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from customers.domain.charges import check_days
from customers.domain.numbers import Feature
from customers.domain.plans import check_plans
from customers.domain.rules import RuleBroken

OF_A_CALL_PLAN = frozenset({"description", "end"})
"""What can be changed of a call plan: the rest is its number's."""


def changed_feature(feature: Feature, changes: Mapping[str, Any]) -> Feature:
    """A feature with some of its fields changed; its charges end with it, wherever its end moves.

    Args:
        feature: as it is.
        changes: `description`, `end`, `number_id`, `discount_plans`, those that change.

    Raises:
        RuleBroken: says which field and why.
    """
    for field in changes:
        if feature.kind == "call_plan" and field not in OF_A_CALL_PLAN:
            raise RuleBroken(field, f"this is a call plan of number {feature.number_id}: change that at the number")
    changed = replace(feature, **changes)
    if not changed.description:
        raise RuleBroken("description", "describe the feature, for the bill")
    check_days(changed.start, changed.end)
    check_plans(changed.discount_plans)
    return changed
