"""A day at a billing desk, done by a client that was generated from the service's OpenAPI document."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.generated import Generated
from tests.support.platform import Databases
from tests.support.running import running

from service_kit import clock

PACKAGE = "desk_client"
SCOPES = ("customers:read", "customers:write", "reference:read", "reference:write")
SPELLINGS = (
    "020 7946 0123",
    "02079460123",
    "(020) 7946 0123",
    "020-7946-0123",
    "020.7946.0123",
    "+44 20 7946 0123",
    "+442079460123",
    "0044 20 7946 0123",
    "+44 (0)20 7946 0123",
    "442079460123",
)
"""One number as ten people write it."""
FILE = """\
account_number,number,call_plan,start
BW-1,0161 496 0001,standard,2026-02-01
BW-1,0161 496 0002,standard,31/02/2026
NOBODY,0161 496 0003,standard,2026-02-01
BW-1,,standard,2026-02-01
BW-1,0161 496 0005,no-such-plan,2026-02-01
BW-1,020 7946 0123,standard,2026-02-01
BW-1,0161 496 0007,standard,2026-02-01
"""


@pytest.fixture(scope="module")
def desk(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """The generated client of a new installation, on 2 February 2026."""
    folder, dsn = tmp_path_factory.mktemp("desk"), databases.migrated("customers")
    clock.freeze(datetime.fromisoformat("2026-02-02T09:00:00+00:00"), file=folder / "clock.json")
    environment = {"FARTHING_POSTGRES_CUSTOMERS": dsn, "FARTHING_CLOCK": str(folder / "clock.json")}
    sys.path.insert(0, str(folder))
    try:
        with running("customers", SCOPES, folder, environment) as service:
            yield Generated(service, folder, PACKAGE)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]
        databases.drop(dsn)


def test_a_day_at_the_desk(desk: Generated, tmp_path: Path) -> None:
    """SPEC C, F: every step by the generated client, one after the other."""
    _the_price_list(desk)
    customer_id = _a_new_customer(desk)
    _two_people_edit(desk, customer_id)
    number_id = _numbers(desk, customer_id)
    _a_feature(desk, customer_id, number_id)
    _a_number_moves(desk, customer_id)
    _a_file_of_numbers(desk, customer_id)
    _what_is_found(desk, customer_id)
    _what_is_seen(desk, customer_id)
    _what_is_reported(desk, customer_id)


def _the_price_list(desk: Generated) -> None:
    charge = {"kind": "recurring", "description": "Line rental", "amount": "16.84", "frequency_months": 1}
    entry, etag = desk.tagged("get_entry", list_name="standard_features", code="line_rental")
    assert entry.name == "Line rental"
    changed = {"name": "Line rental", "standard_feature": {"charges": [charge]}}
    where = {"list_name": "standard_features", "code": "line_rental"}
    assert desk.do("put_entry", **where, body=changed, if_match=etag).version == entry.version + 1
    desk.do("put_entry", list_name="account_managers", code="jo", body={"name": "Jo Fenwick"})
    resellers = {
        "name": "Resellers",
        "is_default": True,
        "values": {"account_manager": "jo", "payment_terms": "30 days"},
    }
    assert desk.do("post_set", body=resellers).is_default


def _a_new_customer(desk: Generated) -> int:
    """C1, C3: a form with defaults; only a name is needed; what is missing is said until it is there."""
    form = desk.do("get_form")
    assert form.values.account_manager == "jo"
    assert form.values.billing_cycle == "monthly"
    sent = {**form.values.to_dict(), "name": "Ann O'Brien", "account_number": "BW-1"}
    made = desk.do("post_customer", body=sent, idempotency_key="ann-1")
    again = desk.do("post_customer", body=sent, idempotency_key="ann-1")
    assert made.customer_id == again.customer_id
    assert made.payment_terms.to_dict() == {"kind": "days_after", "value": 30}
    assert made.missing == ["billing address"]
    clash = desk.refused("post_customer", 409, body={"name": "Another", "account_number": "bw-1"})
    assert "Ann O'Brien" in clash.detail
    _, etag = desk.tagged("get_customer", customer_id=made.customer_id)
    rest = {
        "company_name": "Brightwater Tiles Ltd",
        "billing_address": {"lines": ["12 Example Road", "Sampletown"], "postcode": "ZZ1 1ZZ", "country": "gb"},
        "emails": "accounts@brightwater.example, ann@brightwater.example",
        "credit_limit": "500.00",
    }
    whole = desk.do("put_customer", customer_id=made.customer_id, body=rest, if_match=etag)
    assert whole.missing == []
    assert whole.emails == ["accounts@brightwater.example", "ann@brightwater.example"]
    assert (whole.name, whole.account_manager) == ("Ann O'Brien", "jo"), "what was not sent stays"
    return int(made.customer_id)


def _two_people_edit(desk: Generated, customer_id: int) -> None:
    """C20: who comes second is told so, loses nothing, and does it again on what is there."""
    _, seen_by_both = desk.tagged("get_customer", customer_id=customer_id)
    desk.do("put_customer", customer_id=customer_id, body={"notes": "Call before noon."}, if_match=seen_by_both)
    mine = {"contact_numbers": ["020 7946 0123"]}
    late = desk.refused("put_customer", 412, customer_id=customer_id, body=mine, if_match=seen_by_both)
    assert "reload" in late.detail
    careless = desk.refused("put_customer", 428, customer_id=customer_id, body=mine)
    assert "If-Match" in careless.detail
    reloaded, etag = desk.tagged("get_customer", customer_id=customer_id)
    assert (reloaded.notes, reloaded.contact_numbers) == ("Call before noon.", [])
    both = desk.do("put_customer", customer_id=customer_id, body=mine, if_match=etag)
    assert both.notes == "Call before noon."
    assert both.contact_numbers == ["+442079460123"]


def _numbers(desk: Generated, customer_id: int) -> int:
    """C9: a number is one however it is written, and no one else's on the same day."""
    sent = {"number": SPELLINGS[0], "call_plan": "standard", "start": "2026-02-02", "label": "Reception"}
    line = desk.do("post_number", customer_id=customer_id, body=sent)
    assert line.number.number == "+442079460123"
    for spelling in SPELLINGS:
        found = desk.do("find_numbers", number=spelling).items
        assert [each.number.number_id for each in found] == [line.number.number_id], spelling
        taken = desk.refused("post_number", 409, customer_id=customer_id, body={**sent, "number": spelling})
        assert "BW-1" in taken.detail, taken.detail
    wrong = desk.refused("post_number", 422, customer_id=customer_id, body={**sent, "number": "not a number"})
    assert [each.field for each in wrong.errors] == ["number"]
    return int(line.number.number_id)


