"""The servers of a benchmark: a broker, a Postgres that waits for its disk, and the processes of rating."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from bench.common.servers import HEAP_MB, POSTGRES_SETTINGS, bare_environment, own_folder
from psycopg import sql

from local_platform import ports
from local_platform.databases import create_service_database
from local_platform.kafka import Kafka
from local_platform.postgres import Postgres, dsn
from local_platform.processes import ChildProcess, Children
from service_kit.kafka import create_topics
from service_kit.migrations import migrate

SERVICE = "rating"
KAFKA_SETTINGS = {"group.initial.rebalance.delay.ms": "2000"}
"""How long a new group waits for further members (3,000 is the default): two workers get their partitions at once, so
none has worked off the load before the other begins.
"""


class World:
    """The servers while they run. A run's database is a copy of the one that was filled, so all runs begin alike."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        self.children = children
        self.kafka = Kafka(
            folder / "kafka",
            children,
            port=ports.reserve(),
            controller_port=ports.reserve(),
            heap_mb=HEAP_MB,
            quick_start=False,
            settings=KAFKA_SETTINGS,
        )
        self.postgres = Postgres(
            folder / "postgres", children, port=ports.reserve(), durable=True, settings=POSTGRES_SETTINGS
        )
        self._password = secrets.token_urlsafe(24)
        self._started = 0

    def start(self) -> None:
        """Start both servers, with the topics of the contracts."""
        self.kafka.start()
        self.postgres.start()

    def stop(self) -> None:
        """Stop both servers, and give their ports back."""
        self.kafka.stop()
        self.postgres.stop()
        for port in (self.kafka.port, self.kafka.controller_port, self.postgres.port):
            ports.release(port)

    def dsn(self, database: str) -> str:
        """The connection string of rating for one of its databases."""
        return dsn(SERVICE, self._password, self.postgres.port, database)

    def make_topics(self) -> None:
        """Make those topics of the contracts that are missing."""
        asyncio.run(create_topics(kafka=self.kafka.bootstrap))

    def make_database(self) -> str:
        """Drop the database that is to be filled, and make it anew, migrated. Returns its connection string."""
        self.drop(SERVICE)
        create_service_database(self.postgres.admin_dsn, SERVICE, self._password)
        migrate(SERVICE, dsn=self.dsn(SERVICE))
        return self.dsn(SERVICE)

    @contextmanager
    def run_database(self, name: str) -> Iterator[str]:
        """A copy of the filled database for one run. Yields its connection string."""
        with psycopg.connect(self.postgres.admin_dsn, autocommit=True) as connection:
            statement = "CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY"
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, (name, SERVICE, SERVICE))))
            connection.execute("CHECKPOINT")
        try:
            yield self.dsn(name)
        finally:
            self.drop(name)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected."""
        with psycopg.connect(self.postgres.admin_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def spawn(self, name: str, *arguments: str, database: str, **more: str) -> ChildProcess:
        """Start Python with arguments as a process of rating on a database; `more` are variables of its own."""
        self._started += 1
        return self.children.spawn(
            name,
            [sys.executable, *arguments],
            log=self.log(f"{self._started:03d}-{name}"),
            environment=self.environment(database) | more,
            stop_signal=signal.SIGTERM,
        )

    def stop_processes(self, processes: Sequence[ChildProcess]) -> None:
        """Ask processes to end, and wait until they have."""
        self.children.stop(processes)

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.folder / "logs" / f"{name}.log"

    def environment(self, database: str) -> dict[str, str]:
        """The variables of a process of rating; none of those that surround the benchmark."""
        return bare_environment() | {
            "FARTHING_KAFKA": self.kafka.bootstrap,
            "FARTHING_POSTGRES_RATING": self.dsn(database),
        }


@contextmanager
def running(state: Path | None) -> Iterator[World]:
    """Servers in a folder of their own, which is removed in the end."""
    with own_folder(state) as folder, Children() as children:
        world = World(folder, children)
        world.start()
        try:
            yield world
        finally:
            world.stop()
