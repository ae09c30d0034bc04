"""Discount plans: rules worked out by hand, and any plans and calls against the slow reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.reference import discounts as reference
from tests.support.reference.pricing import Rate, charge_by_markup, charge_by_rate

from rating.domain.discounts import Call, Discount, Key, Meters, RestRate
from rating.domain.plans import COUNTED_IN, EVERY_NUMBER, MICRO, Holding, Holdings, Plan, Pool

JANUARY = date(2025, 1, 1)
PENNY_A_SECOND = Rate(price=Fraction("0.60"))


def micro(pounds: Fraction | Decimal | str) -> int:
    return int(Fraction(pounds) * MICRO)


def plan(*pools: reference.Pool, cap: str | None = None, code: str = "P", prorated: bool = False) -> reference.Plan:
    return reference.Plan(code, pools, None if cap is None else Fraction(cap), prorated)


def pool(unit: str, quantity: str, name: str = "pool", **more: Any) -> reference.Pool:
    return reference.Pool(name, unit, Fraction(quantity), **more)


def held(code: str = "P", first: date = JANUARY, **more: Any) -> reference.Held:
    return reference.Held(code, **{"holder": "c1", "number": None, "first": first, "last": None, **more})


def call(
    used: int,
    rate: Rate | None = PENNY_A_SECOND,
    *,
    name: str = "a",
    at: datetime = datetime(2025, 1, 10, 12, tzinfo=UTC),
    number: int = 1,
    service: str = "voice",
    call_class: str = "National",
    band: str = "peak",
) -> reference.Call:
    divisor = {"voice": 60, "sms": 1, "data": 1_000_000}[service]
    if not used and service == "voice":
        charge, billed = Decimal(0), 0  # unanswered (SPEC Z18)
    elif rate is None:
        charge, billed = charge_by_markup(Decimal(used) / 100, Decimal(25), 4), used
    else:
        charge, billed = charge_by_rate(rate, used, divisor, 4)
    day = at.date()
    return reference.Call(name, at, "s", day, number, call_class, band, service, billed, charge, rate, divisor, 4)


def ours(plans: Sequence[reference.Plan], holders: Sequence[reference.Held]) -> Meters:
    """The same plans and holders, as rating has them."""
    kinds = {"c": "customer", "n": "number", "f": "feature"}
    made = [
        Plan(each.code, tuple(map(_pool, each.pools)), None if each.cap is None else micro(each.cap), each.prorated)
        for each in plans
    ]
    holdings = [
        Holding(
            (kinds[each.holder[0]], int(each.holder[1:])),
            each.plan,
            each.number or EVERY_NUMBER,
            each.first,
            each.last,
            each.quantity,
        )
        for each in holders
    ]
    return Meters(made, Holdings(holdings), {})


def _pool(told: reference.Pool) -> Pool:
    return Pool(
        told.name,
        told.unit,
        told.quantity * COUNTED_IN[told.unit],
        frozenset(told.classes),
        frozenset(told.bands),
        told.shared,
        None if told.beyond is None else micro(told.beyond),
    )


def drawing(told: reference.Call) -> Call:
    """A call as rating has it."""
    rate = None if told.rate is None else _rest_rate(told.rate)
    return Call(
        usage_id=1,
        number_id=told.number,
        call_class=told.call_class,
        band=told.band,
        service_type=told.service,
        day=told.day,
        billed=told.billed,
        charge=micro(told.charge),
        rate=rate,
        divisor=told.divisor,
        place=100,
    )


def _rest_rate(told: Rate) -> RestRate:
    maximum = None if told.maximum is None else micro(told.maximum)
    return RestRate(micro(told.price), micro(told.connection), micro(told.minimum), maximum)


def billed(
    plans: Sequence[reference.Plan], holders: Sequence[reference.Held], calls: Sequence[reference.Call]
) -> dict[str, tuple[str, Decimal]]:
    """Plan and charge of each call, by rating's rule."""
    meters = ours(plans, holders)
    told: dict[str, tuple[str, Decimal]] = {}
    for each in sorted(calls, key=lambda call: (call.started, call.source, call.name)):
        discount = meters.discount(drawing(each)) or Discount("", 0, ())
        told[each.name] = (discount.plan, Decimal(micro(each.charge) - discount.discount) / MICRO)
    return told


def charges(*calls: reference.Call, of: reference.Plan, holder: reference.Held | None = None) -> list[str]:
    """What each call is charged under a plan, in pounds; the reference must say the same."""
    holders = [holder or held()]
    told = billed([of], holders, calls)
    assert told == reference.Account([of], holders).bill(calls)
    return [format(told[each.name][1].normalize(), "f") for each in calls]


def test_the_part_beyond_a_pool_is_charged_at_the_tariffs_rate() -> None:
    """R7, Z19: 90 of 100 seconds are covered, 10 are charged."""
    assert charges(call(60, name="a"), call(40, name="b"), of=plan(pool("minutes", "1.5"))) == ["0", "0.1"]


