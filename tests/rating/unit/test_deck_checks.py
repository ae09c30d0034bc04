"""What is warned of when a deck is imported, and which tariff may be whose parent (SPEC R5, R6, R10)."""

from __future__ import annotations

from datetime import date

import pytest

from rating.domain.codes import Codes
from rating.domain.deck_csv import parse_rates
from rating.domain.deck_gaps import warn_of_gaps
from rating.domain.deck_margins import CostTariff, warn_of_margins
from rating.domain.deck_rows import MOST_TOLD, Parsed, RateRow, pounds
from rating.domain.decks import ALWAYS, Deck, Rates, Tariff, Tariffs, Version
from rating.domain.lineage import line_of, wrong_parent
from rating.domain.tariffs import Rate

COLUMNS = "prefix,call_class,band,price_per_minute,valid_from,valid_to"
TODAY = date(2026, 1, 12)


def deck(*rows: str, header: str = COLUMNS) -> Parsed[RateRow]:
    parsed = parse_rates([header, *rows])
    assert not parsed.problems
    return parsed


def gaps(*rows: str, before: tuple[tuple[str, str], ...] = ()) -> list[str]:
    parsed = deck(*rows)
    warn_of_gaps(parsed, before, "version 2")
    return [each.message for each in parsed.problems]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["44,,,1,,"], []),
        (["44,,peak,1,,", "44,,offpeak,1,,", "44,,weekend,1,,"], []),
        (["44,,peak,1,,", "44,,,1,,"], []),
        (["44,,peak,1,,", "44,,offpeak,1,,"], ["there is no rate for the band weekend, and none for all bands"]),
        (["44,,,1,,2026-01-31", "44,,,1,2026-02-01,"], []),
        (["44,,,1,,2026-01-30", "44,,,1,2026-02-01,"], ["there is no rate from 2026-01-31 to 2026-01-31"]),
        (["44,,peak,1,2026-02-01,2026-02-28", "44,,,1,,2026-03-31"], []),
        (
            ["44,,,1,2026-03-01,", "44,,,1,,2026-01-31", "44,,peak,1,,"],
            ["there is no rate for the band offpeak, weekend from 2026-02-01 to 2026-02-28"],
        ),
        (["44,,,1,2030-01-01,"], []),
    ],
)
def test_bands_and_days_without_a_rate_are_told(rows: list[str], told: list[str]) -> None:
    """R10: a band that nothing serves, and days between two validities; valid-to is inclusive (Z16)."""
    assert gaps(*rows) == [f"prefix 44: {each}" for each in told]


def test_what_had_a_rate_before_and_has_none_now_is_told() -> None:
    """R10: compared with the version that it takes the place of; a class is one whatever its prefix rows say."""
    found = gaps("44,SMS,,1,,", "33,,,1,,", before=(("", "SMS"), ("33", ""), ("4420", "")))
    assert [each.split(":")[0] for each in found] == [
        "class SMS has a rate in version 2 and none here",
        "prefix 4420 has a rate in version 2 and none here",
    ]
    assert found[1].endswith("prefix 44 of this file answers instead")


def test_a_list_of_warnings_has_an_end_and_its_total_not() -> None:
    """R10: the report of a file of another sort stays readable."""
    parsed = deck("33,,,1,,")
    warn_of_gaps(parsed, [(str(number), "") for number in range(100, 3_100)], "version 2")
    assert (len(parsed.problems), parsed.found.totals, parsed.found.refuse) == (MOST_TOLD, {"gap": 3_000}, False)


def cost(*rates: tuple[str, str, Rate]) -> CostTariff:
    tariffs, classes = Tariffs(), Codes(["SMS", "Data"])
    made = Deck.of(Rates.of([(prefix, rate) for prefix, _, rate in rates]), [call_class for _, call_class, _ in rates])
    tariffs.put(Tariff("COST", 4, 1_000_000, 0, 0, None, (Version(1, ALWAYS, made),)))
    tariffs.bind(classes)
    return CostTariff("COST", tariffs, classes)


def margins(told: CostTariff | None, *rows: str, header: str = COLUMNS) -> list[str]:
    parsed = deck(*rows, header=header)
    warn_of_margins(parsed, told, TODAY)
    assert all(each.kind == "negative_margin" for each in parsed.problems)
    return [each.message for each in parsed.problems]


