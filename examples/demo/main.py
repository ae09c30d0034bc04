"""The demo from the first CDR to the last email: generate, load, rate, bill, send, prove."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from examples.demo.carrier.generate import check_size, generate
from examples.demo.driver import billing, changes, compare, documents, figures, intake, load, mail, tables
from examples.demo.driver.api import Apis, DemoError
from examples.demo.driver.reference import Reference
from examples.demo.driver.screen import Screen
from examples.demo.options import Options, parse

from local_platform.__main__ import summary
from local_platform.errors import PlatformError
from local_platform.folders import remove
from local_platform.locks import NAME as LOCK
from local_platform.locks import StateLock
from local_platform.options import Options as PlatformOptions
from local_platform.platform import Platform
from local_platform.processes import Children

DIFFERENT, FAILED, INTERRUPTED = 1, 2, 130
FINISHED = "demo.json"
"""Written when a demo's data is complete: what `--keep` goes on with."""


@dataclass(frozen=True)
class Proof:
    """What the demo came to, and all that is wrong with it."""

    summary: dict[str, Any]
    differences: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo. 0: everything agrees; 1: something does not; 2: it failed; 130: it was interrupted."""
    options = parse(arguments)
    screen = Screen()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return Demo(options, screen).run()
    except KeyboardInterrupt:
        screen.say("Interrupted; everything that was started has been stopped.")
        return INTERRUPTED
    except (DemoError, PlatformError, ValueError) as error:
        screen.console.print(str(error), style="red", markup=False, soft_wrap=True)
        return FAILED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


class Demo:
    """One run of the demo."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self.options = options
        self.screen = screen
        self.started = time.monotonic()

    def run(self) -> int:
        """Everything. Returns the exit code."""
        kept = self._kept()
        if kept is None:
            self._generate()
        plan = json.loads((self.options.carrier / "plan.json").read_text(encoding="utf-8"))
        platform = Platform(PlatformOptions(state=self.options.state, report=self.screen.quietly))
        with Children() as children:
            reference = Reference(children, self.options.carrier, self.options.state / "reference")
            self.screen.say("Starting the platform ...")
            with platform, Apis(platform) as apis:
                platform.set_clock(datetime.fromisoformat(plan["business_now"]))
                run_id = self._bill(platform, apis, plan) if kept is None else int(kept["run_id"])
                proof = self._prove(platform, apis, plan, run_id, reference)
                if self.options.stay:
                    self._stay(platform, proof)
        print(json.dumps(proof.summary), flush=True)
        return DIFFERENT if proof.differences else 0

    def _kept(self) -> dict[str, Any] | None:
        """What a demo left that is to be gone on with."""
        path = self.options.state / FINISHED
        if not self.options.keep:
            return None
        if not path.exists():
            raise DemoError(f"There is nothing to keep: no demo was completed in {self.options.state}.")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _generate(self) -> None:
        options = self.options
        check_size(options.customers, options.cdrs)
        _wipe(options.state)
        with self.screen.step(f"A carrier made of seed {options.seed}") as step:
            step.total(options.cdrs)
            sizes = {"customer_count": options.customers, "cdr_count": options.cdrs, "seed": options.seed}
            generate(options.carrier, **sizes, progress=step.advance)
            step.note = f"{options.customers:,} customers, {options.cdrs:,} CDRs"

    def _bill(self, platform: Platform, apis: Apis, plan: dict[str, Any]) -> int:
        """Load, rate, bill, approve, send. Returns the run's id."""
        carrier, screen = self.options.carrier, self.screen
        seconds = intake.patience(plan["cdrs"] + 100 * plan["customers"])
        with screen.step("Tariffs, destinations and inbound classes imported") as step:
            load.tariffs(apis.rating, carrier, plan, step)
        with screen.step("Customers imported") as step:
            numbers = load.customers(apis.customers, carrier, plan["customers"], step)
        with screen.step("Customers known to rating") as step:
            changes.wait_known(platform.kafka, load.versions(apis.customers), numbers, seconds, step)
        self._take_in(platform, apis, carrier, seconds)
        with screen.step("The bill run") as step:
            run_id = billing.run(apis.invoicing, plan, seconds, step)
        with screen.step("Invoices approved") as step:
            billing.approve(apis.invoicing, run_id, seconds, step)
        with screen.step("Documents made, invoices sent") as step:
            billing.send(apis.invoicing, run_id, seconds, step)
        with screen.step("Mail handed over") as step:
            invoices = sum(1 for _ in apis.invoicing.items("/invoices", run_id=run_id))
            billing.wait_mailed(apis, invoices, seconds, step)
        (self.options.state / FINISHED).write_text(json.dumps({"run_id": run_id}), encoding="utf-8")
        return run_id

    def _take_in(self, platform: Platform, apis: Apis, carrier: Path, seconds: float) -> None:
        with self.screen.step("CDR files uploaded") as step:
            files = intake.upload(apis.rating, carrier, step)
        with self.screen.step("CDR stream sent to Kafka") as step:
            step.note = f"{intake.produce(platform.kafka, carrier / 'stream.jsonl', step):,} records"
        with self.screen.step("CDR files published"):
            intake.wait_published(apis.rating, files, seconds)
        with self.screen.step("CDRs rated") as step:
            intake.wait_rated(apis.rating, intake.ends(platform.kafka), seconds, step)

    def _prove(self, platform: Platform, apis: Apis, plan: dict[str, Any], run_id: int, reference: Reference) -> Proof:
        screen, options = self.screen, self.options
        with screen.step("Figures read from the platform"):
            found = figures.collect(apis, run_id, plan["bill_to"])
        with screen.step("Documents fetched") as step:
            digests = documents.fetch(apis.invoicing, found, options.invoices, step)
        with screen.step("Mail counted"):
            post = mail.check(apis.notifications, platform.maildir, found, digests)
        with screen.step("The slow reference"):
            expected = reference.result()
        for table in (tables.records(found), tables.charges(found)):
            screen.console.print(table)
        screen.console.print(tables.bills(found, expected.gross, post, len(digests)))
        sums = compare.own_sums(found, plan["cdrs"])
        differences = list(chain(sums, post.problems, compare.with_reference(found, expected)))
        tables.places(screen.console, platform.maildir, options.invoices)
        tables.differences(screen.console, differences)
        return Proof(self._summary(found, post, len(digests), expected.gross, plan), differences)

    def _summary(
        self, found: figures.Figures, post: mail.Post, pdfs: int, reference_gross: Decimal, plan: dict[str, Any]
    ) -> dict[str, Any]:
        """The last line of output."""
        return {
            "cdrs_in": found.received,
            **{outcome: found.total(outcome) for outcome in figures.OUTCOMES},
            "customers": plan["customers"],
            "invoices": len(found.invoices),
            "net": str(found.net),
            "vat": str(found.vat),
            "gross": str(found.gross),
            "reference_gross": str(reference_gross),
            "emails": post.letters,
            "pdfs": pdfs,
            "seconds": int(time.monotonic() - self.started),
        }

    def _stay(self, platform: Platform, proof: Proof) -> None:
        self.screen.console.print(summary(platform))
        self.screen.say(json.dumps(proof.summary))
        self.screen.say(f"For a token: FARTHING_STATE={self.options.state} make token")
        self.screen.say("The platform stays up, with the demo's data. Ctrl-C stops it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self.screen.say("Stopping ...")


def _wipe(state: Path) -> None:
    """Remove what an earlier demo left.

    Raises:
        PlatformError: its platform still runs.
        DemoError: the folder holds something else.
    """
    if state.exists() and any(state.iterdir()):
        if not any((state / name).exists() for name in (LOCK, "carrier")):
            raise DemoError(f"{state} holds something that is no demo's: name another folder with --state.")
        StateLock(state).close()
        remove(state)
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