def test_billed_seconds_are_drawn_and_no_second_increment_is_made() -> None:
    """Z19: 61 s at 60/60 draw 120 s; what is left of them is charged by its seconds."""
    whole_minutes = Rate(price=Fraction("0.60"), initial=60, step=60)
    assert charges(call(61, whole_minutes), of=plan(pool("minutes", "1.5"))) == ["0.3"]


def test_the_connection_charge_is_due_only_if_nothing_is_covered() -> None:
    """Z19: the first call is covered in part, the second one not at all."""
    with_connection = Rate(price=Fraction("0.60"), connection=Fraction("0.05"))
    calls = (call(60, with_connection, name="a"), call(60, with_connection, name="b"))
    assert charges(*calls, of=plan(pool("minutes", "0.5"))) == ["0.3", "0.65"]


def test_minimum_and_maximum_are_those_of_the_rest() -> None:
    """Z19: of 60 s 55 are covered; 5 s come to 5p, raised to 20p; of 600 s 30 are covered, £5.70 cut at £3."""
    bounded = Rate(price=Fraction("0.60"), minimum=Fraction("0.20"), maximum=Fraction(3))
    assert charges(call(72, bounded), of=plan(pool("minutes", "1"))) == ["0.2"]
    assert charges(call(600, bounded), of=plan(pool("minutes", "0.5"))) == ["3"]


@pytest.mark.parametrize("free", [call(0), call(5, Rate(price=Fraction(1), free_below=6))])
def test_unanswered_and_free_calls_draw_nothing(free: reference.Call) -> None:
    """Z18: the next call has the whole pool."""
    assert charges(free, call(60, name="b"), of=plan(pool("calls", "1"))) == ["0", "0"]


def test_the_plans_own_price_is_charged_beyond_it() -> None:
    """R7: 30 of 60 seconds are covered, the others cost 6p a minute."""
    assert charges(call(60), of=plan(pool("minutes", "0.5", beyond=Fraction("0.06")))) == ["0.03"]


def test_of_a_combined_cap_whichever_is_used_up_first_ends_the_plan() -> None:
    """R7: 500 minutes or £1: a £0.60 call, then £0.40 of the next, then nothing, though minutes are left."""
    calls = [call(60, name=name) for name in "abc"]
    assert charges(*calls, of=plan(pool("minutes", "500"), cap="1")) == ["0", "0.2", "0.6"]
    assert charges(*calls, of=plan(pool("minutes", "1"), cap="1")) == ["0", "0.6", "0.6"]


def test_cash_pays_what_units_leave() -> None:
    """R7, Z19: 30 seconds are covered, 10p of the 30p are paid."""
    assert charges(call(60), of=plan(pool("minutes", "0.5"), pool("cash", "0.10", "money"))) == ["0.2"]


def test_pools_are_of_the_month_of_the_call_and_what_is_unused_is_lost() -> None:
    """Z19: nothing of December's minute is there in January."""
    december = call(30, name="a", at=datetime(2024, 12, 31, 12, tzinfo=UTC))
    january = call(90, name="b", at=datetime(2025, 1, 1, 12, tzinfo=UTC))
    holder = held(first=date(2024, 12, 1))
    assert charges(december, january, of=plan(pool("minutes", "1")), holder=holder) == ["0", "0.3"]


@pytest.mark.parametrize(("prorated", "charge"), [(False, "0"), (True, "0.3")])
def test_a_pool_is_whole_for_part_of_a_month_unless_the_plan_pro_rates(prorated: bool, charge: str) -> None:
    """Z19: had from 16 to 30 April, half of the month: half a minute, or a whole one."""
    april = call(60, at=datetime(2025, 4, 20, 12, tzinfo=UTC))
    holder = held(first=date(2025, 4, 16), last=date(2025, 4, 30))
    assert charges(april, of=plan(pool("minutes", "1"), prorated=prorated), holder=holder) == [charge]


def test_calls_before_the_plan_do_not_draw() -> None:
    """R7: the plan is had from the 16th on."""
    early, late = call(60, name="a"), call(60, name="b", at=datetime(2025, 1, 20, 12, tzinfo=UTC))
    assert charges(early, late, of=plan(pool("minutes", "9")), holder=held(first=date(2025, 1, 16))) == ["0.6", "0"]


def test_features_fill_a_pool_as_often_as_there_are_seats() -> None:
    """R7: 3 seats of half a minute each, drawn on by any number."""
    holder = held(holder="f7", quantity=3)
    calls = (call(60, name="a", number=1), call(60, name="b", number=2))
    assert charges(*calls, of=plan(pool("minutes", "0.5")), holder=holder) == ["0", "0.3"]


def test_a_pool_that_is_not_shared_is_there_for_each_number() -> None:
    """R7: a minute for each of two numbers."""
    calls = (call(60, name="a", number=1), call(60, name="b", number=2), call(60, name="c", number=2))
    assert charges(*calls, of=plan(pool("minutes", "1", shared=False))) == ["0", "0", "0.6"]


