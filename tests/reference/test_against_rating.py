"""STYLE 9: rating's domain and the reference, which share nothing, come to the same for every record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examples.demo.carrier.generate import generate
from tests.reference.rating_side import calls_of, facts_of
from tests.support.reference import Call, Judged, rate_call, read_carrier, read_plan, records_of
from tests.support.reference.judging import price_at_close

from rating.domain.fallback import judge_at_close
from rating.domain.judging import judge
from rating.domain.verdicts import Held, Rated, verdict

SEEDS = (1,)
IGNORED_REASONS = {"ignored_number_type": "number_type"}
"""The reference has a word of its own."""


def _ours(judged: Judged) -> tuple[object, ...]:
    if judged.outcome != "rated":
        return judged.outcome, IGNORED_REASONS.get(judged.reason, judged.reason)
    assert judged.number
    micro = int(judged.charge * 1_000_000)
    account = int(judged.number.customer.account.removeprefix("D"))
    return "rated", account, judged.call_class, micro, judged.step, judged.tariff if judged.step == 1 else None


def _theirs(judged: Rated | Held) -> tuple[object, ...]:
    if isinstance(judged, Held):
        return judged.outcome, judged.reason
    tariff = judged.tariff if judged.step == 1 else None
    return "rated", judged.customer_id, judged.call_class, judged.charge_micro, judged.step, tariff


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_of_the_demo_is_judged_the_same(tmp_path: Path, seed: int) -> None:
    """R3 to R6, Z16 to Z22: outcome, reason, customer, class, charge and step, record by record."""
    folder = tmp_path / "carrier"
    generate(folder, customer_count=60, cdr_count=4_000, seed=seed)
    picture, carrier = facts_of(folder).picture(), read_carrier(folder, read_plan(folder))
    calls, rows = calls_of(folder)
    judged = judge(calls, picture)  # all at once, as a batch of the stream is
    outcomes = set()
    for number, (record, row) in enumerate(zip(records_of(folder), rows, strict=True)):
        assert isinstance(record, Call) == (row is not None), (number, record, row)
        if isinstance(record, Call) and row is not None:
            assert (record.source, record.record_id) == (calls.kinds[calls.kind[row]].source, calls.record_ids[row])
            ours = _ours(rate_call(carrier, record))
            assert ours == _theirs(verdict(calls, judged, picture, row)), (number, record)
            outcomes.add(ours[0])
    assert outcomes == {"rated", "unpriced", "suspended", "ignored"}


def test_what_only_the_close_prices_is_priced_the_same(tmp_path: Path) -> None:
    """R5 (3), Z16, Z17: the fallback markup of numbers and customers, on calls that nothing else prices."""
    folder = tmp_path / "carrier"
    generate(folder, customer_count=60, cdr_count=2_000, seed=1)
    _add_fallbacks(folder)
    picture, carrier = facts_of(folder).picture(), read_carrier(folder, read_plan(folder))
    calls, rows = calls_of(folder)
    judged = judge_at_close(calls, picture)
    steps = set()
    for record, row in zip(records_of(folder), rows, strict=True):
        if isinstance(record, Call) and row is not None:
            ours = rate_call(carrier, record)
            at_close = price_at_close(carrier, record, ours) if ours.outcome == "unpriced" else ours
            assert _ours(at_close) == _theirs(verdict(calls, judged, picture, row)), record
            steps.add(at_close.step)
    assert {1, 3} <= steps


def _add_fallbacks(folder: Path) -> None:
    """Every other customer has a fallback markup, and of the others every number."""
    file = folder / "customers.jsonl"
    customers = [json.loads(line) for line in file.read_text().splitlines()]
    for place, customer in enumerate(customers):
        for each in (customer,) if place % 2 else customer["numbers"]:
            each["fallback_markup"] = f"{place}.333333"
    file.write_text("\n".join(json.dumps(each) for each in customers) + "\n")
