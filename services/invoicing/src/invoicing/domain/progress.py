"""How far a run is, stage by stage (SPEC I3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

StageName = Literal["markers", "usage", "drafts", "approved", "documents", "sent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestones:
    """When things first happened to a run, None before that, and what its stages have counted.

    `expected_markers` is 0 until the first has come. `documents` are those wanted, `rendered` those that exist.
    """

    requested_at: datetime | None
    started_at: datetime | None
    approved_at: datetime | None
    asked_at: datetime | None
    markers: int
    expected_markers: int
    approved: int
    documents: int
    rendered: int
    asked: int
    sent: int


@dataclass(frozen=True, slots=True)
class Stage:
    """How many of how many are through a stage, and how long ago it began; None before it has."""

    stage: StageName
    done: int
    of: int
    since: datetime | None
    seconds: int | None


def stages_of(customers: Mapping[str, int], reached: Milestones, now: datetime) -> list[Stage]:
    """The stages of a run in their order.

    Args:
        customers: how many of the run's customers are in which state.
    """
    everyone = sum(customers.values())
    waiting = customers.get("waiting", 0)
    judged = everyone - waiting - customers.get("closed", 0)
    drafted = customers.get("drafted", 0)
    counted: list[tuple[StageName, int, int, datetime | None]] = [
        ("markers", reached.markers, reached.expected_markers, reached.requested_at),
        ("usage", everyone - waiting, everyone, reached.started_at),
        ("drafts", judged, everyone, reached.started_at),
        ("approved", reached.approved, drafted, reached.approved_at),
        ("documents", reached.rendered, reached.documents, reached.approved_at),
        ("sent", reached.sent, reached.asked, reached.asked_at),
    ]
    return [Stage(name, done, of, since, _seconds(since, now)) for name, done, of, since in counted]


def _seconds(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, int((now - since).total_seconds()))
