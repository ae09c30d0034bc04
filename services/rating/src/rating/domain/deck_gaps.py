"""What a new deck leaves without a price that had one, or looks as if it should have one (SPEC R10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from rating.domain.deck_rows import BANDS, Parsed, RateRow

Key = tuple[str, str]
"""A prefix and an empty class, or an empty prefix and a call class."""
_ONE_DAY = timedelta(days=1)


def warn_of_gaps(parsed: Parsed[RateRow], before: Collection[Key], what_before: str) -> None:
    """Warn of what had a rate in the version before and has none now, and of bands and days without a rate.

    Args:
        parsed: the new deck; gains the warnings.
        before: the prefixes and classes of the version that it takes the place of.
        what_before: how that version is called, like `version 3`.
    """
    places: dict[Key, list[int]] = defaultdict(list)
    for place, row in enumerate(parsed.rows):
        places[key_of(row)].append(place)
    _warn_of_missing(parsed, places, before, what_before)
    for key, alike in places.items():
        if len(alike) > 1 or parsed.rows[alike[0]].band:
            for hole in _holes([parsed.rows[place] for place in alike]):
                parsed.warn(alike[0], f"{named(key)}: {hole}", "gap")


def key_of(row: RateRow) -> Key:
    """What a rate is for: its prefix, or its class where it has none."""
    return (row.prefix, "") if row.prefix else ("", row.call_class)


def named(key: Key) -> str:
    """`prefix 4420`, or `class SMS`."""
    prefix, call_class = key
    return f"prefix {prefix}" if prefix else f"class {call_class}"


def _warn_of_missing(parsed: Parsed[RateRow], now: Collection[Key], before: Collection[Key], what_before: str) -> None:
    for key in sorted(set(before) - set(now)):
        instead = _instead(key[0], now)
        answers = (
            f"prefix {instead} of this file answers instead" if instead else "nothing of this file answers instead"
        )
        parsed.warn(-1, f"{named(key)} has a rate in {what_before} and none here: {answers}", "gap")


def _instead(prefix: str, now: Collection[Key]) -> str:
    """The longest shorter prefix that the new deck has, empty where it has none."""
    shorter = (prefix[:length] for length in range(len(prefix) - 1, 0, -1))
    return next((each for each in shorter if (each, "") in now), "")


def _holes(rows: Sequence[RateRow]) -> Iterator[str]:
    """What the rates of one prefix (or class) leave open: a band, or days between two rates."""
    between: dict[tuple[date, date], list[str]] = defaultdict(list)
    for band in BANDS:
        spans = [(row.valid_from or date.min, row.valid_to or date.max) for row in rows if row.band in ("", band)]
        if not spans:
            yield f"there is no rate for the band {band}, and none for all bands"
        for hole in _between(spans):
            between[hole].append(band)
    for (first, last), bands in sorted(between.items()):
        which = "" if len(bands) == len(BANDS) else f" for the band {', '.join(bands)}"
        yield f"there is no rate{which} from {first} to {last}"


def _between(spans: Sequence[tuple[date, date]]) -> Iterator[tuple[date, date]]:
    """The days, first and last, between spans of days."""
    if len(spans) < 2:
        return
    (_, covered), *later = sorted(spans)
    for first, last in later:
        if covered < date.max and first > covered + _ONE_DAY:
            yield covered + _ONE_DAY, first - _ONE_DAY
        covered = max(covered, last)
