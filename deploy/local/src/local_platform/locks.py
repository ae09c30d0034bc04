"""One platform per state folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO, Self

from local_platform.errors import PlatformError, folder_error
from local_platform.folders import make_folder

PREVIOUS_ENDS_WITHIN_SECONDS = 15.0
NAME = "lock"
_CHILDREN = "lock.children"


class StateLock:
    """Keeps others from using the state folder, until `close` or the end of this process.

    `children` is a second lock for the guard to hold: where a platform was killed, the next one waits for it, that is
    until the last process of the killed one is gone.

    Raises:
        PlatformError: a platform is running there, or the folder cannot be written.
    """

    def __init__(self, state: Path) -> None:
        make_folder(state)
        self._own = _open(state / NAME)
        self.children = _open(state / _CHILDREN)
        try:
            if not _try(self._own):
                raise self._taken(state, f"Process {self._own.read().strip() or '(unknown)'} holds its lock.")
            deadline = time.monotonic() + PREVIOUS_ENDS_WITHIN_SECONDS
            while not _try(self.children):
                if time.monotonic() > deadline:
                    raise self._taken(state, "Processes of a platform that was killed are still there.")
                time.sleep(0.05)
        except BaseException:
            self.close()
            raise
        self._own.truncate(0)
        self._own.write(str(os.getpid()))
        self._own.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets others in, once the guard has ended too."""
        self._own.close()
        self.children.close()

    def _taken(self, state: Path, why: str) -> PlatformError:
        return PlatformError(
            "A platform is running on this state folder already.",
            where=str(state),
            why=why,
            remedy="Use that one, stop it (Ctrl-C, or `kill` with its process id), or name another FARTHING_STATE.",
        )


def _open(path: Path) -> IO[str]:
    try:
        file = path.open("a+")
    except OSError as error:
        raise folder_error(error, path.parent) from error
    file.seek(0)
    return file


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
