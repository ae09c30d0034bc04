"""Which tariff may be the parent of which: no circles, and not more levels than a call is looked up in (SPEC R5)."""

from __future__ import annotations

from collections.abc import Mapping

from rating.domain.decks import MOST_LEVELS


def wrong_parent(code: str, parent: str, parents: Mapping[str, str | None]) -> str | None:
    """Why a tariff cannot be the parent of another; None where it can.

    Args:
        code: of the tariff that is to inherit; it may be new.
        parent: of the one that it is to inherit from.
        parents: the parent of every tariff there is.
    """
    if parent not in parents:
        return f"there is no tariff '{parent}': add it first"
    above = line_of(parent, parents)
    if code in above:
        return f"{code} would inherit from itself: {' > '.join([code, *above[: above.index(code) + 1]])}"
    below = _levels_below(code, parents)
    if below + len(above) > MOST_LEVELS:
        line = " > ".join([code, *above])
        return f"at most {MOST_LEVELS} tariffs may stand in one line; this would make {below + len(above)}: {line}"
    return None


def line_of(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """A tariff, its parent, and so on."""
    line: list[str] = []
    each: str | None = code
    while each is not None and each not in line:
        line.append(each)
        each = parents.get(each)
    return line


def _levels_below(code: str, parents: Mapping[str, str | None]) -> int:
    """How many levels a tariff and what inherits from it have."""
    children = [child for child, parent in parents.items() if parent == code]
    return 1 + max((_levels_below(child, parents) for child in children), default=0)
