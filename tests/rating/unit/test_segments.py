"""Segments of generations (DESIGN "Rating at volume")."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rating.domain.segments import first_generation, leaf, leaf_of, segment_of


@given(st.integers(0, 2**40))
def test_every_generation_lies_in_one_segment(generation: int) -> None:
    """DESIGN "Rating at volume": usage of a generation is in one leaf, and leaves follow each other without a gap."""
    segment = segment_of(generation)
    assert first_generation(segment) <= generation < first_generation(segment + 1)
    assert leaf_of(generation) == leaf(segment)


def test_leaves_have_the_names_of_the_migration() -> None:
    """DESIGN "Rating at volume": what was stored before there were segments is segment 0."""
    assert [leaf_of(0), leaf_of((1 << 20) - 1), leaf_of(1 << 20)] == ["usage_0", "usage_0", "usage_1"]
