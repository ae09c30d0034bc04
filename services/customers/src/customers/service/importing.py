"""Importing numbers from a file (SPEC C9): in groups, each a transaction; or all of it in one; or only looked at.

A file may be sent again: rows that are there exactly alike are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from sqlalchemy.exc import IntegrityError

from customers.domain import audit, events
from customers.domain.importing import TakenDays
from customers.domain.numbers import NumberOrder
from customers.service.lines import one_picture
from customers.service.number_rows import Answered, Asked, Facts, Judged, facts_of, judge, refused
from customers.service.problems import constraint_of
from customers.store.audit import write_audit
from customers.store.importing import find_owners
from customers.store.numbers import insert_lines
from customers.store.rows import take_ids
from customers.store.tables import NUMBER_TAKEN
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.errors import TryAgain
from service_kit.http import Problem

ROWS_TOGETHER = 500
_ATTEMPTS = 3
_T = TypeVar("_T")


@dataclass(frozen=True)
class How:
    """How a file is imported. `together`: nothing of it is stored when a row has a problem."""

    actor: str
    dry_run: bool = False
    together: bool = False


class Report(Protocol):
    """Where answers go, in the order of the rows."""

    @property
    def problems(self) -> int:
        """How many rows have one."""

    def add(self, answers: Sequence[Answered]) -> None:
        """Answers of a group."""

    def clear(self) -> None:
        """Forget the answers so far."""


Source = Callable[[], Iterator[Asked]]
"""Reads the file's rows; it may be asked for them again."""


async def import_numbers(source: Source, how: How, report: Report) -> bool:
    """Import a file's numbers. Returns whether anything may have been stored: not in a dry run, and not where rows are
    to be stored together and one has a problem.

    Raises:
        TryAgain: rows to be stored together were in the way of others; nothing was stored.
    """
    if how.dry_run or how.together:
        customers = await _look(source, report)
        if how.dry_run or report.problems:
            return False
        report.clear()
        return await _store_together(source, how, report, customers)
    taken = TakenDays()
    iterator = source()
    while group := await asyncio.to_thread(_next, iterator):
        report.add(await _store_group(group, taken, how.actor))
    return True


def _next(rows: Iterator[_T]) -> list[_T]:
    return list(islice(rows, ROWS_TOGETHER))


async def _look(source: Source, report: Report) -> set[int]:
    """What would become of the rows. Returns the customers whose they are."""
    taken, customers, iterator = TakenDays(), set[int](), source()
    while group := await asyncio.to_thread(_next, iterator):
        async with one_picture() as connection:
            facts = await facts_of(connection, group, lock=False)
        judged = judge(group, facts, taken, None)
        customers.update(facts.by_id)
        report.add([each.answer for each in judged])
    return customers


async def _store_group(group: Sequence[Asked], taken: TakenDays, actor: str) -> list[Answered]:
    """Store a group, tried again where others were in its way; where that does not help, in halves."""
    problem: Exception | None = None
    for _ in range(_ATTEMPTS):
        try:
            return await _store_once(group, taken, actor)
        except TryAgain as error:
            problem = error
        except IntegrityError as error:
            if constraint_of(error) != NUMBER_TAKEN:
                raise
            problem = error
    if isinstance(problem, TryAgain) or len(group) == 1:
        return [refused(asked, _BUSY) for asked in group]
    middle = len(group) // 2
    first = await _store_group(group[:middle], taken, actor)
    return [*first, *await _store_group(group[middle:], taken, actor)]


_BUSY = Problem(
    503, "busy", "Not stored now", "others are changing this customer or number all the time: send the file again"
)


async def _store_once(group: Sequence[Asked], taken: TakenDays, actor: str) -> list[Answered]:
    judged: list[Judged] = []
    try:
        async with transaction() as tx:
            facts = await facts_of(tx.connection, group, lock=True)
            judged = await _judge_and_store(tx, group, facts, taken, actor)
    except BaseException:
        _untake(group, taken)
        raise
    return [each.answer for each in judged]


def _untake(group: Sequence[Asked], taken: TakenDays) -> None:
    for asked in group:
        if isinstance(asked.order, NumberOrder):
            taken.drop(asked.order, asked.row)


async def _store_together(source: Source, how: How, report: Report, customers: set[int]) -> bool:
    """One transaction for all, after a look that found no problem. Returns False where one has come up since."""
    taken, iterator = TakenDays(), source()
    try:
        async with transaction() as tx:
            await find_owners(tx.connection, (), customers, lock=True)
            while group := await asyncio.to_thread(_next, iterator):
                facts = await facts_of(tx.connection, group, lock=False)
                judged = await _judge_and_store(tx, group, facts, taken, how.actor)
                report.add([each.answer for each in judged])
                if report.problems:
                    raise _NotAll
    except _NotAll:
        pass
    except IntegrityError as error:
        if constraint_of(error) != NUMBER_TAKEN:
            raise
    else:
        return True
    report.clear()
    await _look(source, report)
    return False


class _NotAll(Exception):
    """A row has a problem: the others are not to be stored either."""


async def _judge_and_store(
    tx: Transaction, group: Sequence[Asked], facts: Facts, taken: TakenDays, actor: str
) -> list[Judged]:
    needed = sum(4 + len(asked.order.charges) for asked in group if isinstance(asked.order, NumberOrder))
    ids = iter(await take_ids(tx.connection, needed)) if needed else iter(())
    judged = judge(group, facts, taken, ids)
    lines = [each.line for each in judged if each.line]
    await insert_lines(tx.connection, lines)
    traces = [audit.added(entity) for line in lines for entity in line.entities()]
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())
    await tx.publish_many([event for line in lines for event in events.line_added(line)])
    return judged
