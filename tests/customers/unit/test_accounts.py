"""How an account stands to its credit limit, and what a batch of events says in the end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.billing import AccountBalanceChanged, CreditLimitReached
from contracts.closing import UsageUnbilled
from customers.domain.accounts import Account, gathered


def account(limit: str | None, exposure: str | None) -> Account:
    return Account(
        7,
        credit_limit=None if limit is None else Decimal(limit),
        exposure=None if exposure is None else Decimal(exposure),
    )


@pytest.mark.parametrize(
    ("limit", "exposure", "standing", "headroom", "percent"),
    [
        ("100.00", "79.99", "under", "20.01", "79.99"),
        ("100.00", "80.00", "near", "20.00", "80"),
        ("100.00", "100.00", "near", "0.00", "100"),
        ("100.00", "100.01", "over", "-0.01", "100.01"),
        ("100.00", "-5.00", "under", "105.00", "-5"),
        ("0.00", "0.00", "under", "0.00", None),
        ("0.00", "0.01", "over", "-0.01", None),
        ("100.00", None, "unknown", None, None),
        (None, "50.00", "no_limit", None, None),
        (None, None, "no_limit", None, None),
    ],
)
def test_at_80_percent_an_account_is_near_and_above_its_limit_over(
    limit: str | None, exposure: str | None, standing: str, headroom: str | None, percent: str | None
) -> None:
    """Z23: 80 % means at or above, the limit means above."""
    found = account(limit, exposure)
    assert found.standing == standing
    assert (found.headroom, found.used_percent) == (
        None if headroom is None else Decimal(headroom),
        None if percent is None else Decimal(percent),
    )


def test_what_was_not_told_is_named_and_not_taken_as_nothing() -> None:
    """C13"""
    assert account("10.00", None).not_known == ("balance", "unbilled_usage", "unbilled_charges")
    assert Account(7, balance=Decimal("0.00")).not_known == ("unbilled_usage", "unbilled_charges")


def test_of_a_batch_the_newest_of_each_customer_counts_in_whatever_order() -> None:
    balances = [
        AccountBalanceChanged(customer_id=customer, version=version, balance=Decimal(f"{version}.00"))
        for customer, version in ((2, 1), (1, 3), (1, 2), (2, 2))
    ]
    usage = UsageUnbilled(
        customer_id=3, version=1, as_of=datetime(2025, 1, 1, tzinfo=UTC), calls=0, net_exact=Decimal(0)
    )
    told = gathered([*balances, usage])
    assert [(each.customer_id, each.version) for each in told.balances] == [(1, 3), (2, 2)]
    assert told.customers == [1, 2, 3]


def test_of_notices_the_latest_counts() -> None:
    """C13: an event has no version, but says when."""
    early, late = (
        CreditLimitReached(
            customer_id=1,
            level=level,  # type: ignore[arg-type]
            limit=Decimal("100.00"),
            unbilled=Decimal("81.00"),
            balance=Decimal("0.00"),
            as_of=datetime(2025, 1, day, tzinfo=UTC),
        )
        for level, day in (("warning", 3), ("limit", 5))
    )
    assert gathered([late, early]).notices == [late]