def test_a_price_at_cost_is_no_loss_and_a_millionth_below_is() -> None:
    """R10: exact to the millionth of a pound."""
    told = cost(("44", "", Rate(10_000)))
    assert margins(told, "4420,,,0.01,,") == []
    (message,) = margins(told, "4420,,,0.009999,,")
    assert "sold for £0.009999 and costs £0.01" in message
    assert "(COST, prefix 44)" in message


def test_increments_minimum_and_connection_charge_count_on_both_sides() -> None:
    """R6, R10: what a call of 60 seconds costs, not the price a minute."""
    told = cost(("44", "", Rate(10_000, connection=5_000, initial=60, step=60)))
    header = "prefix,price_per_minute,initial_seconds,step_seconds,minimum_charge,connection_charge"
    assert margins(told, "44,0.01,120,60,,", header=header) == []
    assert margins(told, "44,0.01,1,1,0.015,", header=header) == []
    assert margins(told, "44,0.01,1,1,,0.005", header=header) == []
    assert len(margins(told, "44,0.014,1,1,,", header=header)) == 1


def test_a_rate_for_all_bands_does_not_answer_in_a_band_that_has_its_own() -> None:
    """R6, Z16: so it makes no loss there."""
    told = cost(("44", "", Rate(50_000, band="peak")), ("44", "", Rate(1_000)))
    assert margins(told, "44,,,0.01,,", "44,,peak,0.06,,") == []
    (message,) = margins(told, "44,,,0.01,,")
    assert "in the band peak" in message


def test_a_rate_is_compared_on_its_own_first_day_and_not_when_it_is_over() -> None:
    """R10: with the cost of then."""
    told = cost(
        ("44", "", Rate(10_000, valid_to=date(2026, 5, 31))), ("44", "", Rate(20_000, valid_from=date(2026, 6, 1)))
    )
    assert margins(told, "44,,,0.015,,") == []
    assert len(margins(told, "44,,,0.015,2026-06-01,")) == 1
    assert margins(told, "44,,,0.001,,2026-01-11") == []


def test_messages_and_megabytes_are_compared_one_by_one() -> None:
    """R6: SMS are priced per unit, data per megabyte; what costs nothing we know is no loss."""
    told = cost(("", "SMS", Rate(30_000)), ("", "Data", Rate(10_000, initial=1_000, step=1_000)))
    assert margins(told, ",SMS,,0.03,,", ",Data,,0.01,,", ",Premium,,0.001,,", "33,,,0,,") == []
    sms, data = margins(told, ",SMS,,0.02,,", ",Data,,0.009,,")
    assert sms.startswith("class SMS: a message is sold for £0.02 and costs £0.03")
    assert data.startswith("class Data: a megabyte is sold for £0.009 and costs £0.01")


def test_a_cost_column_is_compared_without_any_tariff() -> None:
    """R10: and an empty cell says nothing."""
    header = "prefix,price_per_minute,cost_per_minute"
    (message,) = margins(None, "44,0.02,0.03", "45,0.02,", "46,0.02,0.02", header=header)
    assert message == "prefix 44: a call of 60 seconds is sold for £0.02 and costs £0.03 by the file's own column"


@pytest.mark.parametrize(("micro", "told"), [(0, "£0"), (12_500, "£0.0125"), (10_000_000, "£10"), (1, "£0.000001")])
def test_amounts_are_told_as_people_read_them(micro: int, told: str) -> None:
    """R10: exact, without needless zeros."""
    assert pounds(micro) == told


def test_a_line_of_tariffs_is_at_most_four_and_no_circle() -> None:
    """R5: what stands below a tariff counts too."""
    parents = {"A": None, "B": "A", "C": "B", "D": "C", "X": None, "Y": "X"}
    assert line_of("D", parents) == ["D", "C", "B", "A"]
    assert wrong_parent("X", "B", parents) is None
    assert "would make 5" in (wrong_parent("X", "C", parents) or "")
    assert "would make 5" in (wrong_parent("NEW", "D", parents) or "")
    assert "A > C > B > A" in (wrong_parent("A", "C", parents) or "")
    assert "A > A" in (wrong_parent("A", "A", parents) or "")
    assert "no tariff 'Z'" in (wrong_parent("A", "Z", parents) or "")
