"""What became of a batch of calls, as columns; and of one call, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rating.domain.calls import Int

Outcome = Literal["rated", "suspended", "ignored", "unpriced"]
RATED, SUSPENDED, IGNORED, UNPRICED = range(4)
OUTCOMES: tuple[Outcome, ...] = ("rated", "suspended", "ignored", "unpriced")

(
    NO_REASON,
    TOO_OLD,
    UNKNOWN_NUMBER,
    NUMBER_TYPE,
    CUSTOMER_DROPPED,
    STATUS_DOES_NOT_ACCUMULATE,
    NO_ACTIVE_CALL_PLAN,
    NO_PRICE,
    TOO_LARGE,
) = range(9)
REASONS = (
    "",
    "too_old",
    "unknown_number",
    "number_type",
    "customer_dropped",
    "status_does_not_accumulate",
    "no_active_call_plan",
    "no_price",
    "too_large",
)
OUTCOME_OF_REASON = np.array(
    [RATED, SUSPENDED, SUSPENDED, IGNORED, SUSPENDED, SUSPENDED, SUSPENDED, UNPRICED, UNPRICED], dtype=np.int64
)


@dataclass(slots=True)
class Guided:
    """SPEC R3, Z7: whom each call is guided to; the columns behind `reason` mean something where it is NO_REASON.

    `reason` is NO_REASON or one of those that come before NO_PRICE. Ids are 0 where there is none. `number_type` is a
    code of `Picture.number_types`; `number_choices` and `customer_choices` are rows of `Picture.choices`.
    """

    reason: Int
    customer_id: Int
    number_id: Int
    number_type: Int
    number_choices: Int
    customer_choices: Int


@dataclass(slots=True)
class Judgements:
    """SPEC R3 to R6, one row a call, under one generation of the picture.

    `call_class` is a code of `Picture.classes`, `destination` of `Picture.destination_names`, `band` of
    `calendars.BANDS`. `day` is days since 1970 of the local day of the start. `step` is the step of SPEC R5 that
    answered, 0 for an unanswered call. `tariff` is a slot of `Picture.tariffs`, -1 where none applies. `rate` is a row
    of `Picture.tariffs.rates`, -1 where none answered. `markup` is millionths of a percent, MISSING where step 2 did
    not answer. `charge` and `cost` are micro-pounds; `cost` is MISSING where it is not known.
    """

    generation: int
    reason: Int
    customer_id: Int
    number_id: Int
    call_class: Int
    destination: Int
    band: Int
    day: Int
    step: Int
    tariff: Int
    rate: Int
    markup: Int
    charge: Int
    cost: Int
    billed_seconds: Int

    @property
    def outcome(self) -> Int:
        """A column of RATED, SUSPENDED, IGNORED, UNPRICED."""
        return OUTCOME_OF_REASON[self.reason]

    @property
    def is_rated(self) -> NDArray[np.bool_]:
        """Whether each call is charged to somebody."""
        rated: NDArray[np.bool_] = self.reason == NO_REASON
        return rated
