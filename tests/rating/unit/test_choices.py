"""What numbers and customers choose, and the default tariffs: tables in, slots and markups out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.domain.calls import MISSING, Calls, Digits, Int, Kind
from rating.domain.choices import UNKNOWN_TARIFF, Choices, ChoiceTable, Defaults, millionths
from rating.domain.codes import Codes
from rating.domain.decks import NO_TARIFF, Tariff, Tariffs

CLASSES = ("Mobile", "National", "SMS")
KNOWN = ("retail", "mobile", "trade")


def column(*values: int) -> Int:
    return np.array(values, dtype=np.int64)


def tariffs(*codes: str) -> Tariffs:
    made = Tariffs()
    for code in codes:
        made.put(Tariff(code))
    made.bind(Codes(CLASSES))
    return made


def table(*choices: Choices, known: Sequence[str] = KNOWN) -> tuple[ChoiceTable, list[int]]:
    made = ChoiceTable()
    rows = [made.intern(each) for each in choices]
    made.bind(Codes(CLASSES), tariffs(*known))
    return made, rows


def slots(made: ChoiceTable, row: int) -> list[int]:
    """The tariff for no class, and for each of `CLASSES`."""
    return list(made.tariff_for(np.full(4, row, dtype=np.int64), column(0, 1, 2, 3)))


def markups(made: ChoiceTable, row: int) -> list[int]:
    return list(made.markup_for(np.full(4, row, dtype=np.int64), column(0, 1, 2, 3)))


def test_the_tariff_for_the_class_goes_before_the_tariff() -> None:
    """Z16: the number's for the class, else the number's; the customer's likewise."""
    made, (row,) = table(Choices("retail", {"Mobile": "mobile", "SMS": ""}))
    assert slots(made, row) == [0, 1, 0, 0]


def test_a_tariff_for_one_class_only_leaves_the_others_without() -> None:
    """Z16: where it chooses none, the next one is asked."""
    made, (row,) = table(Choices(class_tariffs={"National": "trade"}))
    assert slots(made, row) == [NO_TARIFF, NO_TARIFF, 2, NO_TARIFF]


def test_a_choice_that_is_not_here_is_still_the_choice() -> None:
    """Z16: exactly one tariff is chosen; if it is not known the others are not asked."""
    made, (row,) = table(Choices("gone", {"SMS": "retail"}))
    assert slots(made, row) == [UNKNOWN_TARIFF, UNKNOWN_TARIFF, UNKNOWN_TARIFF, 0]


def test_a_tariff_that_comes_later_is_found_then() -> None:
    """Z16: events of customers may arrive before the tariff that they name is made."""
    made, (row,) = table(Choices("later", {"SMS": "latest"}))
    made.bind(Codes(CLASSES), tariffs(*KNOWN, "later"))
    assert slots(made, row) == [3, 3, 3, UNKNOWN_TARIFF]
    made.bind(Codes(CLASSES), tariffs(*KNOWN, "later", "latest"))
    assert slots(made, row) == [3, 3, 3, 4]


def test_a_class_that_comes_later_is_found_then() -> None:
    """Z16, R4: a class may be chosen for before any table has it."""
    made, (row,) = table(Choices("retail", {"Satellite": "trade"}, {"Satellite": Decimal(5)}))
    made.bind(Codes((*CLASSES, "Satellite")), tariffs(*KNOWN))
    assert list(made.tariff_for(column(row, row), column(3, 4))) == [0, 2]
    assert list(made.markup_for(column(row, row), column(3, 4))) == [MISSING, 5_000_000]


def test_rows_that_are_added_later_leave_the_earlier_ones_as_they_were() -> None:
    """C10: one number's change is nobody else's."""
    made, (first,) = table(Choices("retail", {"Mobile": "mobile"}, {"SMS": Decimal(1)}))
    second = made.intern(Choices("trade", {"National": "retail"}, {"National": Decimal(2)}))
    made.bind(Codes(CLASSES), tariffs(*KNOWN))
    assert (slots(made, first), markups(made, first)) == ([0, 1, 0, 0], [MISSING, MISSING, MISSING, 1_000_000])
    assert (slots(made, second), markups(made, second)) == ([2, 2, 0, 2], [MISSING, MISSING, 2_000_000, MISSING])


def test_what_is_chosen_for_calls_without_a_class_is_for_them_alone() -> None:
    """Z16, R4: a call that nothing gives a class to is no call of a class that nobody chooses for."""
    made, (row,) = table(Choices("retail", {"": "trade", "SMS": "mobile"}, {"": Decimal(7)}))
    assert slots(made, row) == [2, 0, 0, 1]
    assert markups(made, row) == [7_000_000, MISSING, MISSING, MISSING]


def test_who_chooses_nothing_is_row_0() -> None:
    """Z16, R5 (2), (3): no tariff, no markup, no fallback."""
    made, (row,) = table(Choices())
    assert (row, slots(made, 0), markups(made, 0)) == (0, [NO_TARIFF] * 4, [MISSING] * 4)
    assert list(made.fallback(column(0))) == [MISSING]


