"""Seeds of the long tests that play by chance: their own, or those of `FARTHING_TEST_SEEDS=7,8 make faults`."""

from __future__ import annotations

import os


def seeds(*own: int) -> tuple[int, ...]:
    """The seeds to play with, `own` where the environment names none.

    Raises:
        ValueError: what it names is no whole numbers with commas between them.
    """
    told = os.environ.get("FARTHING_TEST_SEEDS", "")
    return tuple(map(int, told.split(","))) if told else own
