"""What is unusual on a bill."""

from __future__ import annotations

from decimal import Decimal

import pytest

from invoicing.domain.bounds import Bounds, unusual

TENS = [Decimal("10.00")] * 3


@pytest.mark.parametrize(
    ("net", "before", "bounds", "told"),
    [
        ("1000000.00", [], Bounds(), ""),
        ("100.00", [], Bounds(max_net=Decimal(100)), ""),
        ("100.01", [], Bounds(max_net=Decimal(100)), "over 100"),
        ("-50.00", [], Bounds(max_credit=Decimal(50)), ""),
        ("-50.01", [], Bounds(max_credit=Decimal(50)), "below zero"),
        ("20.00", TENS, Bounds(max_factor=Decimal(2)), ""),
        ("20.01", TENS, Bounds(max_factor=Decimal(2)), "average of the last 3"),
        ("20.01", TENS, Bounds(max_factor=Decimal(2), factor_from=Decimal(30)), ""),
        ("20.01", [], Bounds(max_factor=Decimal(2)), ""),
        ("20.01", [Decimal("-5.00")], Bounds(max_factor=Decimal(2)), ""),
    ],
)
def test_a_net_is_unusual_beyond_the_bounds_only(net: str, before: list[Decimal], bounds: Bounds, told: str) -> None:
    """I3: none given, none asked; at the bound it is still usual; who was never billed has no average."""
    reason = unusual(Decimal(net), before, bounds)
    assert (told in reason) if told else reason == ""
