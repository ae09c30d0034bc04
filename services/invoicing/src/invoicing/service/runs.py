"""The course of a billing run: draft, requested, running, completed (SPEC I3; DESIGN "A billing run")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from contracts.billing import BillingRunCompleted, BillingRunRequested, BillingRunStarted
from contracts.closing import UsageCloseRequested
from contracts.customers import CustomerState
from contracts.topics import MAX_PART_LINES
from invoicing.domain.invoices import missing_details, parked_for
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.runs import IN_ANOTHER_RUN, NO_SUCH_CUSTOMER, Run, takes
from invoicing.service.events import run_event
from invoicing.store import course, readmodel
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point
from service_kit.kafka import partition_for
from service_kit.problems import Conflict, Invalid, NotFound

_PAGE = 2_000


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What a run is asked to be. `customers` None takes those whose cycle is due."""

    bill_to: date
    invoice_date: date
    due_date: date | None = None
    message: str = ""
    cycles: tuple[str, ...] = ()
    customers: tuple[int, ...] | None = None


async def create_run(new: NewRun, created_by: str) -> Run:
    """Store a draft run.

    Raises:
        Invalid: the due date lies before the invoice date, or a billing cycle is not in the reference list.
    """
    async with transaction() as tx:
        values = {**await _values(tx, new), "created_by": created_by, "created_at": clock.now()}
        run = await store.find(tx.connection, await store.create(tx.connection, values))
        assert run is not None
        return run


async def _values(tx: Transaction, new: NewRun) -> dict[str, Any]:
    """A run's columns. Raises Invalid."""
    if new.due_date is not None and new.due_date < new.invoice_date:
        raise _wrong("due_date", f"lies before the invoice date {new.invoice_date}")
    if new.cycles and new.customers is not None:
        raise _wrong("customers", "a run takes either cycles or a list of customers")
    lists = await readmodel.reference_lists(tx.connection)
    unknown = [code for code in new.cycles if lists.cycle(code) is None]
    if unknown:
        raise _wrong("cycles", f"no billing cycle {', '.join(unknown)} in the reference list")
    listed = None if new.customers is None else sorted(set(new.customers))
    kind = "cycles" if listed is None else "list"
    return {**vars(new), "kind": kind, "cycles": list(new.cycles), "customers": listed}


async def change_run(run_id: int, changes: Mapping[str, Any]) -> Run:
    """Change a run that is not requested yet.

    Args:
        changes: fields of NewRun; those left out stay.

    Raises:
        NotFound: there is no such run.
        Conflict: it was requested, so its dates are locked.
        Invalid: as in `create_run`.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        _check_draft(run)
        now = {each.name: getattr(run, each.name) for each in fields(NewRun)}
        return await store.save(tx.connection, run_id, **await _values(tx, NewRun(**{**now, **changes})))


async def delete_run(run_id: int) -> None:
    """Delete a run that was never requested. Raises NotFound, Conflict."""
    async with transaction() as tx:
        _check_draft(await found(tx, run_id))
        await course.delete_run(tx.connection, run_id)


def _check_draft(run: Run) -> None:
    if run.state != "draft":
        raise Conflict(f"run {run.run_id} is {run.state}: its dates are locked; cancel it and make a new one")


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])


async def request_run(run_id: int) -> Run:
    """Lock the run's dates and ask for its cut. Asked again, nothing changes.

    Raises:
        NotFound: there is no such run.
        Conflict: it is cancelled.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        if run.state == "cancelled":
            raise Conflict(f"run {run_id} is cancelled: make a new one")
        if run.state != "draft":
            return run
        now = {"requested_at": clock.now(), "as_of": clock.today()}
        run = await store.save(tx.connection, run_id, state="requested", version=run.version + 1, **now)
        await tx.publish(run_event(BillingRunRequested, run))
        crash_point("invoicing.requested")
        return run


async def found(tx: Transaction, run_id: int) -> Run:
    """The run, locked. Raises NotFound."""
    run = await store.lock(tx.connection, run_id)
    if run is None:
        raise NotFound(f"there is no billing run {run_id}")
    return run


async def runs_at_work() -> list[Run]:
    """The runs about which there may be something to do."""
    async with reading() as connection:
        return await store.at_work(connection)


