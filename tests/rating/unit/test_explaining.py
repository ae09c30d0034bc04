"""Explanations of calls: sentences and figures that were worked out by hand (SPEC R9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from money.rounding import round_half_up
from rating.domain.arithmetic import KnownRate, KnownTariff, Worked, by_rate
from rating.domain.calls import MISSING
from rating.domain.cdr import Cdr
from rating.domain.charging import Rating, charge_by_rate, place_of
from rating.domain.explaining import (
    Known,
    Unread,
    explain_at_close,
    explain_duplicate,
    explain_held,
    explain_rated,
    explain_rejected,
)
from rating.domain.verdicts import Held, Rated
from rating.domain.wording import money, percent

PENNY = 10_000
BUSINESS = KnownTariff("BUSINESS", "Business")
RATE = KnownRate(
    rate_id=7,
    tariff="BUSINESS",
    tariff_name="Business",
    version=3,
    effective_from=date(2025, 1, 1),
    prefix="44161",
    call_class="",
    band="peak",
    price=12 * PENNY,
    connection=0,
    initial=60,
    step=6,
    minimum=0,
    maximum=None,
    free=0,
)
CALL = Cdr(
    source="northstar",
    record_id="NS-1",
    charged_number="442079460123",
    other_party="441614960123",
    direction="outbound",
    service_type="voice",
    started=datetime(2025, 1, 15, 9, 30, tzinfo=UTC),
    seconds=77,
    units=0,
    volume_bytes=0,
    known_class=None,
    retail_micro=None,
    cdr_cost_micro=5 * PENNY,
    carrier_cost_micro=None,
    currency="GBP",
)
RATED = Rated(
    customer_id=1,
    number_id=10,
    call_class="National",
    destination="Manchester",
    band="peak",
    local_date=date(2025, 1, 15),
    step=1,
    charge_micro=156_000,
    cost_micro=5 * PENNY,
    billed_seconds=78,
    tariff="BUSINESS",
    prefix="44161",
    rate_id=7,
)
KNOWN = Known(BUSINESS, RATE, "customer", "", "44161")


def sentences(steps: Any) -> list[str]:
    return [step.sentence for step in steps]


def test_a_call_is_explained_from_its_number_to_its_margin() -> None:
    """R9: number, time and band, class, tariff and version, prefix, increments, price, rounding, margin."""
    told = explain_rated(CALL, RATED, KNOWN, 5)
    assert sentences(told.steps) == [
        "The call is charged to +442079460123, number 10 of customer 1.",
        "It began on Wednesday 15 January 2025 at 09:30:00 in Europe/London, which is peak by the calendar England and "
        "Wales.",
        "The call class is National, because +441614960123 begins with 44161, which is Manchester.",
        "The tariff is Business (BUSINESS), chosen for the customer.",
        "The rate is in version 3 of the tariff, in force from 1 January 2025.",
        "The longest prefix with a rate is 44161: £0.12 a minute at peak.",
        "77 s: 60 at once, then 3 steps of 6: 78 s billed.",
        "£0.12 a minute × 78 / 60 = £0.156.",
        "Rounded once, half up, to 4 decimal places: £0.156.",
        "The charge is £0.156, without VAT.",
        "It costs us £0.05, which leaves a margin of £0.106.",
    ]
    assert (told.usage_id, told.step, told.worked_micro, told.agrees) == (5, 1, 156_000, True)


@pytest.mark.parametrize(
    ("used", "rate", "expected", "charge"),
    [
        (61, {"initial": 1, "step": 1}, ["61 s, billed by the second.", "£0.12 a minute × 61 / 60 = £0.122."], 122_000),
        (
            42,
            {"step": 60},
            ["42 s: 60 are billed at least: 60 s billed.", "£0.12 a minute × 60 / 60 = £0.12."],
            120_000,
        ),
        (
            61,
            {"step": 60, "connection": 15_000},
            [
                "61 s: 60 at once, then 1 step of 60: 120 s billed.",
                "£0.015 connection charge + £0.12 a minute × 120 / 60 = £0.255.",
            ],
            255_000,
        ),
        (
            60,
            {"minimum": 200_000},
            [
                "60 s: 60 are billed at least: 60 s billed.",
                "£0.12 a minute × 60 / 60 = £0.12.",
                "Raised to the minimum of £0.20.",
            ],
            200_000,
        ),
        (
            6_000,
            {"maximum": 1_000_000},
            [
                "6,000 s: 60 at once, then 990 steps of 6: 6,000 s billed.",
                "£0.12 a minute × 6,000 / 60 = £12.00.",
                "Cut at the maximum of £1.00.",
            ],
            1_000_000,
        ),
        (9, {"free": 10}, ["9 s is less than 10 s, below which it is free: nothing is billed."], 0),
        (
            7,
            {"initial": 1, "step": 1, "price": 100_000},
            ["7 s, billed by the second.", "£0.10 a minute × 7 / 60 = £0.0116666666…."],
            11_700,
        ),
    ],
)
def test_the_arithmetic_is_as_on_a_pocket_calculator(
    used: int, rate: dict[str, Any], expected: list[str], charge: int
) -> None:
    """R6, R9: increments, connection charge, minimum, maximum and free seconds, each worked out by hand."""
    worked = by_rate(replace(CALL, seconds=used), replace(RATE, **rate), BUSINESS)
    assert [each for each in sentences(worked.steps) if "Rounded" not in each] == expected
    assert worked.charge_micro == charge


@pytest.mark.parametrize(
    ("service", "used", "tariff", "expected", "charge"),
    [
        ("sms", 3, BUSINESS, ["3 messages, billed by the message.", "£0.12 a message × 3 = £0.36."], 360_000),
        (
            "data",
            1_500_000,
            BUSINESS,
            [
                "1,500,000 bytes, billed by the byte.",
                "£0.12 a megabyte of 1,000,000 bytes × 1,500,000 / 1,000,000 = £0.18.",
            ],
            180_000,
        ),
        (
            "data",
            1_048_576,
            replace(BUSINESS, megabyte=1_048_576),
            [
                "1,048,576 bytes, billed by the byte.",
                "£0.12 a megabyte of 1,048,576 bytes × 1,048,576 / 1,048,576 = £0.12.",
            ],
            120_000,
        ),
    ],
)
def test_messages_and_data_are_priced_by_what_they_count(
    service: str, used: int, tariff: KnownTariff, expected: list[str], charge: int
) -> None:
    """R6, Z18: a message each, or a megabyte as the tariff counts it."""
    cdr = replace(CALL, service_type=service, seconds=0, units=used, volume_bytes=used)
    worked = by_rate(cdr, replace(RATE, initial=1, step=1), tariff)
    assert sentences(worked.steps)[:2] == expected
    assert worked.charge_micro == charge


def test_an_unanswered_call_costs_nothing_and_asks_no_tariff() -> None:
    """Z18: duration 0 is priced 0 before the chain is asked."""
    rated = replace(RATED, step=0, charge_micro=0, billed_seconds=0, rate_id=None, prefix="", cost_micro=0)
    told = explain_rated(replace(CALL, seconds=0), rated, replace(KNOWN, rate=None))
    assert "The call was not answered: it is kept and costs nothing." in sentences(told.steps)
    assert (told.agrees, [step.kind for step in told.steps]) == (
        True,
        ["number", "time", "class", "unanswered", "charge", "margin"],
    )


@pytest.mark.parametrize(
    ("costs", "step", "whose", "sentence", "charge"),
    [
        (
            {},
            2,
            "number",
            "No rate answers, so the markup of the number applies: 12.5 % on the cost on the record of £0.05 = "
            "£0.05625.",
            56_300,
        ),
        (
            {"retail_micro": 100_000},
            2,
            "customer",
            "No rate answers, so the markup of the customer applies: 12.5 % on the suggested retail price of £0.10 = "
            "£0.1125.",
            112_500,
        ),
        (
            {"cdr_cost_micro": None, "carrier_cost_micro": 40_000},
            3,
            "tariff",
            "No rate answers, so the fallback markup of the tariff applies: 12.5 % on the carrier's cost of £0.04 = "
            "£0.045.",
            45_000,
        ),
        (
            {},
            3,
            "",
            "No rate answers, so the fallback markup applies: 12.5 % on the cost on the record of £0.05 = £0.05625.",
            56_300,
        ),
    ],
)
def test_a_markup_says_whose_it_is_and_on_which_cost(
    costs: dict[str, Any], step: int, whose: str, sentence: str, charge: int
) -> None:
    """R5 (2), (3), Z17: suggested retail price, else CDR cost, else carrier cost; rounded as the tariff says."""
    rated = replace(RATED, step=step, markup=12_500_000, charge_micro=charge, rate_id=None, prefix="")
    told = explain_rated(replace(CALL, **costs), rated, replace(KNOWN, rate=None, markup_of=whose))
    assert sentence in sentences(told.steps)
    assert "It has no rate for this call." in sentences(told.steps)
    assert told.agrees is True


def test_without_a_tariff_a_markup_rounds_to_four_places() -> None:
    """Z17: as the chosen tariff says, else to 4 places."""
    rated = replace(RATED, step=2, markup=33_333_333, tariff=None, rate_id=None, prefix="", charge_micro=66_700)
    told = explain_rated(CALL, rated, Known(markup_of="number"))
    assert "No tariff applies to it." in sentences(told.steps)
    assert "Rounded once, half up, to 4 decimal places: £0.0667." in sentences(told.steps)
    assert told.agrees is True


def test_an_inherited_rate_names_the_parent() -> None:
    """R9: the tariff that was chosen, and the one whose version has the rate."""
    rate = replace(RATE, tariff="STANDARD", tariff_name="Standard", version=1, effective_from=None)
    told = sentences(explain_rated(CALL, RATED, replace(KNOWN, rate=rate)).steps)
    assert "The tariff is Business (BUSINESS), chosen for the customer." in told
    assert "The rate is in version 1 of its parent Standard (STANDARD), in force from the beginning." in told


def test_a_rate_of_the_class_says_so() -> None:
    """R5 (1): else its rate for the call class."""
    rate = replace(RATE, prefix="", call_class="National", band="")
    told = sentences(explain_rated(CALL, replace(RATED, prefix=""), replace(KNOWN, rate=rate)).steps)
    assert "The rate for the class National answers: £0.12 a minute." in told


def test_a_bank_holiday_is_named() -> None:
    """R6: bank holidays are weekend, and a customer who asks is told which it was."""
    cdr = replace(CALL, started=datetime(2025, 12, 25, 10, tzinfo=UTC))
    rated = replace(RATED, band="weekend", local_date=date(2025, 12, 25))
    assert (
        "It began on Thursday 25 December 2025 at 10:00:00 in Europe/London, which is weekend by the calendar England "
        "and Wales: 25 December 2025 is Christmas Day."
    ) in sentences(explain_rated(cdr, rated, KNOWN).steps)


def test_local_time_is_told_where_summer_time_moves_the_band() -> None:
    """Z20: 17:30 in UTC is 18:30 in London in July, after peak."""
    cdr = replace(CALL, started=datetime(2025, 7, 16, 17, 30, tzinfo=UTC))
    rated = replace(RATED, band="offpeak", local_date=date(2025, 7, 16))
    (told,) = [each for each in explain_rated(cdr, rated, KNOWN).steps if each.kind == "time"]
    assert "Wednesday 16 July 2025 at 18:30:00" in told.sentence
    assert "offpeak" in told.sentence
    assert "changed since" not in told.sentence
    assert "changed since" in explain_rated(cdr, replace(rated, band="peak"), KNOWN).steps[1].sentence


@pytest.mark.parametrize(
    ("cdr", "rated", "matched", "sentence"),
    [
        ({"known_class": "National"}, {}, "44161", "The call class is National, as the supplier's record says."),
        (
            {"service_type": "sms", "units": 1},
            {"call_class": "SMS"},
            "",
            "The call class is SMS, by the kind of service.",
        ),
        (
            {"direction": "inbound"},
            {"call_class": "Inbound", "destination": ""},
            "",
            "The call class is Inbound, because it was received, not made.",
        ),
        (
            {"direction": "inbound"},
            {"call_class": "Inbound 0808", "destination": ""},
            "44808",
            "The call class is Inbound 0808, that of calls received on numbers that begin with 44808.",
        ),
        ({}, {}, "", "The call class is National, that of the destination Manchester."),
        (
            {},
            {"call_class": "", "destination": ""},
            "",
            "The call has no class, for no destination is known for +441614960123.",
        ),
    ],
)
def test_how_the_class_was_found(cdr: dict[str, Any], rated: dict[str, Any], matched: str, sentence: str) -> None:
    """R4: the record's own class, the service type, the inbound class, the destination's."""
    told = explain_rated(replace(CALL, **cdr), replace(RATED, **rated), replace(KNOWN, matched=matched))
    assert told.steps[2].sentence == sentence


def test_a_charge_that_would_be_another_today_says_so() -> None:
    """R9: the stored charge is what counts; where the tariff rounds otherwise by now, both figures are told."""
    told = explain_rated(CALL, RATED, replace(KNOWN, tariff=replace(BUSINESS, places=2)))
    assert (told.charge_micro, told.worked_micro, told.agrees) == (156_000, 160_000, False)
    assert any("Worked out today it would be £0.16" in each for each in sentences(told.steps))


def test_a_call_priced_before_rates_were_kept_says_so() -> None:
    """R9: what cannot be worked out again is not guessed."""
    told = explain_rated(CALL, replace(RATED, rate_id=None), replace(KNOWN, rate=None))
    assert "Which row of the tariff answered was not kept when this call was priced." in sentences(told.steps)
    assert told.agrees is None


def test_a_cost_in_another_currency_leaves_the_margin_unknown() -> None:
    """Z17: a cost in another currency is missing, and said so."""
    told = explain_rated(replace(CALL, currency="EUR"), replace(RATED, cost_micro=None), KNOWN)
    assert told.steps[-1].sentence == "What it costs us is not known, for its cost is in EUR."


@pytest.mark.parametrize(
    ("outcome", "reason", "begin"),
    [
        ("suspended", "unknown_number", "It is held in suspense and not charged: told in detail."),
        ("ignored", "number_type", "It is ignored and not charged: told in detail."),
        ("unpriced", "no_price", "It is customer 4's, but has no price and is not charged: told in detail."),
        ("suspended", "too_old", "It is held in suspense and not charged: told in detail."),
    ],
)
def test_a_call_that_is_not_charged_says_why_and_what_helps(outcome: Any, reason: str, begin: str) -> None:
    """R3, R5 (4): the reason, and what would have it charged."""
    customer = 4 if outcome == "unpriced" else None
    held = Held(outcome, reason, "told in detail", customer, customer, "peak", date(2025, 1, 15))
    told = explain_held(CALL, held, Known(), 9)
    assert (told.outcome, told.reason, told.charge_micro, told.agrees) == (outcome, reason, None, None)
    assert [step.kind for step in told.steps] == ["number", "time", "outcome", "help"]
    assert told.steps[2].sentence == begin


def test_a_call_that_only_an_open_close_has_a_price_for_says_both() -> None:
    """R5 (3): it is held as unpriced, and charged when the close is billed."""
    rated = replace(RATED, step=3, markup=12_500_000, charge_micro=56_300, rate_id=None, prefix="")
    told = explain_at_close(CALL, rated, replace(KNOWN, rate=None, markup_of="customer"), 3, 9)
    assert (told.outcome, told.reason, told.charge_micro, told.agrees) == ("unpriced", "no_price", 56_300, True)
    assert told.steps[-1].sentence == (
        "It has no price but in close 3: it is charged this when that close is billed, not before."
    )


def test_a_rejected_record_and_a_second_copy_are_explained() -> None:
    """R2, Z21: a rejected record may be sent again under its id; a second copy is not charged."""
    rejected = explain_rejected(Unread("northstar", "NS-2", "bad_duration", "'x' is no number", "duration_seconds"), 3)
    assert sentences(rejected.steps) == [
        "The record could not be read and is not charged (field duration_seconds): 'x' is no number.",
        "Correct the record and send it in again: a rejected record does not use up its id.",
    ]
    copy = explain_duplicate("northstar", "NS-1", 5, True, 8)
    assert sentences(copy.steps) == [
        "A record NS-1 of northstar was there before, as usage 5: it is charged once.",
        "The two say different things: ask the supplier which is right.",
    ]


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "£0.00"),
        (1, "£0.000001"),
        (1_500_000, "£1.50"),
        (-20_000, "-£0.02"),
        (Fraction(1, 3), "£0.0000003333…"),
        (Fraction(1, 2), "£0.0000005"),
    ],
)
def test_money_is_told_exactly(micro: int | Fraction, text: str) -> None:
    """R9: no figure on the way is rounded in silence."""
    assert money(micro) == text


def test_percentages_are_told_without_trailing_zeros() -> None:
    """R5 (2): a markup as it was entered."""
    assert [percent(each) for each in (12_500_000, 100_000_000, 1, 0)] == ["12.5 %", "100 %", "0.000001 %", "0 %"]


_money = st.integers(0, 10**9)
_rates = st.builds(
    replace,
    st.just(RATE),
    price=_money,
    connection=_money,
    initial=st.integers(1, 600),
    step=st.integers(1, 600),
    minimum=_money,
    maximum=st.none() | _money,
    free=st.integers(0, 100),
)


def _shown(worked: Worked) -> Fraction:
    """The sum as the steps show it, before rounding, from the facts alone."""
    if worked.steps[0].kind == "free":
        return Fraction(0)
    facts = {key: value for step in worked.steps for key, value in step.facts.items()}
    connection, price, billed, divisor = (
        int(facts[name] or 0) for name in ("connection_micro", "price_micro", "billed", "divisor")
    )
    exact = connection + Fraction(price * billed, divisor)
    exact = max(exact, Fraction(int(facts.get("raised_to_micro") or 0)))
    return min(exact, Fraction(int(facts["cut_at_micro"] or 0))) if "cut_at_micro" in facts else exact


@given(_rates, st.integers(0, 10**6), st.sampled_from(["voice", "sms", "data"]), st.integers(0, 6))
def test_the_explained_figure_is_the_one_the_stream_charges(
    rate: KnownRate, used: int, service: str, places: int
) -> None:
    """R9: whatever the rate, the steps shown lead to what `charge_by_rate` charges."""
    tariff = replace(BUSINESS, places=places)
    worked = by_rate(replace(CALL, service_type=service, seconds=used, units=used, volume_bytes=used), rate, tariff)
    divisor = {"voice": 60, "sms": 1, "data": 1_000_000}[service]
    maximum = MISSING if rate.maximum is None else rate.maximum
    told = (used, rate.price, rate.connection, rate.initial, rate.step, rate.minimum, maximum, rate.free, divisor)
    columns = [np.array([each], dtype=np.int64) for each in told]
    (charge,), _, _ = charge_by_rate(Rating(*columns, place_of(np.array([places], dtype=np.int64))))
    assert worked.charge_micro == charge
    assert round_half_up(_shown(worked) / 10**6, places) * 10**6 == int(charge)
