"""Calls that were rated together, as what is stored and told of them is made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rating.domain.calls import Calls, Int
from rating.domain.judgements import Judgements
from rating.domain.names import Names
from rating.pieces import Column, texts


@dataclass(frozen=True)
class RatedCalls:
    """Some calls of a batch, all of them rated.

    Attributes:
        calls, judgements, usage_ids: one row a call of the batch.
        rows: which of them, in ascending order.
        names: of the codes of the judgements.
    """

    calls: Calls
    judgements: Judgements
    rows: Int
    usage_ids: Int
    names: Names

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def record_ids(self) -> Column:
        """The record id of each."""
        return texts(self.calls.record_ids).take(self.rows)

    @cached_property
    def charged(self) -> Column:
        """The digits of each one's charged number."""
        return texts(self.calls.charged).take(self.rows)

    @cached_property
    def others(self) -> Column:
        """The digits of each one's other party."""
        return texts(self.calls.others).take(self.rows)
