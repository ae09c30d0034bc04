"""A small generated carrier, made once for the tests of the generator."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples.demo.carrier.generate import generate

CUSTOMERS = 40
CDRS = 4_000


@pytest.fixture(scope="session")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a carrier of 40 customers and 4,000 CDRs."""
    folder = tmp_path_factory.mktemp("carrier")
    generate(folder, customer_count=CUSTOMERS, cdr_count=CDRS, seed=1)
    return folder
