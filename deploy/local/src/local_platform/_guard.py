"""Ends the processes of a platform when the process that started them is gone, however it went.

Run by `processes.Children` with one end of a pipe as standard input; the starter holds the other end. Lines read:
`+<process group> <signal>` (watch this group, send it this signal), `-<process group>` (it has ended).
The end of the input means that the starter is dead. Only the standard library, to stay small and quick.
"""

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_SECONDS = 5.0


def exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(group: int, signal_number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)


def watch() -> dict[int, int]:
    """Reads until the starter is gone. Returns the groups that still run, with the signal for each."""
    groups: dict[int, int] = {}
    for line in sys.stdin:
        words = line[1:].split()
        if line.startswith("+"):
            groups[int(words[0])] = int(words[1])
        else:
            groups.pop(int(words[0]), None)
    return groups


def end(groups: dict[int, int]) -> None:
    for group, signal_number in groups.items():
        send(group, signal_number)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(exists(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.02)
    for group in groups:
        send(group, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(watch())
