"""Made-up requests to the other services; customers' own test is beside the customers service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.fuzzing import fuzz
from tests.support.running import running
from tests.support.seeds import seeds

SCOPES = {
    "rating": ("rating:read", "rating:write", "cdrs:write"),
    "invoicing": ("invoicing:read", "invoicing:write", "billing:run", "documents:read"),
    "notifications": ("notifications:read", "notifications:write"),
}
PHASES = ("examples", "coverage", "fuzzing")


@pytest.mark.faults
@pytest.mark.parametrize("service", SCOPES)
@pytest.mark.parametrize("seed", seeds(1))
def test_no_request_breaks_a_service(
    service_database: Callable[[str], str], kafka: str, tmp_path: Path, service: str, seed: int
) -> None:
    """DESIGN: no 5xx, and no answer that the document does not know. Days may still be given as numbers there."""
    environment = {
        f"FARTHING_POSTGRES_{service.upper()}": service_database(service),
        "FARTHING_KAFKA": kafka,
        "FARTHING_LOG_LEVEL": "WARNING",
    }
    with running(service, SCOPES[service], tmp_path, environment) as made:
        fuzz(made, tmp_path, phases=PHASES, examples=30, seed=seed, without=["negative_data_rejection"])
        assert "unhandled" not in made.log.read_text()
