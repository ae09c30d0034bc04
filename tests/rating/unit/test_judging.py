"""Whose a call is, what class it is of, and which step of the chain prices it: a small carrier, call by call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.rating.support.plain import Facts, Tariff

from rating.domain.cdr import Cdr, columns_of
from rating.domain.choices import Choices
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.judging import classify
from rating.domain.tariffs import Rate
from rating.domain.verdicts import Held, Rated

OURS, THEIRS, DROPPED, GAP = "442079460001", "442079460002", "442079460003", "442079460004"
MOVED, IGNORED, ENDED = "442079460005", "442079460006", "442079460007"
NATIONAL, MOBILE, FRANCE = "441614960123", "447700900123", "33123456789"
START_OF_YEAR = date(2025, 1, 1)
PEAK = datetime(2025, 1, 15, 12, 0, tzinfo=UTC)


def number(number_id: int, customer_id: int, **changes: Any) -> Number:
    """A geographic number."""
    return Number(number_id, customer_id, **{"number_type": "geographic", **changes})


def held_since(number_id: int, customer_id: int, start: date = START_OF_YEAR, end: date | None = None) -> Assignment:
    """Who holds a number when."""
    return Assignment(number_id, number_id, customer_id, start, end)


@dataclass
class Carrier:
    """Customers 1 and 2 are active, 3 is dropped since 10 January, 4 was from the 10th to the 19th."""

    picture: Facts = field(default_factory=Facts)

    def __post_init__(self) -> None:
        at = self.picture
        at.statuses = {"active": Status(True, False), "dropped": Status(False, True), "paused": Status(False, False)}
        at.ignored_types = frozenset({"ignore_traffic"})
        first = (START_OF_YEAR, "active")
        gone, back = (date(2025, 1, 10), "dropped"), (date(2025, 1, 20), "active")
        at.customers = {
            1: Customer(1, "active", (first,)),
            2: Customer(2, "active", (first,)),
            3: Customer(3, "dropped", (first, gone)),
            4: Customer(4, "active", (first, gone, back)),
        }
        at.numbers = {n: number(n, c) for n, c in ((1, 1), (2, 2), (3, 3), (4, 4), (51, 1), (52, 2), (7, 1))}
        at.numbers[6] = number(6, 1, number_type="ignore_traffic")
        at.assignments = {
            OURS: (held_since(1, 1),),
            THEIRS: (held_since(2, 2),),
            DROPPED: (held_since(3, 3),),
            GAP: (held_since(4, 4),),
            MOVED: (held_since(51, 1, end=date(2025, 1, 10)), held_since(52, 2, date(2025, 1, 15))),
            IGNORED: (held_since(6, 1),),
            ENDED: (held_since(7, 1, end=date(2025, 1, 14)),),
        }
        at.destinations = {"44": ("UK", "National"), "447": ("UK mobile", "Mobile"), "33": ("France", "International")}
        at.inbound_classes = {"44808": "Freephone"}
        at.tariffs = {"standard": tariff("standard", 120_000), "gold": tariff("gold", 60_000)}
        at.system_default = "standard"

    def customer(self, customer_id: int, **choices: Any) -> None:
        """Change a customer's choices."""
        self.picture.customers[customer_id] = replace(self.picture.customers[customer_id], choices=Choices(**choices))

    def number(self, number_id: int, **choices: Any) -> None:
        """Change a number's choices."""
        self.picture.numbers[number_id] = replace(self.picture.numbers[number_id], choices=Choices(**choices))

    def judge(self, charged: str = OURS, other: str = NATIONAL, **changes: Any) -> Rated | Held:
        """What becomes of a call of a minute."""
        return self.picture.judge(call(charged, other, **changes))

    def rated(self, charged: str = OURS, other: str = NATIONAL, **changes: Any) -> Rated:
        """The same, where it is charged."""
        result = self.judge(charged, other, **changes)
        assert isinstance(result, Rated), result
        return result

    def held(self, charged: str = OURS, other: str = NATIONAL, **changes: Any) -> tuple[str, str]:
        """Outcome and reason, where it is not."""
        result = self.judge(charged, other, **changes)
        assert isinstance(result, Held), result
        return result.outcome, result.reason


def tariff(code: str, price: int) -> Tariff:
    """Prices 44 by prefix and SMS and data by class; knows nothing of France, inbound or 447."""
    return Tariff(
        code,
        {"44": (Rate(price),), "447": (Rate(price * 2, valid_from=date(2026, 1, 1)),)},
        {"SMS": (Rate(40_000),), "Data": (Rate(10_000, initial=1_000_000, step=1_000_000),)},
    )


