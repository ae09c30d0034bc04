"""What a use case answers when it cannot be done: broken rules, clashes, changes by someone else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import IntegrityError

from customers.domain.course import NotNow
from customers.domain.customers import Customer
from customers.domain.erasing import marked_for_deletion
from customers.domain.rules import RuleBroken
from customers.store.numbers import Holding
from customers.store.tables import NUMBER_TAKEN
from service_kit.errors import TryAgain
from service_kit.http import Conflict, Invalid, NotFound, PreconditionFailed, Problem

_P = ParamSpec("_P")
_T = TypeVar("_T")


@contextmanager
def rules() -> Iterator[None]:
    """Answer a rule broken in the block as a 422 that names the field, and what cannot be done now as a 409."""
    try:
        yield
    except RuleBroken as broken:
        raise invalid(broken) from broken
    except NotNow as refused:
        raise not_now(refused) from refused


def invalid(broken: RuleBroken) -> Invalid:
    """A broken rule as a 422."""
    error = {"field": broken.field, "message": broken.message}
    return Invalid(f"{broken.field}: {broken.message}", errors=[error])


def no_customer(customer_id: int) -> NotFound:
    """There is no such customer."""
    return NotFound(f"there is no customer {customer_id}")


def no_number(number_id: int) -> NotFound:
    """There is no such number."""
    return NotFound(f"there is no number with the id {number_id}")


def no_feature(feature_id: int) -> NotFound:
    """There is no such feature."""
    return NotFound(f"there is no feature with the id {feature_id}")


def no_charge(charge_id: int) -> NotFound:
    """There is no such charge: there never was, or it was cancelled or changed from its first day on."""
    return NotFound(f"there is no charge with the id {charge_id}: look at the charges of its number or feature")


def customer_dropped(customer_id: int, status: str) -> Conflict:
    """A number cannot go to a customer that is not charged anything."""
    return Conflict(
        f"customer {customer_id} has the status '{status}' and is not charged: reinstate it first, or choose another",
        type="customer-dropped",
        title="Customer dropped",
        customer_id=customer_id,
    )


def customer_marked(customer_id: int, due: date) -> Conflict:
    """SPEC Z24: a customer that is marked for deletion can be seen and un-marked, nothing else."""
    return not_now(marked_for_deletion(customer_id, due))


def not_now(refused: NotNow) -> Conflict:
    """What cannot be done as the customer stands, as a 409."""
    return Conflict(refused.message, type=refused.slug, title=refused.title)


def beyond_last_day(customer_id: int, last_day: date) -> Conflict:
    """SPEC C14, C15: on a customer on Final Bill or dropped nothing is charged beyond the last day."""
    return Conflict(
        f"customer {customer_id} is charged up to {last_day}, its final bill or drop date: give an end by then, or "
        "withdraw the Final Bill or reinstate the customer first",
        type="beyond-last-day",
        title="Beyond the last day",
        customer_id=customer_id,
        last_day=last_day.isoformat(),
    )


def across_a_gap(customer_id: int, reinstated_on: date) -> Conflict:
    """SPEC C16: what ended before a reinstatement is not charged for the days in between."""
    return Conflict(
        f"customer {customer_id} was reinstated on {reinstated_on}, and this ended before: days in between would be "
        f"charged; add it again from {reinstated_on} or later",
        type="across-a-gap",
        title="Across a gap",
        customer_id=customer_id,
        reinstated_on=reinstated_on.isoformat(),
    )


def check_version(what: str, version: int, expected: int | None) -> None:
    """SPEC C20. Raises PreconditionFailed where the caller saw another version; None stands for any."""
    if expected is not None and expected != version:
        detail = f"someone else changed {what} (it is at version {version}, not {expected}): reload and try again"
        raise PreconditionFailed(detail, version=version)


def version_needed() -> Problem:
    """SPEC C20: a change of something that is there says which version was seen."""
    detail = "send If-Match with the ETag of the version that you changed (or * for whatever is there)"
    return Problem(428, "precondition-required", "Say which version you changed", detail)


def account_number_taken(account_number: str, holder: Customer) -> Conflict:
    """SPEC C2: the clash, naming the customer that holds the account number."""
    return Conflict(
        f"account number {account_number} belongs to customer {holder.customer_id} ({holder.details.name}): "
        "choose another, or leave it out and one is made",
        type="account-number-taken",
        title="Account number taken",
        customer_id=holder.customer_id,
        account_number=holder.account_number,
    )


def account_number_retired(account_number: str) -> Conflict:
    """SPEC C2, C17: the account number was that of a customer that is erased; nothing else is known of it."""
    return Conflict(
        f"account number {account_number} was that of a customer that was erased, and is never used again: "
        "choose another, or leave it out and one is made",
        type="account-number-taken",
        title="Account number taken",
        account_number=account_number,
    )


def number_taken(holding: Holding) -> Conflict:
    """SPEC C9: the clash, naming the customer that holds the number and the days."""
    until = f"to {holding.end}" if holding.end else "with no end"
    return Conflict(
        f"{holding.number} is active for customer {holding.customer_id} ({holding.account_number}, {holding.name}) "
        f"from {holding.start} {until}: end it there first, or choose other days",
        type="number-taken",
        title="Number taken",
        number=holding.number,
        customer_id=holding.customer_id,
        account_number=holding.account_number,
        start=_text(holding.start),
        end=_text(holding.end),
    )


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint or unique index that refused a change."""
    diagnostics = getattr(error.orig, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""


def once_more(use_case: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
    """Run a use case again when Postgres gave it up for another.

    Two transactions that add the same number at the same time wait for each other until one is chosen as the victim
    (an exclusion constraint has no order to wait in). Run again, it finds the other's number and says so.
    """

    @wraps(use_case)
    async def attempt(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await use_case(*args, **kwargs)
        except TryAgain:
            return await use_case(*args, **kwargs)

    return attempt


def contested(use_case: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
    """Run a use case again when somebody got a number at the same moment: then it sees who, and says so."""

    @wraps(use_case)
    async def attempt(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await use_case(*args, **kwargs)
        except IntegrityError as error:
            if constraint_of(error) != NUMBER_TAKEN:
                raise
            raise TryAgain("a number changed hands at the same moment") from error

    return once_more(attempt)
