"""One platform per state folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from local_platform.errors import PlatformError, folder_error
from local_platform.folders import make_folder

PREVIOUS_ENDS_WITHIN_SECONDS = 10.0
NAME = "lock"


def take(state: Path) -> IO[str]:
    """Locks the state folder until the file is closed, by us and by the guard that keeps it open for our children.

    Where the last platform was killed a moment ago, its processes are waited for.

    Raises:
        PlatformError: a platform is running there, or the folder cannot be written.
    """
    make_folder(state)
    try:
        file = (state / NAME).open("a+")
    except OSError as error:
        raise folder_error(error, state) from error
    deadline = time.monotonic() + PREVIOUS_ENDS_WITHIN_SECONDS
    while not _try(file):
        owner = _owner(file)
        if _is_alive(owner) or time.monotonic() > deadline:
            file.close()
            raise PlatformError(
                "A platform is running on this state folder already.",
                where=str(state),
                why=f"Process {owner or '(unknown)'} holds its lock.",
                remedy="Use that one, stop it (Ctrl-C, or `kill` with its process id), or name another FARTHING_STATE.",
            )
        time.sleep(0.05)
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(file: IO[str]) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None


def _is_alive(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