def call(charged: str, other: str, started: datetime = PEAK, **changes: Any) -> Cdr:
    """A call of a minute made on Wednesday 15 January 2025 at noon."""
    fields: dict[str, Any] = {
        "direction": "outbound",
        "service_type": "voice",
        "seconds": 60,
        "units": 0,
        "volume_bytes": 0,
        "known_class": None,
        "retail_micro": None,
        "cdr_cost_micro": None,
        "carrier_cost_micro": None,
        "currency": "GBP",
        **changes,
    }
    return Cdr("northstar", "1", charged, other, started=started, **fields)


@pytest.fixture
def carrier() -> Carrier:
    """A fresh small carrier."""
    return Carrier()


def on(day: int, hour: int = 12) -> datetime:
    """An instant in January 2025, UTC (and London)."""
    return datetime(2025, 1, day, hour, tzinfo=UTC)


def test_a_call_is_guided_to_the_customer_that_holds_the_number_on_its_day(carrier: Carrier) -> None:
    """R3: a moved number's calls go to whoever held it then, both bounds included."""
    assert (carrier.rated().customer_id, carrier.rated(THEIRS).customer_id) == (1, 2)
    before, after = carrier.rated(MOVED, started=on(10, 23)), carrier.rated(MOVED, started=on(15, 0))
    assert (before.customer_id, before.number_id) == (1, 51)
    assert (after.customer_id, after.number_id) == (2, 52)


def test_the_day_of_a_call_is_local_also_where_utc_is_on_another(carrier: Carrier) -> None:
    """R3, B2: 23:30 UTC in July is the next day in London."""
    carrier.picture.assignments[OURS] = (held_since(1, 1, date(2025, 7, 2)),)
    assert carrier.rated(started=datetime(2025, 7, 1, 23, 30, tzinfo=UTC)).customer_id == 1
    assert carrier.held(started=datetime(2025, 7, 1, 22, 30, tzinfo=UTC)) == ("suspended", "no_active_call_plan")


def test_calls_that_cannot_be_guided_are_held_by_reason(carrier: Carrier) -> None:
    """R3: never lost."""
    assert carrier.held("442079469999") == ("suspended", "unknown_number")
    assert carrier.held("") == ("suspended", "unknown_number")
    assert carrier.held(ENDED, started=on(15)) == ("suspended", "no_active_call_plan")
    assert carrier.held(MOVED, started=on(12)) == ("suspended", "no_active_call_plan")
    assert carrier.rated(ENDED, started=on(14)).customer_id == 1
    assert carrier.held(IGNORED)[0] == "ignored"


def test_nothing_is_allocated_to_a_dropped_customer_even_for_calls_before_the_drop(carrier: Carrier) -> None:
    """Z7, C15: Drop refuses allocation at once."""
    assert carrier.held(DROPPED, started=on(5)) == ("suspended", "customer_dropped")


def test_a_reinstated_customer_gets_its_calls_except_those_of_the_gap(carrier: Carrier) -> None:
    """Z7, C16."""
    assert carrier.rated(GAP, started=on(9)).customer_id == 4
    assert carrier.held(GAP, started=on(10)) == ("suspended", "customer_dropped")
    assert carrier.held(GAP, started=on(19)) == ("suspended", "customer_dropped")
    assert carrier.rated(GAP, started=on(20)).customer_id == 4


def test_a_status_that_does_not_accumulate_charges_holds_the_calls_of_its_days(carrier: Carrier) -> None:
    """R3, C8: by its flag, not by its name."""
    history = ((START_OF_YEAR, "active"), (date(2025, 1, 12), "paused"))
    carrier.picture.customers[1] = Customer(1, "paused", history)
    assert carrier.rated(started=on(11)).customer_id == 1
    assert carrier.held(started=on(12)) == ("suspended", "status_does_not_accumulate")
    carrier.picture.customers[1] = Customer(1, "dropped", (*history, (date(2025, 1, 20), "dropped")))
    assert carrier.held(started=on(12)) == ("suspended", "customer_dropped")


def test_outcomes_are_asked_in_the_order_of_the_rule(carrier: Carrier) -> None:
    """Z22: unknown number, ignored, customer dropped, no active call plan, unpriced, rated."""
    ended = date(2025, 1, 14)
    carrier.picture.numbers[3] = number(3, 3, number_type="ignore_traffic")
    carrier.picture.assignments[DROPPED] = (held_since(3, 3, end=ended),)
    assert carrier.held(DROPPED)[0] == "ignored"
    carrier.picture.numbers[3] = number(3, 3)
    assert carrier.held(DROPPED) == ("suspended", "customer_dropped")
    assert carrier.held(ENDED, FRANCE) == ("suspended", "no_active_call_plan")
    assert carrier.held(OURS, FRANCE)[0] == "unpriced"


