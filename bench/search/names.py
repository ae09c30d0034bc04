"""Invented customers whose names are as unevenly spread as those of the country: few common ones, many rare ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random


def _listed(names: str) -> list[str]:
    return names.split()


_FIRST = _listed(
    "Oliver Amelia George Isla Arthur Ava Noah Mia Muhammad Ivy Leo Lily Oscar Freya Harry Florence Archie Grace Jack "
    "Willow Henry Sophie Charlie Poppy Freddie Ella Theodore Evelyn Thomas Elsie Finley Charlotte Theo Sienna Alfie "
    "Evie Jacob Rosie William Isabella Isaac Ruby Tommy Phoebe Joshua Matilda James Emily John David Susan Margaret "
    "Sarah Karen Paul Mark Siân Zoë Chloë Renée Seán José Łukasz Zofia Jürgen Aoife Niamh Rhys Priya Arjun Wei Ngozi"
)
_LAST = _listed(
    "Smith Jones Williams Taylor Brown Davies Evans Wilson Thomas Roberts Johnson Lewis Walker Robinson Wood Thompson "
    "White Watson Jackson Wright Green Harris Cooper King Lee Martin Clarke James Morgan Hughes Edwards Hill Moore "
    "Clark Harrison Scott Young Morris Hall Ward Turner Carter Phillips Mitchell Patel Adams Campbell Anderson Allen "
    "Cook Bailey Parker Miller Davis Murphy Price Bell Baker Griffiths Kelly Simpson Marshall Collins Bennett Cox "
    "Richardson Fox Gray Rose Chapman Hunt Robertson Shaw Reynolds Lloyd Ellis Richards Russell Wilkinson Khan Graham "
    "O'Brien O'Connor MacDonald McKenzie Müller Kowalski García Nguyễn Singh Begum Ahmed Ali Hussain Fernández"
)
_BEGIN = _listed(
    "Ash Bar Beck Birch Black Bright Brock Burn Cal Carl Chad Clay Cold Crag Dal Dun East Elm Fal Fen Fern Glen Gold "
    "Gran Hal Har Haw Hazel Hol Ing Kel Ken Kirk Lang Lin Long Mar Mead Mel Mid Mill Nor Oak Old Pen Quarr Rad Raven "
    "Red Ril Rook Sal Sand Sel Shel Silver Stan Stone Strath Sut Swin Thorn Til Tre Ul Wal War Wen West Whit Wil Win "
    "Wool Wyn Yar York"
)
_MIDDLE = ("", "", "", "", "a", "e", "en", "er", "ing", "le", "s", "y", "o", "ar", "el", "i")
_END = _listed(
    "beck bourne bridge brook bury by cliffe combe cote croft dale den don field ford gate grove ham hay head hill "
    "holme hurst land leigh ley low mere mond more ness port ridge rick sall sey shaw side son stead stone stow thorpe "
    "ton tree vale ville wall water way well wick wood worth yard"
)
_TRADES = _listed(
    "Tiles Telecom Logistics Dental Bakery Builders Plumbing Motors Media Systems Foods Garage Care Homes Farms "
    "Consulting Design Engineering Estates Events Fabrics Finance Fitness Florists Glass Haulage Heating Interiors "
    "Joinery Kitchens Landscapes Lettings Marine Networks Optical Packaging Paper Pharmacy Photography Print Property "
    "Recruitment Roofing Salon Scaffolding School Security Services Software Solar Storage Studios Supplies Surgery "
    "Surveyors Taxis Textiles Timber Tools Training Travel Vets Windows Wines Workshop Brewery Cafe Cycles Electrical "
    "Energy Accountants Architects Auctions Books Butchers Carpets Catering Ceramics Cleaning Clinic Coaches"
)
_FORMS = (" Ltd", " Ltd", " Ltd", " Limited", " Limited", " LLP", " PLC", " & Sons", " & Co", " Group", "", "")
_FIRST_RARE, _LAST_RARE = 3_000, 60_000


@dataclass(frozen=True, slots=True)
class Name:
    """A customer's names; a person has no company."""

    name: str
    company: str


class Names:
    """Names by chance, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self._first, self._first_weights = self._spread(_FIRST, _FIRST_RARE)
        self._last, self._last_weights = self._spread(_LAST, _LAST_RARE)

    def _spread(self, known: list[str], rare: int) -> tuple[list[str], list[float]]:
        """Names with weights that fall as in real lists of surnames."""
        invented = {self._invented() for _ in range(rare)} - set(known)
        names = [*known, *sorted(invented)]
        return names, list(accumulate(1 / (rank + 8) ** 0.9 for rank in range(len(names))))

    def _invented(self) -> str:
        pick = self._chance.choice
        return pick(_BEGIN) + pick(_MIDDLE) + pick(_MIDDLE[3:]) * (self._chance.random() < 0.3) + pick(_END)

    def make(self, count: int) -> Iterator[Name]:
        """So many names, half of them with a company."""
        chance = self._chance
        while count > 0:
            batch = min(count, 10_000)
            first = chance.choices(self._first, cum_weights=self._first_weights, k=batch)
            last = chance.choices(self._last, cum_weights=self._last_weights, k=batch)
            for one, other in zip(first, last, strict=True):
                yield Name(f"{one} {other}", self._company(other) if chance.random() < 0.5 else "")
            count -= batch

    def _company(self, last: str) -> str:
        pick = self._chance.choice
        kind = self._chance.random()
        head = last if kind < 0.4 else self._invented() if kind < 0.8 else f"{pick(_BEGIN)} {pick(_END).title()}"
        return f"{head} {pick(_TRADES)}{pick(_FORMS)}"
