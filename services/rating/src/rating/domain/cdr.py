"""A call detail record once it could be read (SPEC R1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Cdr:
    """A CDR with normalised numbers and exact integers.

    `charged_number` and `other_party` are the digits of E.164 without the plus sign. `started` is UTC, `local_date`
    and `band` those of the start in Europe/London. Costs are micro-pounds in `currency`, None where missing.
    """

    source: str
    record_id: str
    charged_number: str
    other_party: str
    direction: str
    service_type: str
    started: datetime
    local_date: date
    band: str
    seconds: int
    units: int
    volume_bytes: int
    known_class: str | None
    retail_micro: int | None
    cdr_cost_micro: int | None
    carrier_cost_micro: int | None
    currency: str

    @property
    def used(self) -> int:
        """What is charged by: seconds of voice, messages, or bytes."""
        if self.service_type == "voice":
            return self.seconds
        return self.units if self.service_type == "sms" else self.volume_bytes
