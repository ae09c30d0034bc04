"""The events about calls that become something else by themselves, as their contracts for the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from contracts.usage import UsageException, UsageIgnored, UsageRated, UsageReversed, UsageSuspended, UsageUnpriced
from rating.events import held_value, usage_value

_BY_OUTCOME: dict[str, type[UsageException]] = {
    "suspended": UsageSuspended,
    "ignored": UsageIgnored,
    "unpriced": UsageUnpriced,
}


def rated_event(row: Mapping[str, Any]) -> UsageRated:
    """A call is charged to a customer. `row` is one of `usage`."""
    return UsageRated.model_validate(msgspec.structs.asdict(usage_value(row)))


def reversed_event(row: Mapping[str, Any], reason: str) -> UsageReversed:
    """A call is taken back that was told under the revision of `row`, one of `usage`; the reversal is the next one."""
    told = msgspec.structs.asdict(usage_value(row))
    return UsageReversed.model_validate({**told, "revision": row["revision"] + 1, "reason": reason})


def exception_event(row: Mapping[str, Any]) -> UsageException:
    """A call is held, ignored or unpriced. `row` is one of `held`."""
    return _BY_OUTCOME[row["outcome"]].model_validate(msgspec.structs.asdict(held_value(row)))
