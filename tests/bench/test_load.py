"""What the benchmark of rating is loaded with is what it says: its checks compare with these counts."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from bench.rating.carrier import STANDARD, Carrier, number_of
from bench.rating.load import Generator, Load
from bench.rating.old import OLD_SOURCE, old_id
from bench.rating.options import QUICK

from rating.intake import read_batch


@pytest.fixture(scope="module")
def load() -> Load:
    return Generator(Carrier(QUICK, seed=7)).load(5_000)


def test_the_load_has_as_many_unreadable_records_as_it_counts(load: Load) -> None:
    """R1: a record that cannot be read is rejected, and every other one is not."""
    read = read_batch([value for _, value in load.messages])
    assert load.bad == len(read.unread) > 0


def test_the_load_has_as_many_second_copies_as_it_counts(load: Load) -> None:
    """Z21: a record is a second copy by its source and id, within the load or of an old one."""
    calls = read_batch([value for _, value in load.messages]).calls
    ids = Counter(zip((calls.kinds[kind].source for kind in calls.kind.tolist()), calls.record_ids, strict=True))
    of_old = sum(count for (source, _), count in ids.items() if source == OLD_SOURCE)
    within = sum(count - 1 for (source, _), count in ids.items() if source != OLD_SOURCE)
    assert of_old == len(load.old) > 0
    assert of_old + within == load.again > len(load.old)


def test_the_same_seed_makes_the_same_load(load: Load) -> None:
    """Two measurements are of the same records, but for the day on which they are made."""
    again = Generator(Carrier(QUICK, seed=7)).load(5_000)
    keys = [[key for key, _ in each.messages] for each in (load, again)]
    assert keys[0] == keys[1]
    assert (again.again, again.unknown, again.bad) == (load.again, load.unknown, load.bad)


def test_every_call_has_a_rate_of_the_default_tariff(load: Load) -> None:
    """R5: suspense and unpriced calls are those that the load counts, none by accident."""
    carrier = Carrier(QUICK, seed=7)
    prefixes = {rate[0] for rate in carrier.rates(STANDARD)}
    called = [msgspec.json.decode(load.messages[place][1])["other_party"].lstrip("+") for place in load.good]
    assert all(any(number[:length] in prefixes for length in range(1, 12)) for number in called)


def test_numbers_and_old_record_ids_are_all_different() -> None:
    """R3, Z21: no number has two holders, no old record two ids."""
    assert len({number_of(each) for each in range(1, 50_000)}) == 49_999
    assert len({old_id(each) for each in range(50_000)}) == 50_000
