"""The report of what a run would bill, customer by customer (SPEC I3). Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import CustomerState
from invoicing.domain.final_bill import NO_ACCOUNT
from invoicing.domain.forecasts import Forecast, forecast
from invoicing.domain.invoices import Case
from invoicing.domain.reference import ReferenceLists, leaving
from invoicing.domain.runs import Run, takes
from invoicing.domain.transactions import ZERO
from invoicing.service.drafting import final_accounts
from invoicing.store import bounds, course, credit, readmodel, transactions
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import reading
from service_kit.problems import NotFound

_CHUNK = 500
NOT_STARTED = ("draft", "requested")


@dataclass
class ForecastTotals:
    """What a run would come to; money in pounds. `customers` counts them by what would become of them."""

    customers: dict[str, int] = field(default_factory=dict)
    in_another_run: int = 0
    net: Decimal = ZERO
    gross: Decimal = ZERO
    before: Decimal = ZERO

    def add(self, each: Forecast) -> None:
        """Count a customer."""
        self.customers[each.state] = self.customers.get(each.state, 0) + 1
        self.in_another_run += each.other_run is not None
        self.net += each.net
        self.gross += each.gross
        self.before += each.before or ZERO


async def run_of(run_id: int) -> Run:
    """The run, as it would be requested today if it was not yet. Raises NotFound."""
    async with reading() as connection:
        run = await store.find(connection, run_id)
    if run is None:
        raise NotFound(f"there is no billing run {run_id}")
    return run if run.as_of else replace(run, as_of=clock.today())


async def forecasts(run: Run, after: int = 0) -> AsyncGenerator[Forecast, None]:
    """What would become of each customer that a run takes, in the order of their ids, read some hundred at a time."""
    while True:
        async with reading() as connection:
            candidates = await _candidates(connection, run, after)
            if not candidates:
                return
            found = await _forecasts(connection, run, candidates)
        for each in found:
            yield each
        after = candidates[-1].customer_id


async def forecast_page(run: Run, after: int, limit: int) -> list[Forecast]:
    """A part of that."""
    page: list[Forecast] = []
    async with aclosing(forecasts(run, after)) as found:
        async for each in found:
            page.append(each)
            if len(page) == limit:
                break
    return page


async def forecast_totals(run: Run) -> ForecastTotals:
    """All of it, summed."""
    totals = ForecastTotals()
    async for each in forecasts(run):
        totals.add(each)
    return totals


async def _candidates(connection: AsyncConnection, run: Run, after: int) -> Sequence[CustomerState]:
    if run.customers is None:
        return await readmodel.customers_after(connection, after, _CHUNK)
    known = await readmodel.customers_by_id(connection, [each for each in run.customers if each > after][:_CHUNK])
    return [known[each] for each in sorted(known)]


async def _forecasts(connection: AsyncConnection, run: Run, candidates: Sequence[CustomerState]) -> list[Forecast]:
    lists = await readmodel.reference_lists(connection)
    due = await _due(connection, run, candidates, lists)
    ids = [each.customer_id for each in due]
    usage = await credit.unbilled_usage(connection, ids)
    before = await bounds.last_nets(connection, ids, 1, but_of_run=run.run_id)
    busy = await store.active_run_of(connection, ids)
    expected = [
        forecast(
            case,
            usage.get(case.customer.customer_id, ZERO),
            next(iter(before.get(case.customer.customer_id, ())), None),
            _other(run, busy.get(case.customer.customer_id)),
            run,
            lists,
        )
        for case in await _cases(connection, due, lists)
    ]
    return expected if run.state in NOT_STARTED else await _as_made(connection, run, expected)


async def _as_made(connection: AsyncConnection, run: Run, expected: Sequence[Forecast]) -> list[Forecast]:
    """Those of whom the run has decided, as it has."""
    made = await course.outcomes(connection, run.run_id, [each.customer_id for each in expected])
    return [_decided(each, made.get(each.customer_id)) for each in expected]


def _decided(expected: Forecast, made: Row[Any] | None) -> Forecast:
    if made is None or made.state in ("waiting", "closed"):
        return expected
    net, gross = made.net or ZERO, made.gross or ZERO
    return replace(expected, state=made.state, reason=made.reason, net=net, gross=gross)


def _other(run: Run, busy: int | None) -> int | None:
    return None if busy == run.run_id else busy


async def _due(
    connection: AsyncConnection, run: Run, candidates: Sequence[CustomerState], lists: ReferenceLists
) -> list[CustomerState]:
    if run.taken_at_once:
        return list(candidates)
    if run.state not in NOT_STARTED:
        made = await course.outcomes(connection, run.run_id, [each.customer_id for each in candidates])
        return [each for each in candidates if each.customer_id in made]
    first_bills = await store.first_bills(connection, [each.customer_id for each in candidates])
    return [each for each in candidates if takes(run, each, lists, first_bills.get(each.customer_id))]


async def _cases(connection: AsyncConnection, due: Sequence[CustomerState], lists: ReferenceLists) -> list[Case]:
    ids = [each.customer_id for each in due]
    charges = await readmodel.unsettled_charges(connection, ids)
    overcharged = [each.charge_id for of_one in charges.values() for each in of_one if each.overcharged]
    standing = await transactions.standing(connection, overcharged) if overcharged else {}
    unsent = await transactions.unsent(connection, ids)
    final = await final_accounts(connection, [each for each in due if leaving(each, lists) == "final_bill"])
    return [
        Case(
            each,
            charges.get(each.customer_id, ()),
            standing,
            unsent.get(each.customer_id, ()),
            account=final.get(each.customer_id, NO_ACCOUNT),
        )
        for each in due
    ]
