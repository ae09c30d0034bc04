"""A small carrier's January driven through a whole platform, by the demo's own driver, patient with what is killed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from examples.demo.carrier.generate import generate
from examples.demo.driver import billing, changes, compare, documents, figures, intake, load, mail
from examples.demo.driver.api import Api, Apis, Json
from examples.demo.driver.screen import Screen
from rich.console import Console
from tests.support.reference import ReferenceResult, compute

from contracts.topics import CDR_RECEIVED
from local_platform.platform import Platform
from rating.worker import GROUP as RATING_GROUP
from service_kit.kafka import lag

PATIENCE_SECONDS = 120.0
SMALL_CUSTOMERS, SMALL_CDRS = 30, 3_000


class Patient(httpx.BaseTransport):
    """Sends a request again while the service that should answer is down: a client that was told nothing tries again.

    What makes that safe is what the platform promises: doing a thing twice does it once, or says that it was done.
    """

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; the last failure if there is none in time."""
        request.read()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._transport.handle_request(request)
                answer.read()
                if answer.status_code not in (502, 503):
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()


class PatientApi(Api):
    """An API whose "that was done already" is as good as an answer."""

    def __init__(self, api: Api) -> None:
        self.name = api.name
        self._client = httpx.Client(
            base_url=api._client.base_url, headers=api._client.headers, timeout=300, transport=Patient()
        )

    def call(self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any) -> httpx.Response:
        """As `Api.call`; a conflict says what was done by the request whose answer got lost."""
        if isinstance(options.get("content"), Iterator):
            options["content"] = b"".join(options["content"])
        return super().call(method, path, accept=(*accept, 409), **options)

    def lines(self, path: str, content: bytes) -> list[Json]:
        """As `Api.lines`; a row that was taken by a request whose answer got lost counts as taken."""
        return [_taken(answer) for answer in super().lines(path, content)]


def _taken(answer: Json) -> Json:
    problem = answer.get("problem") or {}
    return {**answer, "customer_id": problem["customer_id"]} if "account_number" in problem else answer


class PatientApis(Apis):
    """The four services' APIs, patient."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.customers = PatientApi(self.customers)
        self.rating = PatientApi(self.rating)
        self.invoicing = PatientApi(self.invoicing)
        self.notifications = PatientApi(self.notifications)


@dataclass(frozen=True)
class Month:
    """A month that was billed: the platform, the carrier's folder, what the platform and the reference say of it."""

    platform: Platform
    apis: Apis
    folder: Path
    run_id: int
    found: figures.Figures
    expected: ReferenceResult
    post: mail.Post
    digests: dict[int, str]

    @property
    def plan(self) -> Json:
        """The generator's plan."""
        found: Json = json.loads((self.folder / "plan.json").read_text())
        return found

    @property
    def customers(self) -> list[Json]:
        """The carrier's customers, as they were imported."""
        return [json.loads(line) for line in (self.folder / "customers.jsonl").read_text().splitlines()]

    def differences(self) -> list[str]:
        """Everything in which the platform, the mail and the reference do not agree."""
        own = compare.own_sums(self.found, self.plan["cdrs"])
        return [*own, *self.post.problems, *compare.with_reference(self.found, self.expected)]


def wait_told(kafka: str) -> None:
    """Wait until rating has told what it stored: who is killed at that is not to be billing already."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while asyncio.run(lag(RATING_GROUP, CDR_RECEIVED, kafka=kafka)):
        assert time.monotonic() < deadline, f"rating has not told all within {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.1)


def drive(
    platform: Platform, folder: Path, *, seed: int, customers: int = SMALL_CUSTOMERS, cdrs: int = SMALL_CDRS
) -> Month:
    """Make a carrier, load it, rate its month, bill, approve, send; then read what came of it."""
    generate(folder, customer_count=customers, cdr_count=cdrs, seed=seed)
    plan = json.loads((folder / "plan.json").read_text())
    platform.set_clock(datetime.fromisoformat(plan["business_now"]))
    apis, seconds = PatientApis(platform), intake.patience(cdrs)
    with Screen(Console(quiet=True)).step("month") as step:
        load.tariffs(apis.rating, folder, plan, step)
        numbers = load.customers(apis.customers, folder, customers, step)
        changes.wait_known(platform.kafka, load.versions(apis.customers), numbers, seconds, step)
        files = intake.upload(apis.rating, folder, step)
        intake.produce(platform.kafka, folder / "stream.jsonl", step)
        intake.wait_published(apis.rating, files, seconds)
        intake.wait_rated(apis.rating, intake.ends(platform.kafka), seconds, step)
        wait_told(platform.kafka)
        run_id = billing.run(apis.invoicing, plan, seconds, step)
        billing.approve(apis.invoicing, run_id, seconds, step)
        billing.send(apis.invoicing, run_id, seconds, step)
        billing.wait_mailed(apis, sum(1 for _ in apis.invoicing.items("/invoices", run_id=run_id)), seconds, step)
        found = figures.collect(apis, run_id, plan["bill_to"])
        digests = documents.fetch(apis.invoicing, found, folder / "invoices", step)
    post = mail.check(apis.notifications, platform.maildir, found, digests)
    return Month(platform, apis, folder, run_id, found, compute(folder), post, digests)
