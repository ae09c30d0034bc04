"""Record ids as keys: hashing, filters, tiers and chunks."""

from __future__ import annotations

import numpy as np
import pytest

from rating.domain.recordkeys import (
    KEY,
    NOBODY,
    SLICES,
    Filter,
    Keys,
    Probe,
    Unsealed,
    as_signed,
    chunks_of,
    find_in_chunk,
    first_of_each,
    in_order,
    joined,
    key_of,
    keys_of_ids,
    slice_bounds,
)

SEED = 7


def keys_named(names: list[str], first: int = 0, seed: int = SEED) -> Keys:
    """Keys of records of one source, with usage ids that follow each other."""
    return keys_of_ids([("northstar", each) for each in names], np.arange(first, first + len(names)), seed)


def many(count: int, first: int = 0) -> Keys:
    """Keys of as many records."""
    return keys_named([str(each) for each in range(first, first + count)], first)


def hand_made(*hashes: tuple[int, int]) -> Keys:
    """Keys of the given hashes."""
    keys = np.zeros(len(hashes), dtype=KEY)
    keys["h1"], keys["h2"] = np.array(hashes, dtype=np.uint64).T
    keys["usage_id"] = np.arange(len(hashes))
    return keys


def test_ids_are_told_apart_by_source_and_exactly() -> None:
    """Z21: unique within a source; case, leading zeros and where the source ends make another id."""
    ids = [("a", "1"), ("b", "1"), ("a", "01"), ("a", "A"), ("a", "a"), ("ab", "c"), ("a", "bc"), ("a", "ünï")]
    keys = keys_of_ids(ids, np.arange(len(ids)), SEED)
    assert len({(key["h1"], key["h2"]) for key in keys}) == len(ids)
    assert key_of("a", "ünï", SEED)[0]["h1"] == keys["h1"][-1]


def test_another_installation_hashes_otherwise() -> None:
    """R1: ids that hash alike cannot be made without knowing the installation's seed."""
    assert keys_named(["x"])["h1"] != keys_named(["x"], seed=SEED + 1)["h1"]


def test_the_hash_of_an_id_never_changes() -> None:
    """R1: what is stored today must be found in years."""
    assert key_of("northstar", "1", SEED).tobytes()[:16].hex() == "ca31ea1caf9b40c5b8b17e3b116fa604"


@pytest.mark.parametrize(
    ("names", "first"),
    [([], []), (["a"], [0]), (["a", "b", "a", "b", "a"], [0, 1, 0, 1, 0]), (["b", "a", "c"], [0, 1, 2])],
)
def test_the_first_copy_of_a_batch_is_the_first_in_order(names: list[str], first: list[int]) -> None:
    """Z21: of copies in one batch, the first is charged."""
    assert first_of_each(keys_named(names)).tolist() == first


def test_half_a_hash_in_common_is_no_copy() -> None:
    """Z21: both halves of the hash are compared, in a batch, in tiers and in chunks."""
    keys = hand_made((5, 1), (5, 2), (6, 1), (5, 1))
    assert first_of_each(keys).tolist() == [0, 1, 2, 0]
    unsealed = Unsealed(100)
    unsealed.add(in_order(keys[:2]))
    found = unsealed.find(hand_made((5, 2), (5, 3), (6, 2), (5, 1)))
    assert found["usage_id"].tolist() == [1, NOBODY, NOBODY, 0]
    assert find_in_chunk(keys[:2].tobytes(), hand_made((5, 3))[0]) is None


def test_a_filter_forgets_no_key_and_lets_few_others_through() -> None:
    """R1: "surely new" is never said of a key that was added."""
    told = Filter.sized(20_000)
    told.add(many(20_000))
    assert told.maybe(Probe.of(many(20_000))).all()
    assert told.maybe(Probe.of(many(20_000, first=20_000))).mean() < 0.01
    assert told.words.nbytes <= 2 * 20_000 + 8


@pytest.mark.parametrize("sizes", [[5] * 300, [700, 3] * 60, [9_000, 5] * 30, [1] * 64 + [40_000] + [1] * 64])
def test_keys_added_in_batches_of_any_size_are_found_in_few_tiers(sizes: list[int]) -> None:
    """R1: whoever has a key is known, however many batches came since."""
    unsealed, first = Unsealed(1_000), 0
    for size in sizes:
        unsealed.add(in_order(many(size, first)))
        first += size
    asked = many(first + 10)
    expected = [*range(first), *[NOBODY] * 10]
    assert unsealed.find(asked)["usage_id"].tolist() == expected
    assert len(unsealed) == first
    assert len(unsealed._tiers) <= 7 * 4


def test_every_key_of_a_run_is_in_the_last_chunk_that_begins_before_it() -> None:
    """R1: a run is asked for one chunk only."""
    crowd = hand_made(*((1 << 63, each) for each in range(200)), *((each << 56, 1_000) for each in range(SLICES)))
    keys = in_order(np.concatenate((many(5_000), crowd)))
    chunks = list(chunks_of(keys))
    firsts = np.array([first for first, _ in chunks])
    assert (np.diff(firsts) > 0).all()
    places = np.searchsorted(firsts, as_signed(keys["h1"]), side="right") - 1
    for key, place in zip(keys, places.tolist(), strict=True):
        found = find_in_chunk(chunks[place][1], key)
        assert found is not None
        assert found["usage_id"] == key["usage_id"]


def test_no_chunk_reaches_from_one_slice_into_the_next() -> None:
    """R1: runs are merged slice by slice, and none of their keys is left out or met twice."""
    keys = in_order(many(30_000))
    slices = [slice_bounds(number) for number in range(SLICES)]
    assert (slices[0][0], slices[-1][1]) == (-(1 << 63), (1 << 63) - 1)
    parts = [
        joined([chunk for begin, chunk in chunks_of(keys) if first <= begin <= last]) for first, last in slices[::64]
    ]
    for (first, last), part in zip(slices[::64], parts, strict=True):
        signed = as_signed(keys["h1"])
        assert part.tobytes() == keys[(signed >= first) & (signed <= last)].tobytes()


def test_a_hash_that_lies_across_two_keys_is_not_found() -> None:
    """R1: bytes that only look like a key, because of where they lie, are none."""
    keys = hand_made((1, 2), (3, 4))
    across = np.frombuffer(keys.tobytes()[8:24] + bytes(16), dtype=KEY)[0]
    assert find_in_chunk(keys.tobytes(), across) is None
