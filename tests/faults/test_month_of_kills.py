"""Every service is killed at work during a month's bill, and the month comes out to the penny."""

from __future__ import annotations

from tests.conftest import POINTS
from tests.support.auditor import assert_sound
from tests.support.kills import KillPlan
from tests.support.month import Month
from tests.support.published import usage_published

SERVICES = ("customers", "rating", "invoicing", "notifications")


def test_every_service_died_in_the_middle_of_its_work(month: Month, kills: KillPlan) -> None:
    """A crash point is passed only while work is in flight: all of them were died at."""
    assert kills.left == {}
    assert sorted(kills.killed) == sorted((service, point) for service, points in POINTS.items() for point in points)


def test_the_month_equals_the_reference_all_the_same(month: Month) -> None:
    """STYLE: all of it equals the slow, independent reference, to the penny."""
    assert month.differences() == []


def test_the_auditor_finds_nothing(month: Month) -> None:
    """STYLE, "Things that must always hold"."""
    databases = {service: month.platform.postgres_dsn(service) for service in SERVICES}
    assert_sound(databases, received=month.found.received)


def test_what_subscribers_read_is_what_is_stored(month: Month) -> None:
    """E1, DESIGN "Rating at volume": exactly once into Postgres and Kafka; an ordinary client reads the same sum."""
    published = usage_published(month.platform.kafka)
    assert len(published) == month.found.total("rated")
    assert sum(published.values()) == month.expected.rated_charge