@pytest.mark.parametrize(
    ("changes", "call_class", "destination"),
    [
        ({}, "National", "UK"),
        ({"other": MOBILE}, "Mobile", "UK mobile"),
        ({"known_class": "Premium"}, "Premium", "UK"),
        ({"known_class": "No such class"}, "National", "UK"),
        ({"service_type": "sms", "units": 1, "other": MOBILE}, "SMS", "UK mobile"),
        ({"service_type": "data", "volume_bytes": 1, "other": ""}, "Data", ""),
        ({"service_type": "sms", "units": 1, "known_class": "Premium"}, "Premium", "UK"),
        ({"direction": "inbound"}, "Inbound", ""),
    ],
)
def test_a_call_is_classified(carrier: Carrier, changes: dict[str, Any], call_class: str, destination: str) -> None:
    """R4: a known class on the CDR, else Data or SMS, else the inbound class, else that of the destination."""
    fields = {"other": NATIONAL, **changes}
    picture = carrier.picture.picture()
    classes, destinations = classify(columns_of([call(OURS, **fields)]), picture)
    found = picture.classes.names[classes[0]], picture.destination_names.names[destinations[0]]
    assert found == (call_class, destination)


def test_an_inbound_call_has_the_class_of_the_charged_number(carrier: Carrier) -> None:
    """R4: by the charged number's prefix, never by the caller's."""
    carrier.picture.assignments["448081570123"] = (held_since(1, 1),)
    freephone = carrier.rated("448081570123", MOBILE, direction="inbound", seconds=0)
    assert (freephone.call_class, carrier.rated(OURS, MOBILE, direction="inbound", seconds=0).call_class) == (
        "Freephone",
        "Inbound",
    )


def test_an_inbound_call_is_not_priced_by_the_prefix_of_its_caller(carrier: Carrier) -> None:
    """R5: a prefix is that of a number called."""
    assert carrier.held(direction="inbound")[0] == "unpriced"


def test_the_tariff_is_the_numbers_else_the_customers_else_the_default(carrier: Carrier) -> None:
    """R5 (1), Z16: for the class before the general one, at each of the two."""
    for name, price in (("n-class", 1), ("n", 2), ("c-class", 3), ("c", 4)):
        carrier.picture.tariffs[name] = tariff(name, price * 100_000)
    order = [carrier.rated().tariff]
    carrier.customer(1, tariff="c")
    order.append(carrier.rated().tariff)
    carrier.customer(1, tariff="c", class_tariffs={"National": "c-class", "Mobile": "gold"})
    order.append(carrier.rated().tariff)
    carrier.number(1, tariff="n")
    order.append(carrier.rated().tariff)
    carrier.number(1, tariff="n", class_tariffs={"National": "n-class"})
    order.append(carrier.rated().tariff)
    assert order == ["standard", "c", "c-class", "n", "n-class"]
    assert carrier.rated(THEIRS).tariff == "standard"


def test_the_default_tariff_is_by_source_and_number_type_then_number_type_then_the_systems(carrier: Carrier) -> None:
    """R5 (1)."""
    at = carrier.picture
    at.tariffs |= {name: tariff(name, 1) for name in ("both", "type")}
    at.default_tariffs = {("", "geographic"): "type", ("other", "geographic"): "gold"}
    assert carrier.rated().tariff == "type"
    at.default_tariffs[("northstar", "geographic")] = "both"
    assert carrier.rated().tariff == "both"
    at.default_tariffs = {("northstar", "mobile"): "gold"}
    assert carrier.rated().tariff == "standard"


def test_a_tariff_without_a_rate_is_followed_by_the_markup_never_by_another_tariff(carrier: Carrier) -> None:
    """Z16: exactly one tariff is chosen; step 2 follows."""
    carrier.picture.tariffs["world"] = Tariff("world", {"33": (Rate(500_000),)}, {})
    carrier.number(1, class_tariffs={"International": "gold"})
    carrier.customer(1, tariff="world")
    assert carrier.held(other=FRANCE)[0] == "unpriced"
    carrier.customer(1, tariff="world", class_markups={"International": Decimal(20)})
    got = carrier.rated(other=FRANCE, cdr_cost_micro=12_345)
    assert (got.step, got.charge_micro, got.prefix) == (2, 14_800, "")


def test_a_tariff_that_does_not_exist_prices_nothing(carrier: Carrier) -> None:
    """Z16: chosen is chosen; the others are not asked."""
    carrier.number(1, tariff="no such tariff")
    assert carrier.held()[0] == "unpriced"


def test_a_numbers_markup_goes_before_the_customers(carrier: Carrier) -> None:
    """R5 (2): per class; 0 % is a markup."""
    carrier.customer(1, class_markups={"International": Decimal(20)})
    assert carrier.rated(other=FRANCE, cdr_cost_micro=10_000).charge_micro == 12_000
    carrier.number(1, class_markups={"International": Decimal(0)})
    assert carrier.rated(other=FRANCE, cdr_cost_micro=10_000).charge_micro == 10_000
    assert carrier.rated(THEIRS).step == 1


