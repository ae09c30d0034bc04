"""Writes the carrier's folder: see examples/demo/README.md for its files. The same options give the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from examples.demo.carrier import customers, dialling, lines, outputs, tariffs, writing
from examples.demo.carrier.calls import header
from examples.demo.carrier.copies import Copies
from examples.demo.carrier.dialling import Traffic
from examples.demo.carrier.month import Month
from examples.demo.carrier.outputs import Output
from examples.demo.carrier.roles import ROLES
from examples.demo.carrier.varieties import Variety

BILL_TO = "2025-01-31"
INVOICE_DATE = "2025-02-01"
BUSINESS_NOW = "2025-02-01T06:00:00Z"
MAPPING = "uk-standard-cdr"
LEAST_CUSTOMERS = len(ROLES)
LEAST_CDRS = 1_000

Progress = Callable[[int], None]
Writer = Callable[[list[Variety], list[Any]], list[str]]


def generate(
    folder: Path, *, customer_count: int, cdr_count: int, seed: int, progress: Progress = lambda _records: None
) -> dict[str, Any]:
    """Write a carrier into an empty folder.

    Args:
        customer_count: at least `LEAST_CUSTOMERS`, so that every role is played.
        cdr_count: rows of all files and lines of the stream together, at least `LEAST_CDRS`.
        progress: told how many records were written since it was last told.

    Returns:
        What stands in `plan.json`.

    Raises:
        ValueError: there are too few customers or records to show every variety.
    """
    check_size(customer_count, cdr_count)
    folder.mkdir(parents=True, exist_ok=True)
    prefixes = tariffs.write(folder)
    called = lines.Lines()
    _write_customers(folder / "customers.jsonl", customer_count, seed, called)
    lines.add_unheld(called)
    month = Month(called, dialling.parties(prefixes, seed), seed)
    counts = _Records(month, Copies(seed), progress).write(folder, cdr_count)
    plan = _plan(customer_count, cdr_count, seed, counts)
    (folder / "plan.json").write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")
    return plan


def check_size(customer_count: int, cdr_count: int) -> None:
    """Refuse a carrier too small to show everything.

    Raises:
        ValueError: says what the least is.
    """
    if customer_count < LEAST_CUSTOMERS:
        raise ValueError(f"{customer_count} customers are too few: every role is played from {LEAST_CUSTOMERS} on")
    if cdr_count < LEAST_CDRS:
        raise ValueError(f"{cdr_count} CDRs are too few: every variety is shown from {LEAST_CDRS:,} on")


def _write_customers(path: Path, count: int, seed: int, called: lines.Lines) -> None:
    with path.open("w", encoding="utf-8") as file:
        for customer in lines.collect(customers.generate(count, seed), called):
            file.write(json.dumps(customer, separators=(",", ":")) + "\n")


class _Records:
    """Writes the files and the stream, counting what they hold."""

    def __init__(self, month: Month, copies: Copies, progress: Progress) -> None:
        self._month = month
        self._copies = copies
        self._progress = progress
        self._varieties: Counter[Variety] = Counter()

    def write(self, folder: Path, cdr_count: int) -> dict[str, dict[str, int]]:
        self._write_files(folder, outputs.files(cdr_count, self._month.random))
        with (folder / "stream.jsonl").open("w", encoding="utf-8") as file:
            for window in outputs.stream(cdr_count, self._month.random):
                self._write_output(file, window, writing.values, any_source=True)
        return {
            "varieties": {variety.name.lower(): self._varieties[variety] for variety in Variety},
            "traffic": {kind.name.lower(): int(self._month.counts[kind]) for kind in Traffic},
        }

    def _write_files(self, folder: Path, files: Iterable[Output]) -> None:
        (folder / "cdr-files").mkdir(exist_ok=True)
        listed = []
        for index, output in enumerate(files, start=1):
            name = f"{index:03d}-{output.source}.csv"
            listed.append({"file": f"cdr-files/{name}", "source": output.source, "mapping": MAPPING})
            with (folder / "cdr-files" / name).open("w", encoding="utf-8", newline="") as file:
                file.write(header() + "\n")
                self._write_output(file, output, writing.rows, any_source=False)
        (folder / "cdr-files.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")

    def _write_output(self, file: IO[str], output: Output, writer: Writer, *, any_source: bool) -> None:
        kept: list[tuple[list[Variety], list[Any]]] = []
        for batch in output.batches():
            calls = list(self._month.calls(output.source, (output.first, output.last), batch))
            varieties = [_VARIETIES[number] for number in batch.tolist()]
            self._copies.place(varieties, calls, any_source=any_source)
            file.write("".join(writer(varieties, calls)))
            self._varieties.update(varieties)
            kept.append((varieties, calls))
            self._progress(len(calls))
        for varieties, calls in kept:  # only now, so that copies of other outputs are not of this one
            self._copies.remember(varieties, calls)


_VARIETIES = tuple(Variety)


def _plan(customer_count: int, cdr_count: int, seed: int, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    return {
        "seed": seed,
        "bill_to": BILL_TO,
        "invoice_date": INVOICE_DATE,
        "business_now": BUSINESS_NOW,
        "customers": customer_count,
        "cdrs": cdr_count,
        "default_tariffs": tariffs.DEFAULT_TARIFFS,
        "tariffs": tariffs.TARIFFS,
        "counts": counts,
    }
