"""The generated carrier: the same for the same seed, in the agreed files, with every variety in it."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from examples.demo.carrier import deck, phones
from examples.demo.carrier.generate import LEAST_CUSTOMERS, check_size, generate
from examples.demo.carrier.roles import ROLES
from examples.demo.carrier.varieties import SPOILT, Variety
from tests.demo.conftest import CDRS, CUSTOMERS


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def customers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "customers.jsonl").read_text().splitlines()]


def file_rows(folder: Path) -> list[tuple[str, list[str]]]:
    """Every row with its source."""
    rows = []
    for entry in json.loads((folder / "cdr-files.json").read_text()):
        with (folder / entry["file"]).open(newline="") as file:
            rows += [(entry["source"], row) for row in list(csv.reader(file))[1:]]
    return rows


def stream_lines(folder: Path) -> list[str]:
    return (folder / "stream.jsonl").read_text().splitlines()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_carrier(carrier: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", customer_count=CUSTOMERS, cdr_count=CDRS, seed=1)
    generate(tmp_path / "other", customer_count=CUSTOMERS, cdr_count=CDRS, seed=2)
    assert digests(tmp_path / "again") == digests(carrier)
    changed = {name for name, digest in digests(tmp_path / "other").items() if digests(carrier)[name] != digest}
    assert {"customers.jsonl", "stream.jsonl", "cdr-files/001-northstar.csv"} <= changed


def test_the_records_asked_for_are_all_there_and_files_have_42_columns(carrier: Path) -> None:
    rows = file_rows(carrier)
    assert len(rows) + len(stream_lines(carrier)) == CDRS
    assert {len(row) for _, row in rows} == {42}


def test_every_variety_is_in_the_month(carrier: Path) -> None:
    counts = json.loads((carrier / "plan.json").read_text())["counts"]
    assert [name for name, count in counts["varieties"].items() if count == 0] == []
    assert [name for name, count in counts["traffic"].items() if count == 0] == []
    assert sum(counts["varieties"].values()) == CDRS


def test_duplicates_are_within_files_across_files_and_between_file_and_stream(carrier: Path) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[str]] = {}
    for entry in json.loads((carrier / "cdr-files.json").read_text()):
        with (carrier / entry["file"]).open(newline="") as file:
            for row in list(csv.reader(file))[1:]:
                seen[entry["source"], row[28]] += 1
                places.setdefault((entry["source"], row[28]), set()).add(entry["file"])
    streamed = {(value["source"], value.get("record_id")) for value in readable(carrier) if "source" in value}
    twice = [key for key, count in seen.items() if count > 1 and key[1]]
    assert any(len(places[key]) == 1 for key in twice)
    assert any(len(places[key]) == 2 for key in twice)
    assert streamed & set(seen)


def readable(folder: Path) -> list[dict[str, Any]]:
    values = []
    for line in stream_lines(folder):
        try:
            values.append(json.loads(line))
        except ValueError:
            continue
    return [value for value in values if isinstance(value, dict)]


def test_times_cover_december_the_bank_holiday_weekends_and_the_day_after_the_bill(carrier: Path) -> None:
    dates = {row[4] for _, row in file_rows(carrier)}
    assert {"01/01/2025", "04/01/2025", "05/01/2025", "01/02/2025"} <= dates
    assert any(date.endswith("/12/2024") for date in dates)
    rows = [row for source, row in file_rows(carrier) if source == "northstar"]
    assert [row[5] for row in rows] != sorted(row[5] for row in rows)


def test_every_role_is_played_once_at_least(carrier: Path) -> None:
    made = customers(carrier)
    assert len(made) == CUSTOMERS >= len(ROLES)
    assert len({customer["account_number"] for customer in made}) == CUSTOMERS
    assert {"monthly", "quarterly", "manual"} <= {customer["billing_cycle"] for customer in made}
    assert {"active", "active_do_not_bill", "dropped"} <= {customer["status"] for customer in made}
    assert any("billing_address" not in customer for customer in made)
    assert any(customer["emails"] == [] for customer in made)
    assert len({customer.get("payment_terms", {}).get("kind") for customer in made}) == 4


def test_a_number_is_given_out_once_and_comes_from_the_drama_ranges(carrier: Path) -> None:
    numbers = [number["number"] for customer in customers(carrier) for number in customer["numbers"]]
    assert len(set(numbers)) == len(numbers)
    ranges = (*phones.GEOGRAPHIC, phones.MOBILE, phones.FREEPHONE)
    assert all(number[1:-3] in ranges for number in numbers)


def test_two_thousand_customers_fit_into_the_drama_ranges(tmp_path: Path) -> None:
    generate(tmp_path, customer_count=2_000, cdr_count=1_000, seed=3)
    numbers = [number["number"] for customer in customers(tmp_path) for number in customer["numbers"]]
    ranges = (*phones.GEOGRAPHIC, phones.MOBILE, phones.FREEPHONE)
    outside = [number for number in numbers if number[1:-3] not in ranges]
    assert 5_000 < len(numbers) < 7_500
    assert [number for number in outside if not number.startswith("+44740")] == []


def test_the_deck_has_over_a_hundred_thousand_prefixes_priced_by_the_formula(carrier: Path) -> None:
    with (carrier / "tariffs" / "BUSINESS.csv").open(newline="") as file:
        prices = {row["prefix"]: row["price_per_minute"] for row in csv.DictReader(file) if row["prefix"]}
    assert len(prices) > 100_000
    # France: zone 24,000 + 100 x (((3 + 3) x 7 + 2 x 13) mod 97)
    assert Decimal(prices["33"]) == Decimal("0.030800")
    carrier_of_france = deck.Destination("336", "France Mobile", country=False, carrier=True)
    # (24,000 + 100 x ((12 x 7 + 3 x 13) mod 97)) x 2.2
    assert deck.pounds(deck.price_micro(carrier_of_france)) == "0.058520"


def test_some_class_has_no_rate_in_some_tariff(carrier: Path) -> None:
    """R5: so that a markup is asked, or a call stays unpriced."""
    classes = {}
    for path in (carrier / "tariffs").glob("*.csv"):
        with path.open(newline="") as file:
            classes[path.stem] = {row["call_class"] for row in csv.DictReader(file)}
    assert "Premium" not in classes["HOME"]
    assert "Directory" not in classes["BUSINESS"]
    assert "International" not in classes["UK-ONLY"]


def test_malformed_lines_of_the_stream_are_told_apart(carrier: Path) -> None:
    values = readable(carrier)
    assert len(values) < len(stream_lines(carrier))
    assert any("source" not in value for value in values)
    assert any("record_id" not in value for value in values)
    assert {Variety.NOT_JSON, Variety.NO_SOURCE, Variety.WRONG_TYPE} <= SPOILT


@pytest.mark.parametrize(("customer_count", "cdr_count"), [(LEAST_CUSTOMERS - 1, 10_000), (100, 999)])
def test_a_carrier_too_small_to_show_everything_is_refused(customer_count: int, cdr_count: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        check_size(customer_count, cdr_count)


def test_the_smallest_carrier_can_be_made(tmp_path: Path) -> None:
    generate(tmp_path, customer_count=LEAST_CUSTOMERS, cdr_count=1_000, seed=5)
    assert len(customers(tmp_path)) == LEAST_CUSTOMERS