def test_equal_choices_are_one_row_however_they_are_written() -> None:
    """C10: the order of classes and zeros at the end of a percentage say nothing."""
    _, rows = table(
        Choices("retail", {"SMS": "trade", "Mobile": "mobile"}, {"SMS": Decimal("10")}),
        Choices("retail", {"Mobile": "mobile", "SMS": "trade"}, {"SMS": Decimal("10.00")}),
        Choices("retail", {"Mobile": "mobile", "SMS": "trade"}, {"SMS": Decimal("10.01")}),
    )
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [("0", 0), ("12.5", 12_500_000), ("-10", -10_000_000), ("0.000001", 1), ("1E+2", 100_000_000), (None, MISSING)],
)
def test_percentages_are_whole_millionths(percent: str | None, expected: int) -> None:
    """R5: a markup is a percentage; 0 is one, and is not missing."""
    told = None if percent is None else Decimal(percent)
    made, (row,) = table(Choices(fallback_markup=told, class_markups={} if told is None else {"SMS": told}))
    assert millionths(told) == expected
    assert (markups(made, row)[3], int(made.fallback(column(row))[0])) == (expected, expected)


@pytest.mark.parametrize("percent", ["0.0000001", "12.3456785", "1E+30"])
def test_a_percentage_that_would_not_be_exact_is_refused_by_name(percent: str) -> None:
    """R5, Z1: nothing is rounded in silence, and what is refused leaves no row behind."""
    made = ChoiceTable()
    for choices in (Choices(class_markups={"SMS": Decimal(percent)}), Choices(fallback_markup=Decimal(percent))):
        with pytest.raises(ValueError, match=str(Decimal(percent)).replace("+", r"\+")):
            made.intern(choices)
    assert made.intern(Choices("retail")) == 1


NAMES = st.none() | st.sampled_from((*KNOWN, "gone", ""))
PERCENT = st.decimals("-100", "1000", places=6)
CHOICES = st.builds(
    Choices,
    NAMES,
    st.dictionaries(st.sampled_from(CLASSES), st.sampled_from((*KNOWN, "gone", ""))),
    st.dictionaries(st.sampled_from(CLASSES), PERCENT),
    st.none() | PERCENT,
)


@given(st.lists(CHOICES, max_size=12), st.integers(0, 12))
def test_columns_say_what_each_choice_says(choices: list[Choices], first: int) -> None:
    """Z16, R5: whatever is chosen, and whether it was there from the start or came later."""
    made, known = ChoiceTable(), tariffs(*KNOWN)
    rows = [made.intern(each) for each in choices[:first]]
    made.bind(Codes(CLASSES), known)
    rows += [made.intern(each) for each in choices[first:]]
    made.bind(Codes(CLASSES), known)
    for row, told in zip(rows, choices, strict=True):
        wanted = [told.class_tariffs.get(name) or told.tariff for name in ("", *CLASSES)]
        assert slots(made, row) == [slot_of(code) for code in wanted]
        assert markups(made, row) == [millionths(told.class_markups.get(name)) for name in ("", *CLASSES)]
        assert made.fallback(column(row))[0] == millionths(told.fallback_markup)


def slot_of(code: str | None) -> int:
    return NO_TARIFF if not code else KNOWN.index(code) if code in KNOWN else UNKNOWN_TARIFF


def calls_of(*sources: str) -> Calls:
    """Calls of these sources, of which nothing else counts."""
    nothing, zero = [""] * len(sources), np.zeros(len(sources), dtype=np.int64)
    kinds = [Kind(source, "outbound", "voice", "", "GBP") for source in sources]
    kind = np.arange(len(sources), dtype=np.int64)
    digits = Digits(zero, zero)
    return Calls(nothing, nothing, nothing, kinds, kind, zero, zero, zero, zero, zero, zero, zero, digits, digits)


def test_default_tariffs_are_asked_from_the_narrowest_on() -> None:
    """R5 (1): per source and number type, else number type, else source, else the system's."""
    types = Codes(("geographic", "mobile"))
    defaults = Defaults()
    defaults.by_key = {("acme", "mobile"): "both", ("", "mobile"): "type", ("acme", ""): "source", ("odd", ""): "gone"}
    defaults.system = "system"
    defaults.bind(tariffs("both", "type", "source", "system"), types)
    asked = [("acme", 2), ("other", 2), ("acme", 1), ("other", 1), ("odd", 1), ("odd", 2), ("", 0)]
    found = defaults.for_calls(calls_of(*(source for source, _ in asked)), column(*(code for _, code in asked)))
    assert list(found) == [0, 1, 2, 3, UNKNOWN_TARIFF, 1, 3]


def test_without_defaults_no_tariff_applies() -> None:
    """R5 (4): none."""
    defaults = Defaults()
    defaults.bind(tariffs(*KNOWN), Codes(("geographic",)))
    assert list(defaults.for_calls(calls_of("acme", ""), column(0, 1))) == [NO_TARIFF, NO_TARIFF]
