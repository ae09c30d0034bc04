"""Record ids in rating's database: every call that is kept has its own, and no other has (SPEC R1, Z21)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tests.support.auditor.checks import Books

from rating.domain.recordkeys import first_of_each, joined, keys_of_ids

Hash = tuple[int, int]


def ids_are_their_calls(books: Books) -> Iterator[str]:
    """What is wrong between record ids, the calls that are kept, and the duplicates of them."""
    if "rating" not in books:
        return
    stored = joined(
        [row["keys"] for row in books.rows("rating", "SELECT keys FROM key_block UNION ALL SELECT keys FROM key_chunk")]
    )
    for key in stored[first_of_each(stored) != np.arange(len(stored))]:
        yield f"the record id of record {key['usage_id']} is stored twice"
    hashes = zip(stored["h1"].tolist(), stored["h2"].tolist(), strict=True)
    owner = dict(zip(hashes, stored["usage_id"].tolist(), strict=True))
    yield from _of_calls(books, owner)
    yield from _of_duplicates(books, owner)


def _of_calls(books: Books, owner: dict[Hash, int]) -> Iterator[str]:
    kept = books.rows("rating", "SELECT usage_id, source, record_id FROM usage") + books.rows(
        "rating", "SELECT usage_id, source, record_id FROM held"
    )
    for row, each in zip(kept, _hashes(books, kept), strict=True):
        if owner.get(each) != row["usage_id"]:
            yield "record {usage_id} is kept, but the id {source}/{record_id} is not its own".format_map(row)
    ids = {row["usage_id"] for row in kept}
    for usage_id in sorted(set(owner.values()) - ids):
        yield f"record {usage_id} was taken in, and is neither charged nor held"


def _of_duplicates(books: Books, owner: dict[Hash, int]) -> Iterator[str]:
    copies = books.rows("rating", "SELECT usage_id, source, record_id, first_usage_id FROM duplicate")
    for row, each in zip(copies, _hashes(books, copies), strict=True):
        if owner.get(each) != row["first_usage_id"] or row["usage_id"] == row["first_usage_id"]:
            yield (
                "record {usage_id} is called a duplicate of {source}/{record_id}, which has no such first copy"
            ).format_map(row)


def _hashes(books: Books, rows: list[dict[str, object]]) -> Iterator[Hash]:
    [seed] = books.rows("rating", "SELECT seed FROM key_seed")
    ids = [(str(row["source"]), str(row["record_id"])) for row in rows]
    keys = keys_of_ids(ids, np.zeros(len(ids), dtype=np.int64), seed["seed"])
    return zip(keys["h1"].tolist(), keys["h2"].tolist(), strict=True)
