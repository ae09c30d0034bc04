"""Rate decks as CSV (SPEC R6, R10)."""

from __future__ import annotations

from datetime import date

import pytest

from rating.domain.deck_csv import RATE_COLUMNS, RateRow, micro, parse_destinations, parse_inbound_classes, parse_rates

HEADER = ",".join(RATE_COLUMNS)


def problems(*rows: str, header: str = HEADER) -> list[tuple[int, str]]:
    return [(each.row, each.message) for each in parse_rates([header, *rows]).problems]


def test_a_row_is_read_exactly_to_the_millionth_of_a_pound() -> None:
    """R6: prices are exact integers, whatever a float would make of them."""
    parsed = parse_rates([HEADER, "4420,,peak,0.008271,0.1,30,6,0.05,1.75,10,2025-01-01,2025-12-31"])
    expected = RateRow(
        "4420", "", "peak", 8271, 100_000, 30, 6, 50_000, 1_750_000, 10, date(2025, 1, 1), date(2025, 12, 31)
    )
    assert parsed.rows == [expected]
    assert parsed.problems == []


def test_what_is_empty_takes_what_changes_nothing() -> None:
    """R6: by the second, no minimum, no maximum, nothing free, valid always, in all bands."""
    assert parse_rates([HEADER, ",National,,0.01,,,,,,,,"]).rows == [
        RateRow("", "National", "", 10_000, 0, 1, 1, 0, None, 0, None, None)
    ]


def test_columns_may_come_in_any_order_and_optional_ones_be_absent() -> None:
    parsed = parse_rates(["price_per_minute,prefix", "0.5,33", "0.25,49"])
    assert [(row.prefix, row.price_micro) for row in parsed.rows] == [("33", 500_000), ("49", 250_000)]


@pytest.mark.parametrize("text", ["0.0000001", "-1", "1e3", "1.", ".5", "£1", "1,000", "٣", "nan", "1234567890"])
def test_an_amount_that_is_not_plain_is_refused(text: str) -> None:
    """R10: more than six places, signs, exponents: nothing is rounded or guessed."""
    with pytest.raises(ValueError, match="not an amount"):
        micro(text)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("4420,,,0.0000001,,,,,,,,", "price_per_minute: '0.0000001'"),
        (",,,0.1,,,,,,,,", "prefix: give a prefix"),
        ("+44,,,0.1,,,,,,,,", "prefix: '+44'"),
        ("020,,,0.1,,,,,,,,", "prefix: '020'"),
        ("44,,,,,,,,,,,", "give a price"),
        ("44,,night,0.1,,,,,,,,", "band: 'night'"),
        ("44,,,0.1,,0,,,,,,", "initial_seconds: '0'"),
        ("44,,,0.1,,,1.5,,,,,", "step_seconds: '1.5'"),
        ("44,,,0.1,,,,2,1,,,", "maximum_charge"),
        ("44,,,0.1,,,,,,,2025-02-30,", "valid_from: '2025-02-30'"),
        ("44,,,0.1,,,,,,,20250201,", "valid_from: '20250201'"),
        ("44,,,0.1,,,,,,,2025-02-02,2025-02-01", "valid_to"),
        ("44,,,0.1", "4 cells"),
    ],
)
def test_a_problem_names_its_row_and_column(row: str, says: str) -> None:
    """R10: checked, each problem with the row that it is in."""
    ((number, message),) = problems("33,,,0.1,,,,,,,,", row)
    assert number == 2
    assert says in message


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("44,,,1,,,,,,,,", "44,,,2,,,,,,,,", True),
        ("44,,peak,1,,,,,,,,", "44,,weekend,2,,,,,,,,", False),
        ("44,,,1,,,,,,,,2025-01-15", "44,,,2,,,,,,,2025-01-16,", False),
        ("44,,,1,,,,,,,,2025-01-15", "44,,,2,,,,,,,2025-01-15,", True),
        (",SMS,,1,,,,,,,,", ",SMS,,2,,,,,,,,", True),
        (",SMS,,1,,,,,,,,", ",Data,,2,,,,,,,,", False),
        ("44,National,,1,,,,,,,,", "44,Local,,2,,,,,,,,", True),
    ],
)
def test_two_rates_must_not_answer_for_the_same_day(first: str, second: str, clash: bool) -> None:
    """R10, Z16: prefix (or class), band and overlapping validity; valid-to is inclusive."""
    found = problems(first, second)
    assert bool(found) is clash
    if clash:
        assert found[0][0] == 2
        assert "row 1" in found[0][1]


def test_a_header_of_another_file_is_a_problem_of_row_0() -> None:
    assert problems("1", header="prefix,colour")[0][0] == 0
    assert problems(header="prefix")[0][0] == 0
    assert problems(header="")[0][0] == 0


def test_a_prefix_stands_once_in_the_destinations() -> None:
    """R4: one destination for a prefix, one class for a destination."""
    parsed = parse_destinations(["prefix,destination,call_class", "33,France,International", "33,Paris,International"])
    assert [(each.row, each.message) for each in parsed.problems] == [(2, "prefix 33 stands in row 1 already")]
    assert parse_inbound_classes(["prefix,call_class", "44800,"]).problems[0].row == 1
