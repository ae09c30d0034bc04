"""Doing things side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait


def together(calls: Sequence[Callable[[], object]], give_up: Callable[[], object]) -> None:
    """Makes all calls at once and returns when all have returned.

    Args:
        calls: what to do.
        give_up: called when one has failed or the user interrupts; it must make the other calls end soon.
    Raises:
        the first call's exception, or KeyboardInterrupt.
    """
    if not calls:
        return
    pool = ThreadPoolExecutor(len(calls))
    futures = [pool.submit(call) for call in calls]
    try:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
    except BaseException:
        give_up()
        raise
    finally:
        pool.shutdown()
