"""What a discount plan made of a call, in words (SPEC R7, R9)."""

from __future__ import annotations

from dataclasses import replace

from rating.domain.arithmetic import Fact, Step
from rating.domain.discounts import Discount, Discounted, Draw
from rating.domain.explaining import Explanation
from rating.domain.plans import CASH, MEGABYTES, MINUTES
from rating.domain.wording import money


def with_discount(told: Explanation, discount: Discount, close_id: int | None) -> Explanation:
    """The explanation of a priced call, with what plans made of it."""
    assert told.charge_micro is not None
    left = told.charge_micro - discount.discount
    discounted = Discounted(discount.plan, discount.discount, left, discount.draws, close_id)
    return replace(told, discounted=discounted, steps=(*told.steps, _step(told.charge_micro, discounted)))


def _step(listed: int, told: Discounted) -> Step:
    drew = " and ".join(_drew(draw) for draw in told.draws) or "draws nothing"
    decided = f"Decided by close {told.close_id}" if told.close_id else "Provisional, until the bill is made"
    sentence = (
        f"Discount plan {told.plan}: the call {drew}; of {money(listed)} that takes {money(told.discount_micro)} off, "
        f"and {money(told.charge_micro)} is charged. {decided}."
    )
    facts: dict[str, Fact] = {
        "plan": told.plan,
        "list_micro": listed,
        "discount_micro": told.discount_micro,
        "charge_micro": told.charge_micro,
        "close_id": told.close_id,
    }
    return Step("discount", sentence, facts)


def _drew(draw: Draw) -> str:
    amounts = {MINUTES: f"{draw.amount:,} s", MEGABYTES: f"{draw.amount:,} bytes", CASH: money(draw.amount)}
    return f"draws {amounts.get(draw.unit, f'{draw.amount:,} of calls')} on the pool {draw.pool} of {draw.plan}"
