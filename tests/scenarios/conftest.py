"""The billed month that all scenarios look at, read once."""

from __future__ import annotations

import pytest
from tests.scenarios.ledger import Ledger
from tests.support.month import Month


@pytest.fixture(scope="session")
def ledger(month: Month) -> Ledger:
    """January of the small carrier."""
    return Ledger(month)


ADDS_TO_THE_MONTH = "test_a_held_call_is_charged_by_itself_when_its_number_is_added"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What hands in a record of its own comes last of all: others count the month's records."""
    items.sort(key=lambda item: item.name == ADDS_TO_THE_MONTH)