def _a_feature(desk: Generated, customer_id: int, number_id: int) -> None:
    """C9: made from the price list, linked to the number, and then at a price of its own from March."""
    sent = {"code": "line_rental", "number_id": number_id, "start": "2026-02-02"}
    feature = desk.do("post_feature", customer_id=customer_id, body=sent)
    assert [(each.description, each.amount) for each in feature.charges] == [("Line rental", "16.84")]
    charge_id = feature.charges[0].charge_id
    _, etag = desk.tagged("get_charge", charge_id=charge_id)
    agreed = {"amount": "15.00", "from": "2026-03-01"}
    changed = desk.do("put_charge", charge_id=charge_id, body=agreed, if_match=etag).items
    assert [(each.amount, str(each.start), each.end and str(each.end)) for each in changed] == [
        ("16.84", "2026-02-02", "2026-02-28"),
        ("15.00", "2026-03-01", None),
    ]


def _a_number_moves(desk: Generated, customer_id: int) -> None:
    """C9: to another customer on a day; each has it on its own days."""
    sent = {"number": "07700 900123", "call_plan": "standard", "start": "2026-01-01"}
    line = desk.do("post_number", customer_id=customer_id, body=sent)
    other = desk.do("post_customer", body={"name": "Fenwick Tiles", "account_number": "FT-1"})
    move = {"customer_id": other.customer_id, "on": "2026-03-01"}
    moved = desk.do("post_move", number_id=line.number.number_id, body=move)
    assert (moved.number.customer_id, str(moved.number.start)) == (other.customer_id, "2026-03-01")
    days = desk.do("find_numbers", number="07700900123").items
    assert [(each.number.customer_id, str(each.number.start)) for each in days] == [
        (customer_id, "2026-01-01"),
        (other.customer_id, "2026-03-01"),
    ]
    assert str(days[0].number.end) == "2026-02-28"


