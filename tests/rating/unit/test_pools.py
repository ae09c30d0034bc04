"""Places beside a dictionary, and rows that wait for what has not come."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.domain.pools import NOWHERE, Places, Pool, Waiting

KEYS = st.integers(1, 200) | st.integers(1, 2**63 - 1)
ROWS = st.integers(0, 5)
IDS = st.integers(1, 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(KEYS, unique=True), st.lists(KEYS), st.lists(KEYS))
def test_a_key_stays_where_it_was_put_however_many_come(filled: list[int], put: list[int], asked: list[int]) -> None:
    """R3: a number is found among all others, whether it was there at the start or came since."""
    places, plain = Places(), {key: row for row, key in enumerate(filled)}
    places.fill(np.array(filled, dtype=np.int64))
    for key in put:
        assert places.put(key) == plain.setdefault(key, len(plain))
    everything = [*plain, *asked, NOWHERE]
    expected = [plain.get(key, NOWHERE) for key in everything]
    assert places.find(np.array(everything, dtype=np.int64)).tolist() == expected
    assert [places.get(key) for key in everything] == expected
    assert len(places) == len(plain)
    assert places.keys[: len(plain)].tolist() == list(plain)


def test_a_hundred_thousand_numbers_in_a_row_are_found() -> None:
    """R3: numbers come in ranges; those that meet at one slot go on to the next."""
    places, keys = Places(), 442_000_000_000 + np.arange(100_000, dtype=np.int64) * 16
    places.fill(keys[:50_000])
    for key in keys[50_000:70_000].tolist():
        places.put(key)
    found = places.find(keys)
    assert found[:70_000].tolist() == list(range(70_000))
    assert set(found[70_000:].tolist()) == {NOWHERE}


@given(st.lists(st.tuples(st.sampled_from(["wait", "leave", "come"]), ROWS, IDS)))
def test_who_waits_is_told_once_when_it_comes(steps: list[tuple[str, int, int]]) -> None:
    """R3: an assignment that came before its number or customer finds it as soon as that comes."""
    waiting, plain = Waiting(), dict[int, int]()
    for what, row, awaited in steps:
        if what == "come":
            assert waiting.come(awaited) == sorted(each for each, waits_for in plain.items() if waits_for == awaited)
            plain = {each: waits_for for each, waits_for in plain.items() if waits_for != awaited}
        else:
            waiting.leave(row)
            plain.pop(row, None)
            if what == "wait":
                waiting.wait(row, awaited)
                plain[row] = awaited
        assert len(waiting) == len(plain)
        assert [waiting.awaited_by(each) for each in range(6)] == [plain.get(each) for each in range(6)]


def test_rows_stay_where_they_are_when_a_pool_grows() -> None:
    """R3: what is known of a number is written in place while others are added."""
    pool = Pool({"value": np.int32})
    for value in range(1_000):
        row = pool.add(1)
        pool["value"][row] = value
    assert pool["value"][: pool.size].tolist() == list(range(1_000))
