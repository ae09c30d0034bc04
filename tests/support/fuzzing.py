"""Schemathesis over a service that runs: requests made from its OpenAPI document, and what their answers break."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.running import Running

ROOT = Path(__file__).parent.parent.parent
CONFIG = """\
[checks]
positive_data_acceptance.enabled = false
missing_required_header.enabled = false
unsupported_method.enabled = false
ensure_resource_availability.enabled = false
allow_header_conformance.enabled = false
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
negative_data_rejection.expected-statuses = ["4xx"]

[[operations]]
include-operation-id = "import_customers"
checks.negative_data_rejection.enabled = false
"""
"""All checks but those that ask for more than is promised: a body may keep its schema and break a rule (SPEC C9, say),
a header may go without saying, and `PUT /customers/search` is `PUT /customers/{customer_id}` with an id that is none.
A 405 names the methods of the first route of a path, not of all of them.

What is not built answers 501. Whoever names an old version is told so, whatever else is wrong. An import answers for
each of its rows.
"""
WITHIN_S = 900


def fuzz(
    service: Running, folder: Path, *, phases: Sequence[str], examples: int, seed: int, without: Sequence[str] = ()
) -> None:
    """Send what Schemathesis makes up. Raises AssertionError with its report where an answer breaks a check.

    Args:
        service: where to send it.
        folder: for what it writes.
        phases: of examples, coverage, fuzzing, stateful.
        examples: requests made up for each operation in a phase.
        seed: the same requests for the same document.
        without: checks that are not made.
    """
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {service.token}"]
    command += [f"--exclude-checks={','.join(without)}"] if without else []
    command += ["--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed)]
    command += ["--continue-on-failure", "--no-shrink", "--warnings", "off", "--request-timeout", "60", "--no-color"]
    command += ["--suppress-health-check", "all", "--exclude-path", "/ready"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.fuzzing_hooks", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ran.returncode == 0, f"{ran.stdout[-20_000:]}\n{ran.stderr[-5_000:]}"