def _a_file_of_numbers(desk: Generated, customer_id: int) -> None:
    """Imports: a look first, then the good rows; each bad one says its cell; sent again it changes nothing."""
    before = len(desk.do("get_numbers", customer_id=customer_id).items)
    looked = _import(desk, dry_run=True)
    assert [outcome for outcome, _ in looked].count("would be added") == 2
    assert len(desk.do("get_numbers", customer_id=customer_id).items) == before
    done = _import(desk, dry_run=False)
    assert [outcome for outcome, _ in done] == [*["added"], *["problem"] * 5, *["added"]]
    for (_, told), part in zip(done[1:6], ("start", "NOBODY", "number", "no-such-plan", "already"), strict=True):
        assert part in told, (part, told)
    assert len(desk.do("get_numbers", customer_id=customer_id).items) == before + 2
    assert [outcome for outcome, _ in _import(desk, dry_run=False)].count("already there") == 2


def _import(desk: Generated, *, dry_run: bool) -> list[tuple[str, str]]:
    form = desk.file("numbers.csv", FILE.encode(), "PostNumbersFilesBody")
    lines = [json.loads(line) for line in desk.text("post_numbers", body=form, dry_run=dry_run).splitlines()]
    return [(each["outcome"], each.get("problem", {}).get("detail", "")) for each in lines if "outcome" in each]


def _what_is_found(desk: Generated, customer_id: int) -> None:
    """F1, F2: one customer, one number, a typing error; a list by criteria."""
    assert desk.do("search", q="BW-1").kind == "customer"
    number = desk.do("search", q="7946 0123")
    assert (number.kind, number.numbers[0].customer.customer_id) == ("number", customer_id)
    mistyped = desk.do("search", q="brihgtwater tils")
    assert [each.customer_id for each in mistyped.customers] == [customer_id]
    listed = desk.do("search_customers", account_manager=["jo"], sort="created_on")
    assert [each.account_number for each in listed.items] == ["BW-1"]
    assert "BW-1" in desk.text("export_customers", company_name="brightwater")


def _what_is_seen(desk: Generated, customer_id: int) -> None:
    """F3, C19: the card, the page in one call, and who changed what."""
    card = desk.do("get_cards", ids=f"{customer_id},999999")
    assert [(each.name, each.numbers) for each in card.items] == [("Ann O'Brien", 4)]
    assert card.unknown == [999999]
    page = desk.do("get_page", customer_id=customer_id)
    assert page.customer.company_name == "Brightwater Tiles Ltd"
    assert page.counts.numbers_open == 4
    assert page.account.headroom is None or page.account.credit_limit == "500.00"
    audit = desk.do("get_audit", customer_id=customer_id, limit=1000).items
    notes = [each for each in audit if each.field == "notes"]
    assert [(each.actor, each.old, each.new) for each in notes] == [("ann", "", "Call before noon.")]


def _what_is_reported(desk: Generated, customer_id: int) -> None:
    """C13, C1: who is over a limit, who is not ready, whose calls fall to default tariffs; all as CSV too."""
    limits = desk.do("get_credit_limit").items
    assert [each.credit_limit for each in limits if each.customer_id == customer_id] == ["500.00"]
    unready = desk.do("get_not_ready").items
    assert [(each.account_number, each.missing) for each in unready] == [("FT-1", ["billing address"])]
    assert "FT-1" in desk.text("get_not_ready_csv")
    assert "+442079460123" in desk.text("get_without_tariff_csv")
