"""Segments of generations: usage has one table for each, so that old ones can have indexes and the open one none.

The open segment is that of the gate's generation; it takes all that is stored. Those before it are sealed.
"""

from __future__ import annotations

SEGMENT_SHIFT = 20


def segment_of(generation: int) -> int:
    """The segment that a generation lies in."""
    return generation >> SEGMENT_SHIFT


def first_generation(segment: int) -> int:
    """The generation that a segment begins with."""
    return segment << SEGMENT_SHIFT


def leaf_of(generation: int) -> str:
    """The table that usage of a generation is in."""
    return leaf(segment_of(generation))


def leaf(segment: int) -> str:
    """The table of a segment's usage."""
    return f"usage_{segment:d}"
