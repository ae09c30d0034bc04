"""How a broken rule is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RuleBroken(ValueError):
    """What was asked for breaks a rule. `field` is its path in what was sent, the message says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@contextmanager
def within(path: str) -> Iterator[None]:
    """Put a path before the field of any rule broken in the block."""
    try:
        yield
    except RuleBroken as broken:
        raise RuleBroken(f"{path}.{broken.field}", broken.message) from None
