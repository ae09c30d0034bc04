"""One call detail record as it is stored, and many of them as columns (SPEC R1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from rating.domain.calls import MISSING, Calls, Int, Kind, digits_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cdr:
    """A CDR with normalised numbers and exact integers.

    `charged_number` and `other_party` are the digits of E.164 without the plus sign. `started` is UTC. `seconds`,
    `units` and `volume_bytes` are 0 where the service type has none. Costs are micro-pounds of `currency`, None where
    missing.
    """

    source: str
    record_id: str
    charged_number: str
    other_party: str
    direction: str
    service_type: str
    started: datetime
    seconds: int
    units: int
    volume_bytes: int
    known_class: str | None
    retail_micro: int | None
    cdr_cost_micro: int | None
    carrier_cost_micro: int | None
    currency: str

    @property
    def kind(self) -> Kind:
        """What it has in common with many others."""
        return Kind(self.source, self.direction, self.service_type, self.known_class or "", self.currency)


def columns_of(cdrs: Sequence[Cdr]) -> Calls:
    """CDRs as columns, in their order."""
    kinds: dict[Kind, int] = {}
    kind = [kinds.setdefault(each.kind, len(kinds)) for each in cdrs]
    charged, others = [each.charged_number for each in cdrs], [each.other_party for each in cdrs]
    return Calls(
        record_ids=[each.record_id for each in cdrs],
        charged=charged,
        others=others,
        kinds=list(kinds),
        kind=_column(kind),
        started=_column(micros_of(each.started) for each in cdrs),
        seconds=_column(each.seconds for each in cdrs),
        units=_column(each.units for each in cdrs),
        volume=_column(each.volume_bytes for each in cdrs),
        retail=_amounts(each.retail_micro for each in cdrs),
        cdr_cost=_amounts(each.cdr_cost_micro for each in cdrs),
        carrier_cost=_amounts(each.carrier_cost_micro for each in cdrs),
        charged_digits=digits_of(charged),
        other_digits=digits_of(others),
    )


def record_of(calls: Calls, row: int) -> Cdr:
    """One row of columns as a record."""
    kind = calls.kinds[int(calls.kind[row])]
    return Cdr(
        source=kind.source,
        record_id=calls.record_ids[row],
        charged_number=calls.charged[row],
        other_party=calls.others[row],
        direction=kind.direction,
        service_type=kind.service_type,
        started=instant_of(int(calls.started[row])),
        seconds=int(calls.seconds[row]),
        units=int(calls.units[row]),
        volume_bytes=int(calls.volume[row]),
        known_class=kind.known_class or None,
        retail_micro=amount_of(calls.retail[row]),
        cdr_cost_micro=amount_of(calls.cdr_cost[row]),
        carrier_cost_micro=amount_of(calls.carrier_cost[row]),
        currency=kind.currency,
    )


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(micros: int) -> datetime:
    """The instant, in UTC, of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def amount_of(value: np.int64) -> int | None:
    """An amount of a column, None where it is MISSING."""
    return None if value == MISSING else int(value)


def _column(values: Iterable[int]) -> Int:
    return np.fromiter(values, dtype=np.int64)


def _amounts(values: Iterable[int | None]) -> Int:
    return _column(MISSING if value is None else value for value in values)
