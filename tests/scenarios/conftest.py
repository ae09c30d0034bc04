"""The billed month that all scenarios look at, read once."""

from __future__ import annotations

import pytest
from tests.scenarios.ledger import Ledger
from tests.support.month import Month


@pytest.fixture(scope="session")
def ledger(month: Month) -> Ledger:
    """January of the small carrier."""
    return Ledger(month)