async def start_run(run_id: int, partitions: int) -> bool:
    """When the run's markers are here from every partition: fix its customers, and ask rating to close their usage.

    Args:
        partitions: how many the topic `usage.closing` has; each is asked for its own customers.

    Returns: whether it was started now.
    """
    async with transaction() as tx:
        run = await store.lock(tx.connection, run_id, wait=False)
        if run is None or run.state != "requested" or not await store.cut_is_complete(tx.connection, run_id):
            return False
        waiting = await course.waiting(tx.connection, run_id) if run.taken_at_once else await _fix_all(tx, run)
        run = await store.save(tx.connection, run_id, state="running", version=run.version + 1, started_at=clock.now())
        await tx.publish(run_event(BillingRunStarted, run, await store.progress(tx.connection, run_id)))
        await _request_closes(tx, run, waiting, partitions)
        crash_point("invoicing.started")
        return True


async def _fix_all(tx: Transaction, run: Run) -> list[int]:
    lists = await readmodel.reference_lists(tx.connection)
    return [each async for customers in _candidates(tx, run) for each in await _fix(tx, run, lists, customers)]


async def _candidates(tx: Transaction, run: Run) -> AsyncIterator[Sequence[CustomerState]]:
    """The customers a run may take, in pages; those on its list that do not exist are parked."""
    if run.customers is not None:
        for start in range(0, len(run.customers), _PAGE):
            listed = run.customers[start : start + _PAGE]
            known = await readmodel.customers_by_id(tx.connection, listed)
            unknown = dict.fromkeys((each for each in listed if each not in known), NO_SUCH_CUSTOMER)
            await store.add_parked(tx.connection, run.run_id, unknown)
            yield [known[each] for each in sorted(known)]
        return
    after = 0
    while page := await readmodel.customers_after(tx.connection, after, _PAGE):
        yield page
        after = page[-1].customer_id


async def _fix(tx: Transaction, run: Run, lists: ReferenceLists, customers: Sequence[CustomerState]) -> list[int]:
    """Put those of these customers that are due into the run. Returns those that wait for their usage."""
    first_bills = await store.first_bills(tx.connection, [each.customer_id for each in customers])
    due = [each for each in customers if takes(run, each, lists, first_bills.get(each.customer_id))]
    missing = {each.customer_id: missing_details(each, lists, run.due_date) for each in due}
    parked = {customer: parked_for(details).reason for customer, details in missing.items() if details}
    complete = [each.customer_id for each in due if each.customer_id not in parked]
    taken = await store.take_customers(tx.connection, run.run_id, complete)
    busy = await store.active_run_of(tx.connection, [each for each in complete if each not in taken])
    parked |= {customer: f"{IN_ANOTHER_RUN}: run {other}" for customer, other in busy.items()}
    await store.add_parked(tx.connection, run.run_id, parked)
    return sorted(taken)


async def _request_closes(tx: Transaction, run: Run, customers: Sequence[int], partitions: int) -> None:
    """One request per partition of `usage.closing` that has customers, in parts, each sent to that partition."""
    by_partition: dict[int, list[int]] = defaultdict(list)
    for customer in customers:
        by_partition[partition_for(customer, partitions)].append(customer)
    for partition, members in sorted(by_partition.items()):
        parts = [members[start : start + MAX_PART_LINES] for start in range(0, len(members), MAX_PART_LINES)]
        requests = [
            UsageCloseRequested(
                run_id=run.run_id,
                bill_to=run.bill_to,
                partition=partition,
                part=part,
                parts=len(parts),
                customers=tuple(of_part),
            )
            for part, of_part in enumerate(parts, start=1)
        ]
        await tx.publish_many(requests, partition=partition)


async def complete_run(run_id: int) -> bool:
    """When every customer is drafted, skipped or parked: the run is completed. Returns whether it was now."""
    async with transaction() as tx:
        run = await store.lock(tx.connection, run_id, wait=False)
        if run is None or run.state != "running" or await store.has_unfinished(tx.connection, run_id):
            return False
        progress = await store.progress(tx.connection, run_id)
        state = "completed_with_errors" if progress.customers.get("parked") else "completed"
        run = await store.save(
            tx.connection, run_id, state=state, version=run.version + 1, completed_at=clock.now(), problem=""
        )
        await tx.publish(run_event(BillingRunCompleted, run, progress))
        return True


async def note_problem(run_id: int, problem: str) -> None:
    """Show on the run why it does not go on."""
    async with transaction() as tx:
        await store.save(tx.connection, run_id, problem=problem)
