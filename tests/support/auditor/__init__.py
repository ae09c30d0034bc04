"""The auditor: reads every database of a platform and tells what must never be.

    assert_sound({"customers": dsn, "rating": dsn, "invoicing": dsn, "notifications": dsn})

Any test can call it, also with some of the services only: a check is left out where a database it needs is not given.
It reads tables, each database in one snapshot, and writes nothing. With `at_rest` it also asks for what holds only
when no event, run or close is under way; without it, a platform at work can be audited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.support.auditor import accounts, delivery, invoices, keys, mail, readmodels, reconciling, usage
from tests.support.auditor.checks import Books, shortened


def audit(platform_databases: Mapping[str, str], *, at_rest: bool = True, received: int | None = None) -> list[str]:
    """Everything that is wrong, in words; empty when all is well.

    Args:
        platform_databases: service to DSN.
        at_rest: nothing is under way, so every event has been sent and taken in.
        received: how many records were given in, where the caller knows: rating must have so many outcomes.
    """
    with Books.opened(platform_databases) as books:
        return findings(books, at_rest=at_rest, received=received)


def assert_sound(platform_databases: Mapping[str, str], *, at_rest: bool = True, received: int | None = None) -> None:
    """Fails, with all that is wrong; the arguments are those of `audit`."""
    found = audit(platform_databases, at_rest=at_rest, received=received)
    assert not found, "the auditor found:\n" + "\n".join(found)


def findings(books: Books, *, at_rest: bool = True, received: int | None = None) -> list[str]:
    """The same of books that are open."""
    return list(_findings(books, at_rest, received))


def _findings(books: Books, at_rest: bool, received: int | None) -> Iterator[str]:
    checks = [
        *usage.CHECKS,
        *invoices.CHECKS,
        *accounts.CHECKS,
        *mail.CHECKS,
        *(check for service in books.services for check in delivery.checks_of(service)),
    ]
    for check in checks:
        if check.service in books and (at_rest or not check.at_rest):
            yield from shortened(check.findings(books))
    yield from shortened(keys.ids_are_their_calls(books))
    if at_rest:
        yield from shortened(reconciling.charged_is_billed_or_unbilled(books))
        yield from shortened(reconciling.closes_know_their_invoices(books))
        yield from shortened(reconciling.all_received(books, received))
        yield from shortened(mail.every_request_has_its_message(books))
        yield from shortened(delivery.not_taken_in(books))
        yield from shortened(readmodels.behind(books))


__all__ = ["Books", "assert_sound", "audit", "findings"]
