"""A benchmark as a command: how it ends, whatever ends it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import NoReturn

from bench.common.report import Report
from bench.common.servers import BenchError

from local_platform.errors import PlatformError

MEASURED, WRONG, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: measured; measured, and something is not right; it failed; interrupted."""


def ending_well(work: Callable[[Report], int]) -> int:
    """Do the work, and end it in order when it fails or is interrupted. Returns the exit code."""
    report = Report()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return work(report)
    except KeyboardInterrupt:
        report.say("Interrupted; everything that was started has been stopped.")
        return INTERRUPTED
    except (BenchError, PlatformError) as error:
        report.say(str(error))
        return FAILED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
