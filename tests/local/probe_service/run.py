"""Runs a platform with the probe as its only service: `run.py <state folder>`. Prints what happens, then `up`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from local_platform.options import Options
from local_platform.platform import Platform
from local_platform.services import ServiceDefinition

HERE = Path(__file__).parent


def options(state: Path) -> Options:
    """Options of a platform that has only the probe."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "FARTHING_MIGRATIONS": str(HERE / "migrations")}
    for name in ("FARTHING_KAFKA", "FARTHING_POSTGRES_PROBE"):
        environment.pop(name, None)
    return Options(
        state=state,
        services=(ServiceDefinition("probe"),),
        durable=False,
        environment=environment,
        restart_delays_seconds=(0.05,),
        report=lambda text: print(text, flush=True),
    )


def main() -> None:
    """Until interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests in the background ignores it
    try:
        with Platform(options(Path(sys.argv[1]))):
            print("up", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("interrupted", flush=True)


if __name__ == "__main__":
    main()
