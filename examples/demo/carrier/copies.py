"""Remembers records already written, so that later ones can repeat them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from examples.demo.carrier.calls import Call
from examples.demo.carrier.varieties import COPIES, SPOILT, Variety

REMEMBERED = 3_000
"""Records kept of each source: enough to copy from, little memory."""
LOOK_BACK = 200
CORRECTABLE = frozenset({Variety.BAD_DATE, Variety.BAD_DURATION, Variety.MISSING_HOUR})
ALTERED = frozenset({Variety.FRACTIONAL, Variety.KNOWN_CLASS, Variety.FOREIGN_COST})
"""Changed only as they are written: a copy made of the call would not be an exact one."""
UNFIT = SPOILT | COPIES | ALTERED


class Copies:
    """Turns records into copies of earlier ones: of the same batch, of another file, or a rejected one put right."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"copies-{seed}")
        self._seen: dict[str, list[Call]] = {}
        self._rejected: dict[str, list[Call]] = {}

    def place(self, varieties: list[Variety], calls: list[Call], *, any_source: bool) -> None:
        """Put copies where the varieties ask for them, in both lists; what has nothing to copy becomes plain.

        Args:
            any_source: copies of other outputs may be of every source, as a JSON value names its own.
        """
        originals = list(calls)
        for position, variety in enumerate(varieties):
            if variety in COPIES:
                copy = self._copy(varieties, originals, position, any_source)
                if copy is None:
                    varieties[position] = Variety.PLAIN
                else:
                    calls[position] = copy

    def remember(self, varieties: Sequence[Variety], calls: Sequence[Call]) -> None:
        """Keep some records of an output for copies in later ones, and the rejected ones that can be put right."""
        for variety, call in zip(varieties, calls, strict=True):
            if variety in CORRECTABLE:
                self._rejected.setdefault(call.source, []).append(call)
        fit = [call for variety, call in zip(varieties, calls, strict=True) if variety not in UNFIT]
        for call in self._random.sample(fit, min(len(fit), REMEMBERED // 4)):
            seen = self._seen.setdefault(call.source, [])
            if len(seen) < REMEMBERED:
                seen.append(call)
            else:
                seen[self._random.randrange(REMEMBERED)] = call

    def _copy(
        self, varieties: Sequence[Variety], originals: Sequence[Call], position: int, any_source: bool
    ) -> Call | None:
        source = originals[position].source
        if varieties[position] is Variety.DUPLICATE_HERE:
            return self._earlier_here(varieties, originals, position)
        if varieties[position] is Variety.CORRECTED:
            rejected = self._rejected.get(source)
            return rejected.pop() if rejected else None
        sources = [name for name in self._seen if any_source or name == source]
        return self._random.choice(self._seen[self._random.choice(sources)]) if sources else None

    def _earlier_here(self, varieties: Sequence[Variety], originals: Sequence[Call], position: int) -> Call | None:
        start = position - self._random.randint(1, LOOK_BACK)
        for earlier in range(max(start, 0), position):
            if varieties[earlier] not in UNFIT:
                return originals[earlier]
        return None
