"""Everything that judging calls needs to know, as it is under one generation of the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rating.domain.calendars import Bands
from rating.domain.calls import Int
from rating.domain.choices import ChoiceTable, Defaults
from rating.domain.codes import Codes
from rating.domain.decks import Tariffs
from rating.domain.holders import Holders
from rating.domain.names import Names
from rating.domain.prefixes import PrefixTable

KNOWN_CLASSES = (
    "Inbound",
    "Local",
    "National",
    "Mobile",
    "International",
    "Non-Geographic",
    "Freephone",
    "Premium",
    "Directory",
    "SMS",
    "Data",
)


@dataclass(slots=True)
class Destinations:
    """SPEC R4: the table of destinations; row 0 stands for none, so that -1 and 0 are the same answer."""

    prefixes: PrefixTable
    name: Int
    call_class: Int

    @classmethod
    def of(cls, rows: Mapping[str, tuple[str, str]], names: Codes, classes: Codes) -> Destinations:
        """From prefix to (destination, call class)."""
        kinds = {each: number for number, each in enumerate(dict.fromkeys(rows.values()), 1)}
        return cls(
            PrefixTable.of({prefix: kinds[told] for prefix, told in rows.items()}),
            np.array([0, *(names.add(name) for name, _ in kinds)], dtype=np.int64),
            np.array([0, *(classes.add(call_class) for _, call_class in kinds)], dtype=np.int64),
        )


@dataclass(slots=True)
class Picture:
    """What is known under one generation. Codes are never taken back: what was judged before can still be named."""

    generation: int = 0
    classes: Codes = field(default_factory=lambda: Codes(KNOWN_CLASSES))
    number_types: Codes = field(default_factory=Codes)
    destination_names: Codes = field(default_factory=Codes)
    known_classes: frozenset[str] = frozenset(KNOWN_CLASSES)
    bands: Bands = field(default_factory=Bands)
    tariffs: Tariffs = field(init=False)
    choices: ChoiceTable = field(init=False)
    holders: Holders = field(init=False)
    defaults: Defaults = field(init=False)
    destinations: Destinations = field(init=False)
    inbound: PrefixTable = field(init=False)
    classes_bound: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.tariffs = Tariffs()
        self.choices = ChoiceTable()
        self.holders = Holders(self.choices, self.number_types)
        self.defaults = Defaults()
        self.put_destinations({})
        self.put_inbound({})
        self.bind()

    def put_destinations(self, rows: Mapping[str, tuple[str, str]]) -> None:
        """Replace the table of destinations: prefix to name and call class."""
        self.destinations = Destinations.of(rows, self.destination_names, self.classes)

    def put_inbound(self, rows: Mapping[str, str]) -> None:
        """Replace the table of inbound classes: prefix to call class."""
        self.inbound = PrefixTable.of({prefix: self.classes.add(call_class) for prefix, call_class in rows.items()})

    def know_classes(self, classes: Iterable[str]) -> None:
        """SPEC R4: the classes that a record may name are the standard ones and these, of tables and rates."""
        self.known_classes = frozenset(KNOWN_CLASSES) | frozenset(classes) - {""}
        for name in sorted(self.known_classes):
            self.classes.add(name)

    def bind(self) -> None:
        """Bring what looks things up by code in line with what has been put; to be called after every change."""
        if len(self.classes) > self.classes_bound:
            self.tariffs.bind(self.classes)
            self.classes_bound = len(self.classes)
        self.choices.bind(self.classes, self.tariffs)
        self.defaults.bind(self.tariffs, self.number_types)

    @property
    def names(self) -> Names:
        """What codes of judgements stand for, now and whatever changes afterwards."""
        rates = self.tariffs.rates
        return Names(self.classes.names, self.destination_names.names, self.tariffs.codes, rates.prefix, rates.rate_id)

    def calendar_of(self, tariff: Int) -> Int:
        """The calendars of tariffs, the first one's where there is no tariff."""
        known = self.tariffs.calendar
        return np.where(tariff >= 0, known[tariff], 0) if len(known) else np.zeros(len(tariff), dtype=np.int64)
