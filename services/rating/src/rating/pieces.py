"""Rows of bytes put together of columns of pieces, thousands at a time.

A row of a COPY, the JSON of an event and a record of Kafka are the same work: texts of their own, texts that many rows
share, numbers, and what stands between them, one behind the other. Arrow lays whole columns side by side and joins
them; in Python, piece by piece, that costs several times what rating does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rating.domain.calls import MISSING, Int
from rating.domain.texts import Texts

Column: TypeAlias = Any
"""`pyarrow.BinaryArray`: a piece a row. (Arrow has no types for a checker.)"""
NOTHING = b""
MICRO = 10**6
_POWERS = tuple(10**power for power in range(5, -1, -1))
_ZERO = ord("0")
_NULL = pa.scalar(b"null", pa.binary())
# What a batch needed is given back: Arrow's own pool keeps it, beside what Python keeps.
pa.set_memory_pool(pa.system_memory_pool())


def texts(values: Sequence[str | bytes]) -> Column:
    """Texts as UTF-8, or bytes as they are."""
    if isinstance(values, Texts):
        buffers = [None, pa.py_buffer(values.offsets), pa.py_buffer(values.written)]
        return pa.BinaryArray.from_buffers(pa.binary(), len(values), buffers)
    return pa.array(values, type=pa.binary())


def shared(codes: Int, encode: Callable[[int], bytes]) -> Column:
    """A piece for each code, encoded once a code."""
    coded = pa.array(codes).dictionary_encode()
    return texts([encode(code) for code in coded.dictionary.to_pylist()]).take(coded.indices)


def decimals(numbers: Int) -> Column:
    """Whole numbers in decimal digits."""
    return pa.array(numbers).cast(pa.string()).cast(pa.binary())


def fixed(rows: NDArray[Any]) -> Column:
    """The bytes of each row of an array, all of one width; the array is not copied."""
    rows = np.ascontiguousarray(rows)
    width = rows.nbytes // len(rows) if len(rows) else 0
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(offsets), pa.py_buffer(rows)])


def either(chosen: NDArray[np.bool_], piece: bytes, otherwise: bytes) -> Column:
    """One piece where a row is chosen, the other one where it is not."""
    return texts([otherwise, piece]).take(pa.array(chosen.astype(np.int8)))


def amounts(micro: Int) -> Column:
    """Millionths in JSON as exact decimal text with all its six places, null where MISSING."""
    missing = micro == MISSING
    size = np.abs(np.where(missing, 0, micro))
    whole, rest = np.divmod(size, MICRO)
    places = np.empty((len(micro), 6), dtype=np.uint8)
    for place, power in enumerate(_POWERS):
        places[:, place] = rest // power % 10 + _ZERO
    told = joined(either(micro < 0, b'"-', b'"'), decimals(whole), b".", fixed(places), b'"')
    return pc.if_else(pa.array(missing), _NULL, told) if missing.any() else told


def joined(*pieces: Column | bytes) -> Column:
    """The pieces of each row behind one another; bytes are the same piece in every row. One is a column at least."""
    return pc.binary_join_element_wise(*pieces, NOTHING)


def sizes(column: Column) -> Int:
    """How many bytes each piece has."""
    return np.diff(_offsets(column)).astype(np.int64)


def laid_out(column: Column, begin: int = 0, end: int | None = None) -> memoryview:
    """The bytes of the rows from one up to, not including, another, without anything between them."""
    offsets = _offsets(column)
    data = column.buffers()[2]
    whole = memoryview(NOTHING if data is None else data)
    return whole[int(offsets[begin]) : int(offsets[len(column) if end is None else end])]


def in_turn(parts: Sequence[Column], order: Int) -> Column:
    """Columns one behind the other, then in another order."""
    return pa.concat_arrays(parts).take(pa.array(order))


def _offsets(column: Column) -> NDArray[np.int32]:
    buffer = column.buffers()[1]
    found: NDArray[np.int32] = np.frombuffer(buffer, dtype=np.int32)
    return found[column.offset : column.offset + len(column) + 1]