@pytest.mark.parametrize(
    ("costs", "charge"),
    [
        ({"retail_micro": 30_000, "cdr_cost_micro": 20_000, "carrier_cost_micro": 10_000}, 33_000),
        ({"cdr_cost_micro": 20_000, "carrier_cost_micro": 10_000}, 22_000),
        ({"carrier_cost_micro": 10_000}, 11_000),
        ({"retail_micro": 0, "cdr_cost_micro": 20_000}, 0),
        ({}, None),
        ({"retail_micro": 30_000, "currency": "EUR"}, None),
    ],
)
def test_a_markup_is_on_the_best_cost_there_is(carrier: Carrier, costs: dict[str, Any], charge: int | None) -> None:
    """R5 (2), Z17: retail, CDR, carrier; 0 is a cost; in another currency it is missing."""
    carrier.customer(1, class_markups={"International": Decimal(10)})
    got = carrier.judge(other=FRANCE, **costs)
    assert (got.charge_micro if isinstance(got, Rated) else None) == charge
    if isinstance(got, Held):
        assert (got.outcome, got.customer_id) == ("unpriced", 1)


def test_a_cost_in_another_currency_is_said(carrier: Carrier) -> None:
    """Z17: missing, and said so."""
    carrier.customer(1, class_markups={"International": Decimal(10)})
    got = carrier.judge(other=FRANCE, cdr_cost_micro=20_000, currency="EUR")
    assert isinstance(got, Held)
    assert "EUR" in got.detail


def test_a_markup_rounds_as_the_chosen_tariff_says_else_to_four_places(carrier: Carrier) -> None:
    """Z17."""
    carrier.customer(1, tariff="pennies", class_markups={"International": Decimal("12.5")})
    carrier.picture.tariffs["pennies"] = replace(tariff("pennies", 1), rounding_places=2)
    assert carrier.rated(other=FRANCE, cdr_cost_micro=40_000).charge_micro == 50_000  # 0.045
    carrier.picture.system_default = None
    carrier.customer(1, class_markups={"International": Decimal("12.5")})
    assert carrier.rated(other=FRANCE, cdr_cost_micro=40_040).charge_micro == 45_000  # 0.045045


def test_an_unanswered_call_is_priced_nothing_before_the_chain_is_asked(carrier: Carrier) -> None:
    """R6, Z18: also where no tariff or markup would answer."""
    got = carrier.rated(other=FRANCE, seconds=0, cdr_cost_micro=500)
    assert (got.step, got.charge_micro, got.billed_seconds, got.prefix, got.cost_micro) == (0, 0, 0, "", 500)


def test_messages_are_priced_per_unit_and_data_by_started_megabyte(carrier: Carrier) -> None:
    """R6, Z18: they bill no seconds."""
    sms = carrier.rated(service_type="sms", seconds=0, units=3, other=MOBILE)
    data = carrier.rated(service_type="data", seconds=0, volume_bytes=1_000_001, other="")
    assert (sms.charge_micro, sms.billed_seconds) == (120_000, 0)
    assert (data.charge_micro, data.billed_seconds) == (20_000, 0)


def test_the_rate_is_the_one_valid_on_the_calls_local_day(carrier: Carrier) -> None:
    """Z16: a longer prefix that holds later does not answer yet; the last of December is local."""
    assert carrier.rated(other=MOBILE).prefix == "44"
    assert carrier.rated(other=MOBILE, started=datetime(2025, 12, 31, 23, 59, tzinfo=UTC)).prefix == "44"
    assert carrier.rated(other=MOBILE, started=datetime(2026, 1, 1, tzinfo=UTC)).prefix == "447"


def test_a_charge_beyond_what_is_stored_is_held_never_wrapped(carrier: Carrier) -> None:
    """R5 (4): it is not billed at a number that is not its price."""
    carrier.picture.tariffs["standard"] = Tariff("standard", {"44": (Rate(2**62),)}, {})
    assert carrier.held(seconds=2**53)[0] == "unpriced"


def test_a_call_keeps_how_it_was_priced(carrier: Carrier) -> None:
    """R9: number, tariff, prefix, step, billed seconds, cost."""
    got = carrier.rated(seconds=90, carrier_cost_micro=7)
    assert (got.customer_id, got.number_id, got.call_class, got.destination) == (1, 1, "National", "UK")
    assert (got.step, got.tariff, got.prefix, got.band, got.local_date) == (1, "standard", "44", "peak", PEAK.date())
    assert (got.charge_micro, got.cost_micro, got.billed_seconds, got.markup) == (180_000, 7, 90, None)
