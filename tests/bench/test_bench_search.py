"""The benchmark of searching, at a size at which it measures nothing: that it runs, ends and finds what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from bench.search.filling import number_of
from bench.search.names import Names
from bench.search.options import parse

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.faults  # fills and starts a service: for a benchmark that is too long
def test_a_tiny_benchmark_ends_by_itself_and_finds_what_is_there(tmp_path: Path) -> None:
    """F1, F2, F4: every kind of question is answered; a search for what is there finds something."""
    sizes = ["--customers", "600", "--numbers", "1500", "--clients", "2", "--processes", "1", "--seconds", "0.05"]
    command = [sys.executable, "-m", "bench.search", *sizes, "--state", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr[-4_000:]
    result = json.loads(run.stdout.splitlines()[-1])
    slowest = result["kinds"][result["slowest"]]
    assert [round(result[name], 1) for name in ("p50_ms", "p95_ms", "p99_ms")] == pytest.approx(slowest, rel=0.01)
    assert len(result["kinds"]) >= 19
    assert result["missed"] == 0
    assert result["sizes"] == {"customers": 600, "numbers": 1500, "clients": 2}
    assert list(tmp_path.iterdir()) == []


def test_names_are_the_same_for_the_same_seed_and_spread_unevenly() -> None:
    """Two measurements are of the same customers, few of whose names are common."""
    made = [each.name for each in Names(5).make(4_000)]
    assert made == [each.name for each in Names(5).make(4_000)]
    last = [name.split()[-1] for name in made]
    assert last.count("Smith") > 20
    assert len(set(last)) > 1_000


def test_every_number_is_another() -> None:
    """C9: as many holders as numbers."""
    some = {number_of(at) for at in (*range(12_000), *Random(1).sample(range(12_000, 3_000_000), 20_000))}
    assert len(some) == 32_000
    assert {len(number) for number in some} == {13}


def test_sizes_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for a benchmark that was not understood."""
    with pytest.raises(SystemExit, match="2"):
        parse(["--clients", "0"])
    assert "--clients" in capsys.readouterr().err
