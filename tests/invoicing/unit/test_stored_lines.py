"""Lines of usage as they are stored, and read back without being checked again."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from contracts.closing import UsageLine
from invoicing.store.closes import StoredLine

LINE = UsageLine(
    number_id=7,
    number="+442079460123",
    call_class="UK National",
    band="peak",
    plan="minutes",
    calls=3,
    seconds=180,
    units=1,
    volume_bytes=2,
    list_price=Decimal("0.123456"),
    discount=Decimal("0.023456"),
    net_exact=Decimal("0.100000"),
    net=Decimal("0.10"),
    cost=Decimal("0.01"),
)


def test_a_stored_line_has_the_fields_of_the_contract() -> None:
    """I4, Z2: nothing of what rating closed is lost between taking it in and billing it."""
    assert {each.name for each in msgspec.structs.fields(StoredLine)} == set(UsageLine.model_fields)


def test_a_stored_line_is_the_line_that_came() -> None:
    """Z2: to the last place."""
    stored = msgspec.json.decode(LINE.model_dump_json(), type=StoredLine)
    assert msgspec.structs.asdict(stored) == dict(LINE)
    assert str(stored.net_exact) == "0.100000"
