"""Worker processes on one broker and one database, to be killed and counted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from contracts.topics import CDR_RECEIVED
from service_kit.kafka import end_offsets, make_producer

WITHIN_S = 120.0
PROCESS = Path(__file__).parents[1] / "integration" / "worker_process.py"


@dataclass
class Fleet:
    """Worker processes on one broker and one database."""

    kafka: str
    dsn: str
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, instance: str = "one", **more: str) -> subprocess.Popen[bytes]:
        """Start a worker; one that has the instance of a killed one takes its partitions back at once."""
        return self.run([str(PROCESS)], FARTHING_INSTANCE=instance, **more)

    def run(self, arguments: Sequence[str], **more: str) -> subprocess.Popen[bytes]:
        """Start a Python program that knows the broker and the database."""
        named = {"FARTHING_KAFKA": self.kafka, "FARTHING_POSTGRES_RATING": self.dsn, **more}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], env={**os.environ, **named}, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def stop(self) -> list[int]:
        """Ask all to end. Returns their exit codes."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(WITHIN_S) for process in self.running]
        self.running.clear()
        return codes

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait until a process has ended. Returns its exit code."""
        self.running.remove(process)
        return process.wait(WITHIN_S)

    def killed(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until a process has ended; whether SIGKILL ended it."""
        return self.ended(process) == -signal.SIGKILL

    def kill(self) -> None:
        """Leave nothing behind."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running.clear()

    async def take(self, values: Sequence[bytes], partition: int | None = None) -> None:
        """Send records, round the partitions."""
        producer = make_producer(kafka=self.kafka)
        await producer.start()
        try:
            for index, value in enumerate(values):
                await producer.send(CDR_RECEIVED, value, partition=index % 6 if partition is None else partition)
        finally:
            await producer.stop()

    async def until_stored(self) -> None:
        """Wait until the stored positions are at the ends of the topic."""
        ends = await end_offsets(CDR_RECEIVED, kafka=self.kafka)
        deadline = time.monotonic() + WITHIN_S
        while any(self.positions().get(partition, 0) < end for partition, end in ends.items()):
            assert time.monotonic() < deadline, f"{self.positions()} of {ends}\n{self.told()}"
            assert all(process.poll() is None for process in self.running), self.told()
            await asyncio.sleep(0.1)

    def told(self) -> str:
        """The end of what the processes wrote."""
        return self.log.read_text()[-3_000:]

    def complaints(self) -> list[str]:
        """What the processes wrote of steps that failed though nothing was away."""
        return [line for line in self.log.read_text().splitlines() if "a step failed" in line]

    def positions(self) -> dict[int, int]:
        """How far each partition is stored."""
        found = self.rows("SELECT partition, position FROM input_position WHERE topic = 'cdr.received'")
        return {row["partition"]: row["position"] for row in found}

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        with psycopg.connect(self.dsn, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(statement, values).fetchall()
