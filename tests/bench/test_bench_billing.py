"""The benchmark of a billing run, at a size at which it measures nothing: that it runs, ends and bills all once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.billing.options import SWEEP, parse

ROOT = Path(__file__).resolve().parents[2]
TELLS = {
    *("drafts_per_s", "limit_per_s", "ratio", "seconds", "approved_per_s", "us_python", "us_postgres", "us_broker"),
    "peak_mb",
}


@pytest.mark.faults  # half a minute, most of which starts services
def test_a_tiny_benchmark_ends_by_itself_and_bills_everything_once(tmp_path: Path) -> None:
    """I2, I3, I4, I6: every call and every charge that is due is on one invoice, every invoice has its number."""
    command = [sys.executable, "-m", "bench.billing", "--quick", "--state", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stderr[-4_000:]
    result = json.loads(run.stdout.splitlines()[-1])
    assert result.keys() >= TELLS
    assert result["wrong"] == []
    assert all(result[name] > 0 for name in TELLS)
    assert all(name in run.stdout for name in result["stages_s"])
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_has_a_run_for_each_size_the_largest_last() -> None:
    """The last line of a sweep is that of its largest run."""
    assert [each.customers for each in parse(["--sweep"]).points] == list(SWEEP) == sorted(SWEEP)


def test_sizes_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for a benchmark that was not understood."""
    with pytest.raises(SystemExit, match="2"):
        parse(["--customers", "0"])
    assert "--customers" in capsys.readouterr().err
