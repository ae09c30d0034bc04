"""Plays courses on a platform, all on one calendar: what happens on a day, then the day's runs, then their approval."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Protocol

from examples.demo.driver import intake
from examples.demo.driver.api import DemoError, wait_until
from examples.demo.driver.screen import Screen
from rich.console import Console
from tests.support.auditor import audit
from tests.support.courses.desk import DONE, Account, Apis
from tests.support.platform import temporary_state
from tests.support.reference import steps
from tests.support.reference.steps import PRICE_A_SECOND, Course, Step

from local_platform.options import Options
from local_platform.platform import Platform
from local_platform.services import ServiceDefinition

SERVICES = tuple(ServiceDefinition(name) for name in ("customers", "rating", "invoicing"))
PATIENCE_SECONDS = 120.0
RATES = f"prefix,call_class,price_per_minute\n,National,{float(PRICE_A_SECOND) * 60}\n"


class Billable(Protocol):
    """Whom a run can be asked for."""

    customer_id: int


class Player:
    """Plays courses on a platform that has the tariff already."""

    def __init__(self, platform: Platform, apis: Apis | None = None) -> None:
        self.platform = platform
        self.apis = apis or Apis(platform)
        self.accounts: dict[str, Account] = {}

    def open_for_business(self) -> None:
        """The one tariff: every call costs the same a second."""
        rating = self.apis.rating
        rating.post("/tariffs", {"code": "FLAT", "name": "Flat", "is_default": True, "rounding_places": 4})
        files = {"file": ("flat.csv", RATES.encode(), "text/csv")}
        assert rating.post("/tariffs/FLAT/rates", files=files)["problems"] == []

    def open(self, courses: Iterable[Course]) -> list[Account]:
        """Their customers, on the first day of the first of them."""
        made = [Account(self.apis, course, _number(len(self.accounts) + at)) for at, course in enumerate(courses)]
        self.go_to(min(each.course.opened for each in made))
        for account in made:
            account.open()
            self.accounts[account.course.name] = account
        return made

    def play(self, accounts: Sequence[Account]) -> None:
        """Everything that happens to them, day by day. A step that is refused ends its course; it says why."""
        for day in sorted({day for account in accounts for day in account.course.days}):
            self.go_to(f"{day}")
            today = [(account, account.course.days.get(day, [])) for account in accounts]
            self._act([each for each in today if each[1]])
            self._bill([each for each in today if each[1]])

    def at_rest(self) -> None:
        """Wait until nothing is under way and the auditor finds nothing. Raises AssertionError with what it finds."""
        databases = {name: self.platform.postgres_dsn(name) for name in self.platform.service_names}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while found := audit(databases):
            assert time.monotonic() < deadline, "the auditor finds:\n" + "\n".join(found)
            time.sleep(0.05)

    def go_to(self, day: str) -> None:
        self.platform.set_clock(date.fromisoformat(day))
        self.apis.today = day

    def _act(self, today: Sequence[tuple[Account, Sequence[Step]]]) -> None:
        calls = False
        for account, happens in today:
            is_called = False
            for step in happens:
                if isinstance(step, steps.Call) and not calls:
                    self.at_rest()  # who is called must be known
                    calls = True
                elif isinstance(step, steps.OUT_OR_BACK) and is_called:
                    self._rated()  # the call came first, so it must not find what comes behind it
                is_called |= isinstance(step, steps.Call)
                if not isinstance(step, (steps.Bill, steps.Approve)):
                    _tried(account, step)
        if calls:
            self._rated()

    def _rated(self) -> None:
        """Wait until rating has what came so far."""
        with Screen(Console(quiet=True)).step("calls") as shown:
            intake.wait_rated(self.apis.rating, intake.ends(self.platform.kafka), PATIENCE_SECONDS, shown)

    def _bill(self, today: Sequence[tuple[Account, Sequence[Step]]]) -> None:
        runs: dict[steps.Bill, list[Account]] = defaultdict(list)
        approved = [account for account, happens in today if steps.Approve() in happens]
        for account, happens in today:
            for step in happens:
                if isinstance(step, steps.Bill) and not account.refused:
                    runs[step].append(account)
        for account in approved:
            self.approve(account)
        if runs:
            self.at_rest()
        for bill, accounts in runs.items():
            run_id = self.run(bill, accounts)
            if bill.approve:
                self.approve_run(run_id)
        self.at_rest()

    def run(self, bill: steps.Bill, accounts: Iterable[Billable]) -> int:
        """One run for these customers, from the request to its drafts. Returns its id."""
        listed = [account.customer_id for account in accounts]
        body = {"bill_to": bill.bill_to, "invoice_date": bill.invoice_date, "customers": listed}
        run_id = int(self.apis.invoicing.post("/billing-runs", body)["run_id"])
        self.apis.invoicing.post(f"/billing-runs/{run_id}/request")
        self._wait("the run", lambda: self.apis.invoicing.get(f"/billing-runs/{run_id}")["state"] in DONE)
        return run_id

    def approve_run(self, run_id: int) -> None:
        """All its drafts; asked again while there are some, for one that is just made again cannot be approved."""

        def approved() -> bool:
            self.apis.invoicing.post(f"/billing-runs/{run_id}/approve")
            return not any(each["status"] == "draft" for each in self.apis.invoicing.items("/invoices", run_id=run_id))

        self._wait("approving", approved)

    def approve(self, account: Account) -> None:
        """All drafts of a customer, one by one."""
        for each in account.bills:
            if each["status"] == "draft":
                self.apis.invoicing.post(f"/invoices/{each['invoice_id']}/approve")

    @staticmethod
    def _wait(what: str, reached: Callable[[], bool]) -> None:
        wait_until(what, reached, PATIENCE_SECONDS)


def _tried(account: Account, step: Step) -> None:
    """A step that the platform refuses ends its customer's course, not everybody's."""
    if account.refused:
        return
    try:
        account.do(step)
    except DemoError as error:
        account.refused.append(f"{step}: {error}")


def _number(position: int) -> str:
    """Ofcom's numbers for drama."""
    blocks = ("+441632960", "+447700900", "+441614960", "+442079460")
    return f"{blocks[position // 900]}{position % 900:03d}"


@contextmanager
def own_platform(**options: object) -> Iterator[Platform]:
    """A platform with the services that courses need."""
    settings = {"durable": False, "restart_delays_seconds": (0.05,), **options}
    with temporary_state() as state, Platform(Options(state=state, services=SERVICES, **settings)) as platform:  # type: ignore[arg-type]
        yield platform
