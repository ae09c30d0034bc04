"""What can go wrong on the machine, said so that a person can act on it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

FULL, TAKEN = "No space left on device", "Address already in use"
TELLING = ("ERROR", "FATAL", "CRITICAL", "PANIC", "Error:", "Exception:", "error:", FULL, TAKEN)
LINES_LOOKED_AT, TAIL_LINES = 200, 8
MAX_LINE = 400


class PlatformError(Exception):
    """The platform cannot go on.

    Args:
        what: what failed, in one sentence.
        where: the file, address or process it happened at.
        why: the cause, as far as it is known.
        remedy: what the reader can do about it.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        self.what, self.where, self.why, self.remedy = what, where, why, remedy
        parts = (("", what), ("Where: ", where), ("Why: ", why), ("What to do: ", remedy))
        super().__init__("\n".join(label + text for label, text in parts if text))


def folder_error(error: OSError, folder: Path) -> PlatformError:
    """The error to raise when a file under `folder` cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free some space there, or name another folder in FARTHING_STATE (and FARTHING_CACHE)."
    else:
        remedy = "Make the folder writable for this user, or name another one in FARTHING_STATE (and FARTHING_CACHE)."
    why = os.strerror(error.errno) if error.errno else str(error)
    return PlatformError("A folder of the platform cannot be written.", where=str(folder), why=why, remedy=remedy)


def log_tail(log: Path) -> str:
    """The last lines of a log file that speak of errors, else its last lines, each cut short; or that there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-LINES_LOOKED_AT:]
    except OSError:
        return "(no log was written)"
    telling = [line for line in lines if any(word in line for word in TELLING)]
    shown = telling[-TAIL_LINES:] or lines[-TAIL_LINES:]
    return "\n".join(line[:MAX_LINE] for line in shown) or "(the log is empty)"


def start_failure(name: str, log: Path, exit_code: int | None) -> PlatformError:
    """The error to raise when a child process ended, or kept silent, instead of becoming ready."""
    tail = log_tail(log)
    ended = "did not become ready in time" if exit_code is None else f"ended with exit code {exit_code}"
    remedy = "Read the log named above."
    if FULL in tail:
        remedy = "Free some space on the disk of the state folder, or name another one in FARTHING_STATE."
    elif TAKEN in tail:
        remedy = "Another program took the port meanwhile: start again, or name another port."
    return PlatformError(f"{name} {ended}.", where=str(log), why=tail, remedy=remedy)
