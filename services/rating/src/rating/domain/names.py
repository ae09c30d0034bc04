"""What the codes of judgements stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import BANDS
from rating.domain.calls import Int


@dataclass(frozen=True, slots=True)
class Names:
    """Names by code: call classes, destinations, bands; tariffs by slot; prefix and id of rates by row."""

    classes: Sequence[str]
    destinations: Sequence[str]
    tariffs: Sequence[str]
    prefixes: Sequence[str] | NDArray[np.object_]
    rate_ids: Int
    bands: Sequence[str] = BANDS
