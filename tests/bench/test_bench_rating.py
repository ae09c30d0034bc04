"""The benchmark of rating, at a size at which it measures nothing: that it runs, ends and finds nothing wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.rating.options import parse

ROOT = Path(__file__).resolve().parents[2]
TELLS = {
    *("cdrs_per_s_1", "cdrs_per_s_2", "null_per_s_2", "ratio", "us_worker", "us_broker", "us_postgres", "peak_mb"),
    *("lost", "doubled"),
}


@pytest.mark.faults
def test_a_tiny_benchmark_ends_by_itself_and_finds_each_record_once(tmp_path: Path) -> None:
    """R1, R3, Z21: of new, repeated, unknown and unreadable records none is lost and none is charged twice."""
    command = [sys.executable, "-m", "bench.rating", "--quick", "--parts", "drain,null", "--state", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-4_000:]
    result = json.loads(run.stdout.splitlines()[-1])
    assert result.keys() >= TELLS
    assert (result["lost"], result["doubled"], result["unexpected"]) == (0, 0, [])
    assert all(result[name] > 0 for name in ("cdrs_per_s_1", "cdrs_per_s_2", "null_per_s_2", "ratio", "peak_mb"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [["--parts", "rating"], ["--sweep", "everything"]])
def test_a_part_that_does_not_exist_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for a benchmark that was not understood."""
    with pytest.raises(SystemExit, match="2"):
        parse(wrong)
    assert wrong[0] in capsys.readouterr().err
