"""The auditor: reads every database of a platform and tells what must never be.

    assert_sound({"customers": dsn, "rating": dsn, "invoicing": dsn, "notifications": dsn})

Any test can call it, also with some of the services only: a check is left out where a database it needs is not given.
It reads tables, each database in one snapshot, and writes nothing. With `at_rest` it also asks for what holds only
when no event, run or close is under way; without it, a platform at work can be audited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.support.auditor import delivery, invoices, readmodels
from tests.support.auditor.checks import Books, shortened


def audit(platform_databases: Mapping[str, str], *, at_rest: bool = True) -> list[str]:
    """Everything that is wrong, in words; empty when all is well.

    Args:
        platform_databases: service to DSN.
        at_rest: nothing is under way, so every event has been sent and taken in.
    """
    books = Books(platform_databases)
    try:
        return list(_findings(books, sorted(platform_databases), at_rest))
    finally:
        books.close()


def assert_sound(platform_databases: Mapping[str, str], *, at_rest: bool = True) -> None:
    """Fails, with all that is wrong."""
    found = audit(platform_databases, at_rest=at_rest)
    assert not found, "the auditor found:\n" + "\n".join(found)


def _findings(books: Books, services: list[str], at_rest: bool) -> Iterator[str]:
    checks = [*invoices.CHECKS, *(check for service in services for check in delivery.checks_of(service))]
    for check in checks:
        if check.service in books and (at_rest or not check.at_rest):
            yield from shortened(check.findings(books))
    if at_rest:
        yield from shortened(delivery.not_taken_in(books, services))
        yield from shortened(readmodels.behind(books))


__all__ = ["assert_sound", "audit"]
