"""What single calls of the month cost, worked out by hand from the carrier's own price lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.scenarios.ledger import Json, Ledger, rounded

BANK_HOLIDAY = "2025-01-01"
LOCAL_ZONE = ZoneInfo("Europe/London")


def local(call: Json) -> datetime:
    """When the call began, by the clock on the wall."""
    return datetime.fromisoformat(call["started"]).astimezone(LOCAL_ZONE)


def by_the_second(price: str, places: str = "0.0001") -> Callable[[Json], Decimal]:
    """What a call costs at a price per minute without increments."""
    return lambda call: rounded(Decimal(price) * call["seconds"] / 60, places)


def home(price: str, connection: str) -> Callable[[Json], Decimal]:
    """What a call costs by the home tariff's 30/6: 30 seconds, then every begun six."""

    def cost(call: Json) -> Decimal:
        seconds = 30 if call["seconds"] <= 30 else 30 + -(-(call["seconds"] - 30) // 6) * 6
        return rounded(Decimal(connection) + Decimal(price) * seconds / 60, "0.001")

    return cost


def assert_cost(calls: list[Json], cost: Callable[[Json], Decimal]) -> None:
    """There are such calls, and each costs what it must."""
    assert calls
    assert [Decimal(call["charge"]) for call in calls] == [cost(call) for call in calls]


def answered(calls: list[Json]) -> list[Json]:
    """Without those that nobody took."""
    return [call for call in calls if call["seconds"]]


def test_a_peak_call_is_one_of_a_working_day_and_costs_the_peak_price(ledger: Ledger) -> None:
    """R6: peak is Monday to Friday, 08:00 to 18:00."""
    calls = ledger.priced(tariff="BUSINESS", call_class="National", band="peak", step=1)
    assert_cost(calls, by_the_second("0.0125"))
    assert all(local(call).weekday() < 5 and 8 <= local(call).hour < 18 for call in calls)
    assert all(call["local_date"] != BANK_HOLIDAY for call in calls)


def test_an_off_peak_call_is_one_of_a_working_days_evening_or_morning(ledger: Ledger) -> None:
    """R6: off-peak is the rest."""
    calls = ledger.priced(tariff="BUSINESS", call_class="National", band="offpeak", step=1)
    assert_cost(calls, by_the_second("0.0095"))
    assert all(local(call).weekday() < 5 and not 8 <= local(call).hour < 18 for call in calls)


def test_a_weekend_call_costs_the_weekend_price_all_day(ledger: Ledger) -> None:
    """R6: Saturday and Sunday."""
    weekend = ledger.priced(tariff="BUSINESS", call_class="National", band="weekend", step=1)
    calls = [call for call in weekend if local(call).weekday() >= 5]
    assert_cost(calls, by_the_second("0.0065"))
    assert any(8 <= local(call).hour < 18 for call in calls)


def test_a_bank_holiday_on_a_wednesday_costs_as_a_weekend(ledger: Ledger) -> None:
    """R6, Z18: 1 January is a bank holiday in England and Wales."""
    calls = ledger.priced(local_date=BANK_HOLIDAY)
    assert {call["band"] for call in calls} == {"weekend"}
    mobile = [call for call in calls if (call["tariff"], call["call_class"]) == ("BUSINESS", "Mobile")]
    assert_cost(answered(mobile), by_the_second("0.0195"))


def test_a_band_begins_at_its_first_second_and_ends_before_its_last(ledger: Ledger) -> None:
    """R6: the band is that of the call's start in local time."""
    edges = {"07:59:59": "offpeak", "08:00:00": "peak", "17:59:59": "peak", "18:00:00": "offpeak"}
    found = [(at, call["band"]) for call in ledger.calls if (at := f"{local(call):%H:%M:%S}") in edges]
    working = [(at, band) for at, band in found if band != "weekend"]
    assert len({at for at, _ in working}) >= 2
    assert working == [(at, edges[at]) for at, _ in working]


def test_a_home_call_to_a_mobile_has_increments_and_a_least_and_a_most(ledger: Ledger) -> None:
    """R6: 30/6, then raised to the minimum, cut at the maximum, rounded once, last."""
    by_increments = home("0.125", "0.03")

    def cost(call: Json) -> Decimal:
        return min(max(by_increments(call), Decimal("0.100")), Decimal("1.750"))

    calls = answered(ledger.priced(tariff="HOME", call_class="Mobile", step=1))
    assert_cost(calls, cost)
    assert Decimal("0.1") in {Decimal(call["charge"]) for call in calls}


def test_a_price_that_changes_holds_from_its_day(ledger: Ledger) -> None:
    """R6, Z16: rates have valid from and to, inclusive; the call's local date counts."""
    calls = ledger.priced(tariff="HOME", call_class="National", band="peak", step=1)
    assert_cost([call for call in calls if call["local_date"] <= "2025-01-15"], home("0.085", "0.05"))
    assert_cost([call for call in calls if call["local_date"] >= "2025-01-16"], home("0.0925", "0.055"))


def test_a_short_local_call_is_free_below_its_seconds(ledger: Ledger) -> None:
    """R6, B8: free-below seconds make short calls free, and change nothing of longer ones."""
    by_increments = home("0.02", "0")
    calls = ledger.priced(tariff="HOME", call_class="Local", step=1)
    assert_cost(calls, lambda call: Decimal(0) if call["seconds"] < 10 else by_increments(call))
    assert any(call["seconds"] < 10 for call in calls)
    assert any(call["seconds"] >= 30 for call in calls)


def test_a_mobiles_texts_are_priced_each(ledger: Ledger) -> None:
    """R6: SMS are priced per unit."""
    texts = ledger.priced(tariff="BUSINESS", call_class="SMS")
    assert_cost(texts, lambda text: Decimal("0.032") * text["units"])
    assert any(ledger.number_types[text["charged_number"]] == "mobile" for text in texts)


def test_a_mobiles_data_is_priced_by_the_megabyte_in_steps_of_bytes(ledger: Ledger) -> None:
    """R6, Z18: a megabyte is 1,000,000 bytes, data increments are bytes."""

    def cost(session: Json) -> Decimal:
        billed = -(-session["volume_bytes"] // 1000) * 1000
        return rounded(Decimal("0.0071") * billed / 1_000_000, "0.0001")

    assert_cost(ledger.priced(tariff="BUSINESS", call_class="Data"), cost)


def test_an_international_call_is_priced_by_the_longest_prefix_of_the_deck(ledger: Ledger) -> None:
    """R5, Z16: the longest matching prefix has the price."""
    deck = ledger.rates["BUSINESS"]

    def cost(call: Json) -> Decimal:
        dialled = call["other_party"].removeprefix("+")
        prefix = next(dialled[:length] for length in range(len(dialled), 0, -1) if dialled[:length] in deck)
        assert call["prefix"] == prefix
        return by_the_second(deck[prefix])(call)

    calls = ledger.priced(tariff="BUSINESS", call_class="International", step=1)
    assert_cost(calls, cost)
    assert len({len(call["prefix"]) for call in calls}) > 2


def test_a_call_to_a_freephone_number_is_free_for_the_caller(ledger: Ledger) -> None:
    """R4: the destination's class; its rate is 0."""
    calls = answered(ledger.priced(call_class="Freephone", direction="outbound"))
    assert_cost(calls, lambda _: Decimal(0))
    assert all(call["other_party"].startswith(("+44800", "+44808")) for call in calls)


def test_a_call_to_a_customers_freephone_number_is_paid_by_that_customer(ledger: Ledger) -> None:
    """R4: an inbound call's class is that of the charged number's prefix."""
    calls = answered(ledger.priced(tariff="BUSINESS", call_class="Inbound Freephone", step=1))
    assert_cost(calls, by_the_second("0.0315"))
    assert {ledger.number_types[call["charged_number"]] for call in calls} == {"freephone"}


def test_an_inbound_call_to_an_ordinary_number_is_charged_to_nobody(ledger: Ledger) -> None:
    """R4: inbound calls are known by their direction, also from withheld numbers."""
    calls = ledger.priced(call_class="Inbound", direction="inbound")
    assert_cost(calls, lambda _: Decimal(0))
    assert any(call["other_party"] == "" for call in calls)


def test_an_unanswered_call_is_kept_and_costs_nothing_whatever_the_tariff(ledger: Ledger) -> None:
    """R6, Z18: duration 0 is priced 0 before the chain is asked, also where the tariff has no price."""
    calls = [call for call in ledger.calls if call["service_type"] == "voice" and not call["seconds"]]
    assert_cost(calls, lambda _: Decimal(0))
    without_price = [call for call in calls if call["customer_id"] == ledger.ids[ledger.account("unpriced")]]
    assert any(call["call_class"] == "International" for call in without_price)


def test_a_fraction_of_a_second_counts_as_a_whole_one(ledger: Ledger) -> None:
    """Z18: a fractional duration is rounded up on entry."""
    given = {(row.source, row.record_id): row.fields["Duration"] for row in ledger.rows}
    found = [(given[key], ledger.charged[key]) for key in given if ".4" in given[key] and key in ledger.charged]
    assert found
    assert all(call["seconds"] == int(duration.removesuffix(".4")) + 1 for duration, call in found)


def test_a_class_that_the_record_states_wins(ledger: Ledger) -> None:
    """R4: a known class on the CDR goes before the destination's."""
    stated = [(value["source"], value["record_id"]) for value in ledger.values if "call_class" in value]
    calls = [ledger.charged[key] for key in stated if key in ledger.charged]
    assert calls
    assert {call["call_class"] for call in calls} == {"Local"}
    assert not any(call["other_party"].startswith("+441632") for call in calls)


def test_a_call_without_a_rate_is_held_and_never_billed_at_nothing(ledger: Ledger) -> None:
    """R5: the usage is held as unpriced, shown in a queue, and never billed at zero by accident."""
    customer = ledger.ids[ledger.account("unpriced")]
    abroad = [call for call in ledger.held("unpriced", "no_price") if call["customer_id"] == customer]
    assert abroad
    assert not {(call["source"], call["record_id"]) for call in abroad} & set(ledger.charged)
    assert {line["call_class"] for line in ledger.lines(ledger.account("unpriced"), "usage")} >= {"SMS", "Mobile"}
    assert "Premium" not in {line["call_class"] for line in ledger.lines(ledger.account("unpriced"), "usage")}


def test_a_markup_prices_what_the_tariff_does_not(ledger: Ledger) -> None:
    """R5, Z17: step 2 puts the class's percentage on the cost, rounded as the tariff says."""
    percent = {"International": "135", "Premium": "112.5", "Non-Geographic": "120"}
    calls = [call for call in ledger.calls if call["step"] == 2]
    assert_cost(calls, lambda call: rounded(Decimal(call["cdr_cost"]) * Decimal(percent[call["call_class"]]) / 100))
    assert {call["tariff"] for call in calls} == {"UK-ONLY"}


def test_a_cost_in_euros_is_no_cost_in_pounds(ledger: Ledger) -> None:
    """Z17: a cost in another currency is missing."""
    foreign = [call for call in [*ledger.calls, *ledger.held("unpriced")] if call["currency"] == "EUR"]
    assert foreign
    assert all(call.get("step", 1) in (0, 1) for call in foreign)
    assert all(call["cost"] is None for call in foreign if "cost" in call)


def test_a_numbers_own_tariff_goes_before_its_customers(ledger: Ledger) -> None:
    """Z16: the number's for the class, else the number's, else the customer's for the class, else the customer's."""
    account = ledger.account("number_choices")
    own = ledger.customers[account]["numbers"][0]["number"]
    chosen = {
        (call["call_class"], call["tariff"])
        for call in answered(ledger.usage[account])
        if call["charged_number"] == own
    }
    assert ("Mobile", "HOME") in chosen
    assert {tariff for call_class, tariff in chosen if call_class != "Mobile"} == {"BUSINESS"}


def test_a_customers_tariff_for_a_class_goes_before_its_usual_one(ledger: Ledger) -> None:
    """C10, R5: one tariff for all classes, or one per class."""
    calls = answered([call for call in ledger.usage[ledger.account("class_tariffs")] if call["step"] == 1])
    assert calls
    for call in calls:
        assert call["tariff"] == ("BUSINESS" if call["call_class"] == "International" else "UK-ONLY")
