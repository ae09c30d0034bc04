"""The reference against figures worked out by hand, rule by rule."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from tests.support import cases
from tests.support.reference import bills, charges, days, numbers, pricing
from tests.support.reference.carrier import Customer, LowPolicy
from tests.support.reference.deck import Choice, Deck, Tariff


@pytest.mark.parametrize("case", cases.BANDS, ids=cases.names)
def test_the_band_is_that_of_the_start_in_london(case: cases.Band) -> None:
    """R6: peak is Monday to Friday 08:00 to 18:00, weekends and bank holidays are weekend, the rest is off-peak."""
    assert days.band_of(case.start) == case.band


@pytest.mark.parametrize("case", cases.LOCAL_TIMES, ids=cases.names)
def test_a_time_without_a_zone_is_londons(case: cases.LocalTime) -> None:
    """Z20: the repeated hour is the first one, the missing hour is no time."""
    assert days.instant_of(case.wall) == case.instant


@pytest.mark.parametrize("case", cases.LOCAL_DAYS, ids=cases.names)
def test_an_instant_belongs_to_londons_day_and_band(case: cases.LocalDay) -> None:
    """B2, B3: the local day and hour decide, not those of UTC."""
    local = days.local(case.instant)
    assert (local.date(), days.band_of(local)) == (case.day, case.band)


@pytest.mark.parametrize("case", cases.INCREMENTS, ids=cases.names)
def test_seconds_are_billed_in_whole_steps(case: cases.Increment) -> None:
    """R6: the initial seconds, beyond them whole steps."""
    assert pricing.billed_quantity(case.used, case.initial, case.step) == case.billed


@pytest.mark.parametrize("case", cases.CHARGES, ids=cases.names)
def test_a_call_costs_what_its_rate_says(case: cases.Priced) -> None:
    """R6, Z18: connection, price of the billed quantity, minimum, maximum, free seconds, one rounding."""
    rate = pricing.Rate(
        Fraction(case.price),
        Fraction(case.connection),
        case.initial,
        case.step,
        Fraction(case.minimum),
        None if case.maximum is None else Fraction(case.maximum),
        case.free_below,
    )
    divisor = {"voice": 60, "sms": 1, "data": case.megabyte_bytes}[case.service]
    charge, billed = pricing.charge_by_rate(rate, case.used, divisor, case.places)
    assert (charge, billed) == (case.charge, case.billed)
    assert charge.as_tuple().exponent == -case.places


@pytest.mark.parametrize("case", [case for case in cases.MARKUPS if case.charge is not None], ids=cases.names)
def test_a_markup_is_a_percentage_on_the_best_cost(case: cases.Markup) -> None:
    """R5, Z17: retail price, else CDR cost, else carrier cost; 0 is a cost."""
    best = next(cost for cost in (case.retail_price, case.cdr_cost, case.carrier_cost) if cost is not None)
    assert pricing.charge_by_markup(best, case.percent, case.places) == case.charge


@pytest.mark.parametrize("case", cases.ROUNDINGS, ids=cases.names)
def test_half_a_penny_goes_away_from_zero(case: cases.Rounding) -> None:
    """Z1: half up means away from zero; zero is never -0.00."""
    assert str(pricing.pence(case.exact)) == str(case.pennies)


@pytest.mark.parametrize("case", cases.NUMBERS, ids=cases.names)
def test_every_spelling_of_a_number_means_the_same(case: cases.Spelling) -> None:
    """R3: numbers are normalised to E.164; UK short codes stand behind 44."""
    assert numbers.digits_of(case.spelled) == case.digits


@pytest.mark.parametrize("case", cases.TARIFF_CHOICES, ids=cases.names)
def test_exactly_one_tariff_is_chosen(case: cases.TariffChoice) -> None:
    """Z16: the number's for the class, the number's, the customer's for the class, the customer's, the default."""
    deck = Deck({code: Tariff(code) for code in "ABCDEFG"}, system_default=case.system)
    if case.source_and_type:
        deck.defaults["northstar", "mobile"] = case.source_and_type
    if case.type:
        deck.defaults[None, "mobile"] = case.type
    own = Choice(case.number, {"National": case.number_class} if case.number_class else {})
    customers = Choice(case.customer, {"National": case.customer_class} if case.customer_class else {})
    chosen = deck.choose(own, customers, "National", "northstar", "mobile")
    assert (chosen.code if chosen else None) == case.chosen


@pytest.mark.parametrize("case", cases.STRETCHES, ids=cases.names)
def test_a_stretch_of_days_costs_its_share_of_each_month(case: cases.Stretch) -> None:
    """I1, Z1: a month at a time, by days of that month, rounded once."""
    charge = charges.Charge("", Fraction(case.price), Fraction(case.quantity), case.first, months=case.months)
    assert pricing.pence(charges.exact_price(charge, case.first, case.last)) == case.net


@pytest.mark.parametrize("case", cases.CHARGED_TO, ids=cases.names)
def test_a_charge_is_settled_to_the_end_of_its_period(case: cases.ChargedTo) -> None:
    """I2, Z4: in advance the period that holds the next day, in arrears the last that ended."""
    charge = charges.Charge("", Fraction(1), Fraction(1), case.start, case.end, case.months, case.in_advance)
    assert charges.settled_to(charge, case.bill_to) == case.last


@pytest.mark.parametrize("case", cases.VATS, ids=cases.names)
def test_vat_is_worked_out_per_rate_entry(case: cases.Vat) -> None:
    """Z13, I7: on the net at each rate entry, at the percentage of the tax point, rounded half up."""
    lines = [bills.Line("recurring", "", net, rate) for rate, net in case.nets]
    assert bills.vat_of(lines, case.tax_point) == case.vat


@pytest.mark.parametrize("case", cases.CYCLES_DUE, ids=cases.names)
def test_the_month_of_the_bill_to_date_decides_who_is_due(case: cases.Due) -> None:
    """C5, Z10: every month, every third from the anchor, or none."""
    cycle = {1: "monthly", 3: "quarterly", None: "manual"}[case.every_months]
    assert bills.is_due(Customer("D1", cycle=cycle, anchor_month=case.anchor_month), case.bill_to) == case.due


@pytest.mark.parametrize("case", cases.LOW_INVOICES, ids=cases.names)
def test_a_low_invoice_follows_the_customers_policy(case: cases.Low) -> None:
    """I5, Z12: created, rolled forward or charged for; a final bill is always made."""
    status = "final_bill" if case.final_bill else "active"
    customer = Customer("D1", status, low=LowPolicy(case.policy, case.threshold, case.charge))
    if case.owed is not None:
        customer.charges.append(charges.Charge("", Fraction(case.owed), Fraction(1), date(2025, 1, 1)))
    invoice = bills.make_invoice(customer, {}, date(2025, 1, 31), date(2025, 2, 1))
    assert (invoice.net if invoice else None) == case.net


def test_a_one_off_is_charged_by_the_first_bill_on_or_after_its_start() -> None:
    """Z6: the day itself, not the day before; the quantity counts before the rounding."""
    charge = charges.Charge("Set-up", Fraction("12.345"), Fraction(3), date(2025, 1, 31))
    settled = charges.settle(charge, date(2025, 1, 31))
    assert settled is not None
    assert settled.net == Decimal("37.04")
    assert charges.settle(charge, date(2025, 1, 30)) is None


def _imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_the_reference_shares_nothing_with_the_platform() -> None:
    """It may use the standard library and itself, so that it cannot go wrong in the same way."""
    imported = {name for file in Path(days.__file__).parent.glob("*.py") for name in _imports_of(file)}
    foreign = {name.split(".")[0] for name in imported if not name.startswith("tests.support.reference")}
    assert foreign <= set(sys.stdlib_module_names)