def test_billed_draws_count_before_new_ones() -> None:
    """Z19: a late call draws what is left of its own month's pool."""
    told = plan(pool("minutes", "1"))
    before = {Key("P", "pool", EVERY_NUMBER, JANUARY): 45}
    ready = ours([told], [held()])
    meters = Meters(ready._plans, ready._holdings, before)
    late = meters.discount(drawing(call(60)))
    assert late is not None
    assert (late.discount, meters.drawn) == (micro("0.15"), {Key("P", "pool", EVERY_NUMBER, JANUARY): 15})


def test_prices_by_markup_are_charged_by_the_part_that_is_left() -> None:
    """R7: a call of 75p by markup, 40 of its 60 seconds covered."""
    assert charges(call(60, None), of=plan(pool("minutes", "0.6"), prorated=False)) == ["0.3"]


_CLASSES, _BANDS = ("National", "Mobile", "SMS", "Data"), ("peak", "offpeak")
_places = st.integers(0, 400).map(lambda pennies: Fraction(pennies, 100))
_rates = st.builds(
    Rate,
    price=_places,
    connection=st.sampled_from([Fraction(0), Fraction("0.05")]),
    initial=st.sampled_from([1, 30, 60]),
    step=st.sampled_from([1, 6, 60]),
    minimum=st.sampled_from([Fraction(0), Fraction("0.10"), Fraction("1.20")]),
    maximum=st.sampled_from([None, Fraction("1.50")]),
    free_below=st.sampled_from([0, 0, 5]),
)
_pools = st.builds(
    reference.Pool,
    name=st.just(""),
    unit=st.sampled_from(["minutes", "minutes", "calls", "cash", "megabytes"]),
    quantity=st.sampled_from([Fraction(0), Fraction("0.0002"), Fraction(1), Fraction("2.5"), Fraction(4)]),
    classes=st.sampled_from([(), (), (), ("National", "Data"), ("SMS", "Mobile")]),
    bands=st.sampled_from([(), (), ("peak",)]),
    shared=st.booleans(),
    beyond=st.sampled_from([None, None, Fraction("0.03"), Fraction("1.234567")]),
)


@st.composite
def _plans(draw: st.DrawFn, code: str) -> reference.Plan:
    found = draw(st.lists(_pools, min_size=1, max_size=3))
    named = tuple(
        reference.Pool(
            f"pool {index}", p.unit, p.quantity, p.classes, p.bands, p.shared, None if p.unit == "cash" else p.beyond
        )
        for index, p in enumerate(found)
    )
    return reference.Plan(code, named, draw(st.sampled_from([None, Fraction("0.5"), Fraction(2)])), draw(st.booleans()))


_held = st.builds(
    reference.Held,
    plan=st.sampled_from(["A", "B"]),
    holder=st.sampled_from(["c1", "n1", "f1", "f2"]),
    number=st.sampled_from([None, None, 1, 2]),
    first=st.integers(0, 30).map(lambda days: date(2024, 12, 20) + timedelta(days)),
    last=st.none() | st.integers(0, 60).map(lambda days: date(2025, 1, 5) + timedelta(days)),
    quantity=st.integers(1, 3),
)


@st.composite
def _calls(draw: st.DrawFn) -> list[reference.Call]:
    made = []
    for index in range(draw(st.integers(1, 8))):
        service = draw(st.sampled_from(["voice", "voice", "voice", "sms", "data"]))
        used = draw(st.integers(0, {"voice": 150, "sms": 4, "data": 300}[service]))
        at = datetime(2024, 12, 28, tzinfo=UTC) + timedelta(hours=draw(st.integers(0, 24 * 40)))
        made.append(
            call(
                used,
                draw(st.none() | _rates),
                name=f"{index}",
                at=at,
                number=draw(st.sampled_from([1, 2])),
                service=service,
                call_class=draw(st.sampled_from(_CLASSES)),
                band=draw(st.sampled_from(_BANDS)),
            )
        )
    return made


@settings(max_examples=300, deadline=None)
@given(_plans("A"), _plans("B"), st.lists(_held, min_size=1, max_size=4), _calls())
def test_any_plans_and_calls_come_to_what_the_reference_says(
    first: reference.Plan, second: reference.Plan, holders: list[reference.Held], calls: list[reference.Call]
) -> None:
    """R7, Z18, Z19: to the last of six places, and by the same plan."""
    told = billed([first, second], holders, calls)
    assert told == reference.Account([first, second], holders).bill(calls)


@settings(max_examples=100, deadline=None)
@given(_plans("A"), st.lists(_held, min_size=1, max_size=3), _calls())
def test_nothing_is_drawn_beyond_a_pool(
    told: reference.Plan, holders: list[reference.Held], calls: list[reference.Call]
) -> None:
    """R7: whatever calls come."""
    meters = ours([told], holders)
    for each in sorted(calls, key=lambda call: (call.started, call.name)):
        meters.discount(drawing(each))
    assert all(meters.left(meters._plans[0], key) >= 0 for key in meters.drawn)
