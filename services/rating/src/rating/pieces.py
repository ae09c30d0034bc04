"""Rows of bytes put together of columns of pieces, thousands at a time.

A row of a COPY, the JSON of an event and a record of Kafka are the same work: texts of their own, texts that many rows
share, numbers, and what stands between them, one behind the other. Arrow lays whole columns side by side and joins
them; in Python, piece by piece, that costs several times what rating does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rating.domain.calls import MISSING, Int
from rating.domain.codes import distinct
from rating.domain.texts import Texts

Column: TypeAlias = Any
"""`pyarrow.BinaryArray`: a piece a row. (Arrow has no types for a checker.)"""
NOTHING = b""
MICRO = 10**6
_PLACES = b'.000000"'
_POWERS = tuple(np.uint32(10**power) for power in range(5, -1, -1))
_TEN = np.uint32(10)
_NULL = pa.scalar(b"null", pa.binary())
# What a batch needed is given back: Arrow's own pool keeps it, beside what Python keeps.
pa.set_memory_pool(pa.system_memory_pool())


def texts(values: Sequence[str | bytes]) -> Column:
    """Texts as UTF-8, or bytes as they are."""
    if isinstance(values, Texts):
        buffers = [None, pa.py_buffer(values.offsets), pa.py_buffer(values.written)]
        return pa.BinaryArray.from_buffers(pa.binary(), len(values), buffers)
    return pa.array(values, type=pa.binary())


def shared(codes: Int, encode: Callable[[int], bytes]) -> Column | bytes:
    """A piece for each code, encoded once a code; the piece itself where all have the same."""
    found, places = distinct(codes)
    encoded = [encode(code) for code in found.tolist()]
    return encoded[0] if len(encoded) == 1 else texts(encoded).take(pa.array(places))


def decimals(numbers: Int) -> Column:
    """Whole numbers in decimal digits."""
    return pa.array(numbers).cast(pa.string()).cast(pa.binary())


def fixed(rows: NDArray[Any]) -> Column:
    """The bytes of each row of an array, all of one width; the array is not copied."""
    rows = np.ascontiguousarray(rows)
    width = rows.nbytes // len(rows) if len(rows) else 0
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(pa.binary(), len(rows), [None, pa.py_buffer(offsets), pa.py_buffer(rows)])


def either(chosen: NDArray[np.bool_], piece: bytes, otherwise: bytes) -> Column | bytes:
    """One piece where a row is chosen, the other one where it is not."""
    return shared(chosen.astype(np.int64), lambda is_chosen: piece if is_chosen else otherwise)


def amounts(micro: Int) -> tuple[Column | bytes, ...]:
    """Millionths in JSON as exact decimal text with all its six places, null where MISSING: as pieces to be joined."""
    missing = micro == MISSING
    size = np.abs(np.where(missing, 0, micro))
    whole, rest = np.divmod(size, MICRO)
    told = (either(micro < 0, b'"-', b'"'), decimals(whole), fixed(_places(rest.astype(np.uint32))))
    return (pc.if_else(pa.array(missing), _NULL, joined(*told)),) if missing.any() else told


def _places(rest: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Millionths below one as a point, six digits and a quotation mark."""
    written = np.empty((len(rest), len(_PLACES)), dtype=np.uint8)
    written[:] = np.frombuffer(_PLACES, dtype=np.uint8)
    for place, power in enumerate(_POWERS, 1):
        written[:, place] += (rest // power % _TEN).astype(np.uint8)
    return written


def joined(*pieces: Column | bytes) -> Column:
    """The pieces of each row behind one another; bytes are the same piece in every row. One is a column at least."""
    return pc.binary_join_element_wise(*_merged(pieces), NOTHING)


def _merged(pieces: Sequence[Column | bytes]) -> Iterator[Column | bytes]:
    """The same with what is the same in every row put together, for each piece has its price."""
    for are_bytes, run in groupby(pieces, lambda piece: isinstance(piece, bytes)):
        if are_bytes:
            yield NOTHING.join(run)
        else:
            yield from run


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
