"""Events of usage as columns, and as the records of Kafka's batches: laid out together, for one by one they cost more
than rating does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from rating.domain.calls import Int
from rating.pieces import Column, decimals, joined, laid_out, sizes, texts

Headers: TypeAlias = list[tuple[str, bytes]]
Outgoing: TypeAlias = tuple[bytes, bytes, Headers]
"""Key, value and headers of one record."""
_OWN_HEADERS = 2
_SEVEN_BITS = 7
_SMALLEST_TABLE = 1 << 11


@dataclass(frozen=True, slots=True)
class Records:
    """Records for one topic, a row each.

    Attributes:
        customers: whose they are; the key and the subject of a record is the id in decimal digits.
        values, ids: their values, and the ids of the events.
        headers: those that all have in common.
    """

    customers: Int
    values: Column
    ids: Column
    headers: Headers

    def __len__(self) -> int:
        return len(self.customers)

    def listed(self) -> list[Outgoing]:
        """The records one by one."""
        told = zip(decimals(self.customers).to_pylist(), self.values.to_pylist(), self.ids.to_pylist(), strict=True)
        return [(key, value, [("ce_id", of), ("ce_subject", key), *self.headers]) for key, value, of in told]

    def rows(self, rows: Int) -> Records:
        """Some of them, in that order."""
        return Records(self.customers[rows], self.values.take(rows), self.ids.take(rows), self.headers)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that go to one partition together; `records` is in Kafka's format, with offsets from 0."""

    partition: int
    count: int
    records: memoryview


def batches_of(records: Records, partition_of: Callable[[int], int], largest: int) -> Iterator[Batch]:
    """All records, in their order in each partition.

    Args:
        partition_of: of a customer; it is asked for each record, so it is to answer at once.
        largest: the most bytes of a batch; a record that is larger has one for itself.
    """
    if not len(records):
        return
    asked = map(partition_of, records.customers.tolist())
    partitions = np.fromiter(asked, dtype=np.int64, count=len(records))
    order = np.argsort(partitions, kind="stable")
    records, partitions = records.rows(order), partitions[order]
    begins = _begins(partitions, _bounds_of_sizes(records), largest)
    ends = [*begins[1:], len(records)]
    offsets = np.concatenate([np.arange(end - begin) for begin, end in zip(begins, ends, strict=True)])
    laid = _laid(records, offsets)
    for begin, end in zip(begins, ends, strict=True):
        yield Batch(int(partitions[begin]), end - begin, laid_out(laid, begin, end))


def _begins(partitions: Int, at_most: Int, largest: int) -> list[int]:
    """Where batches begin: with each partition, and before the record that would make one too large."""
    filled = np.cumsum(at_most)
    begins: list[int] = []
    changes = np.flatnonzero(partitions[1:] != partitions[:-1]) + 1
    for begin, end in zip([0, *changes.tolist()], [*changes.tolist(), len(partitions)], strict=True):
        at = begin
        while at < end:
            begins.append(at)
            before = int(filled[at - 1]) if at else 0
            at = max(at + 1, int(np.searchsorted(filled, before + largest, side="right")))
    return begins


def _bounds_of_sizes(records: Records) -> Int:
    """No record is larger."""
    most_digits, most_around = 2 * 19, 64
    return sizes(records.values) + sizes(records.ids) + len(_header_bytes(records.headers)) + most_digits + most_around


def _laid(records: Records, offsets: Int) -> Column:
    """Kafka's record: length, attributes, time and offset since the batch's first, key, value and headers; each text
    and each number of them behind or as a varint."""
    digits = decimals(records.customers)
    key = joined(_varints(sizes(digits)), digits)
    value_sizes = sizes(records.values)
    own = len(records.headers) + _OWN_HEADERS
    event_id = _varint(own) + _text(b"ce_id") + _varint(len(records.ids[0].as_py()))
    constant = _header_bytes(records.headers)
    pieces = (
        b"\x00\x00",
        _varints(offsets),
        key,
        _varints(value_sizes),
        records.values,
        event_id,
        records.ids,
        _text(b"ce_subject"),
        key,
        constant,
    )
    length = sum(len(piece) if isinstance(piece, bytes) else sizes(piece) for piece in pieces)
    return joined(_varints(np.asarray(length)), *pieces)


def _header_bytes(headers: Headers) -> bytes:
    return b"".join(_text(name.encode()) + _text(value) for name, value in headers)


def _text(text: bytes) -> bytes:
    return _varint(len(text)) + text


def _varint(number: int) -> bytes:
    """A number that is not negative, as Kafka writes signed ones: doubled, seven bits a byte, the lowest first."""
    left, written = number << 1, bytearray()
    while left >> _SEVEN_BITS:
        written.append(left & 0x7F | 0x80)
        left >>= _SEVEN_BITS
    written.append(left)
    return bytes(written)


def _varints(numbers: Int) -> Column:
    largest = max(int(numbers.max()), _SMALLEST_TABLE - 1)
    return _table(1 << largest.bit_length()).take(numbers)


@lru_cache(maxsize=24)
def _table(count: int) -> Column:
    """The varints of the numbers below."""
    return texts([_varint(number) for number in range(count)])
