"""The platform as a library: parts that can be killed and come back, addresses, tokens, a clock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from tests.local import processes
from tests.local.probe_service.run import options
from tests.support.platform import temporary_state

from local_platform import locks
from local_platform.__main__ import main
from local_platform.errors import PlatformError, folder_error
from local_platform.folders import cache_folder
from local_platform.platform import Platform


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "local_platform", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """One platform with the probe as its only service; when it has stopped, nothing of it is left."""
    with temporary_state() as folder:
        with Platform(options(folder / "state")) as running:
            yield running
        assert processes.of_state(folder) == set()


def test_a_platform_lives_through_the_death_of_each_part(platform: Platform) -> None:
    """Postgres, mail and the services come back on their ports, with their data."""
    with psycopg.connect(platform.postgres_dsn("probe")) as connection:
        connection.execute("INSERT INTO probe VALUES (1)")
    first = {name: platform.pid(name) for name in ("postgres", "smtp", "probe")}
    for name in first:
        platform.kill(name)
    processes.wait_until(lambda: all(platform.pid(name) != pid for name, pid in first.items()))
    platform.wait_ready("probe")
    platform.restart("postgres")
    with psycopg.connect(platform.postgres_dsn("probe")) as connection:
        assert connection.execute("SELECT 1 FROM pg_class WHERE relname = 'probe'").fetchone() == (1,)


def test_the_commands_find_the_platform_that_runs(platform: Platform) -> None:
    """`env`, `token`, a second `run`, and `clean`, which refuses."""
    state = ("--state", str(platform.state))
    assert f"export FARTHING_KAFKA={platform.kafka}\n" in command("env", *state).stdout
    assert command("token", *state, "--scope", "customers:read").stdout.count(".") == 2
    second = command("run", *state)
    assert second.returncode == 1
    assert "running on this state folder already" in second.stderr
    assert str(os.getpid()) in second.stderr
    assert "running" in command("clean", *state).stderr


def test_the_clock_is_moved_for_the_processes_of_the_platform(platform: Platform) -> None:
    """The business date of those processes, not of this one."""
    platform.set_clock(date(2026, 1, 31))
    code = "from service_kit import clock; print(clock.today())"
    environment = {**os.environ, **platform.environment}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "2026-01-31"
    platform.reset_clock()


def test_a_stopped_part_stays_stopped_until_it_is_started(platform: Platform) -> None:
    platform.service_environment["probe"] = {"PROBE_EXTRA": "told at the next start"}
    platform.stop_part("probe")
    old = platform.pid("probe")
    with pytest.raises(ProcessLookupError):
        os.kill(old, 0)
    platform.start_part("probe")
    environment = Path(f"/proc/{platform.pid('probe')}/environ").read_bytes()
    assert b"PROBE_EXTRA=told at the next start" in environment
    started = platform.pid("probe")
    platform.kill("probe", signal.SIGTERM)
    processes.wait_until(lambda: platform.pid("probe") != started)


async def test_servers_that_run_elsewhere_are_used_instead_of_our_own(
    state: Path, kafka_broker: str, empty_database: str
) -> None:
    ours = options(state)
    environment = {**ours.environment, "FARTHING_KAFKA": kafka_broker, "FARTHING_POSTGRES_PROBE": empty_database}
    async with Platform(replace(ours, environment=environment)) as platform:
        assert (platform.kafka, platform.postgres_dsn("probe")) == (kafka_broker, empty_database)
        assert not (state / "kafka").exists()
        assert not (state / "postgres").exists()
        with psycopg.connect(empty_database) as connection:
            assert connection.execute("SELECT count(*) FROM probe").fetchone() == (0,)


def test_what_no_platform_runs_on_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--state", str(tmp_path)]) == 1
    assert "No platform is running" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("run", "--state", str(state), "--rating-port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken." in done.stderr
    assert "What to do: Stop that program" in done.stderr
    assert processes.of_state(state) == set()


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = command("run", "--state", str(tmp_path / "file" / "state"))
    assert done.returncode == 1
    assert str(tmp_path / "file" / "state") in done.stderr.replace("\n", "")
    assert "FARTHING_STATE" in done.stderr


def test_a_full_disk_is_said_to_be_full() -> None:
    error = folder_error(OSError(28, "No space left on device"), Path("/somewhere"))
    assert "No space left" in error.why
    assert "Free some space" in error.remedy


def test_clean_removes_a_state_folder_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    locks.StateLock(state).close()
    (state / "kafka").mkdir()
    (state / "cache").mkdir()
    assert main(["clean", "--state", str(state)]) == 0
    assert [path.name for path in state.iterdir()] == ["cache"]
    (tmp_path / "precious").write_text("not ours")
    assert main(["clean", "--state", str(tmp_path)]) == 1
    assert "does not look like" in capsys.readouterr().err
    assert (tmp_path / "precious").exists()


def test_clean_removes_what_the_demo_left_too(tmp_path: Path) -> None:
    state = tmp_path / "state"
    locks.StateLock(state / "demo").close()
    (state / "demo" / "maildir").mkdir()
    assert main(["clean", "--state", str(state)]) == 0
    assert not state.exists()


def test_the_cache_is_where_the_environment_says_or_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARTHING_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("FARTHING_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "farthing"
    (tmp_path / "file").write_text("a home that cannot be written")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder(tmp_path / "state") == tmp_path / "state" / "cache"


def test_a_token_for_an_unknown_scope_or_an_unknown_platform_is_refused(tmp_path: Path) -> None:
    from local_platform.identity import set_up, token

    with pytest.raises(PlatformError, match="no platform"):
        token(tmp_path)
    set_up(tmp_path)
    with pytest.raises(PlatformError, match="customers:wrote"):
        token(tmp_path, ["customers:wrote"])
