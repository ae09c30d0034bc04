"""Thousands of short ASCII texts without an object a text: the digits of numbers are read and written as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]


class Texts(Sequence[str]):
    """ASCII texts one behind the other; a text begins at its offset and ends at the next one."""

    __slots__ = ("offsets", "written")

    def __init__(self, written: Bytes, offsets: Offsets) -> None:
        self.written, self.offsets = written, offsets

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """Texts as they are; a letter that is not ASCII becomes a question mark."""
        if isinstance(texts, Texts):
            return texts
        written = np.frombuffer("".join(texts).encode("ascii", "replace"), dtype=np.uint8)
        return cls(written, _offsets(np.fromiter(map(len, texts), dtype=np.int32, count=len(texts))))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        row = range(len(self))[at]
        return self.written[self.offsets[row] : self.offsets[row + 1]].tobytes().decode("ascii")

    @property
    def sizes(self) -> Offsets:
        """How many letters each has."""
        return np.diff(self.offsets)

    def only(self, kept: NDArray[np.bool_]) -> Texts:
        """Those that are kept, in their order."""
        sizes = self.sizes
        return Texts(self.written[np.repeat(kept, sizes)], _offsets(sizes[kept]))

    def changed(self, at: int, text: str) -> Texts:
        """The same, with another text at one place."""
        begin, end = self.offsets[at : at + 2]
        letters = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        offsets = self.offsets.copy()
        offsets[at + 1 :] += len(letters) - (end - begin)
        return Texts(np.concatenate((self.written[:begin], letters, self.written[end:])), offsets)

    def tolist(self) -> list[str]:
        """All of them as objects."""
        whole = self.written.tobytes().decode("ascii")
        return [whole[begin:end] for begin, end in pairwise(self.offsets.tolist())]


def _offsets(sizes: Offsets) -> Offsets:
    offsets = np.zeros(len(sizes) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
