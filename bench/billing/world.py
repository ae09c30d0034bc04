"""The servers and the services of a billing run: a broker, a Postgres that waits for its disk, three services."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from bench.common.servers import HEAP_MB, POSTGRES_SETTINGS, BenchError, bare_environment, ended, own_folder

from local_platform import ports
from local_platform.databases import create_service_database
from local_platform.kafka import Kafka
from local_platform.parallel import together
from local_platform.postgres import Postgres, dsn
from local_platform.processes import ChildProcess, Children
from service_kit.kafka import create_topics
from service_kit.migrations import migrate
from service_kit.tokens import generate_issuer, issue_token

ROLES = {
    "customers": "consumers,relay",
    "rating": "consumers,relay,closer",
    "invoicing": "api,consumers,relay,runner",
}
"""What runs, one process each: what a run needs. Calls are rated before it, documents rendered and sent after it."""
_SCOPES = ("billing:run", "invoicing:read", "invoicing:write")
_STARTS_WITHIN_S = 60.0


class World:
    """The servers, and the services once they are started."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        self._children = children
        self.kafka = Kafka(
            folder / "kafka",
            children,
            port=ports.reserve(),
            controller_port=ports.reserve(),
            heap_mb=HEAP_MB,
            quick_start=False,
        )
        self.postgres = Postgres(
            folder / "postgres", children, port=ports.reserve(), durable=True, settings=POSTGRES_SETTINGS
        )
        self.services: dict[str, ChildProcess] = {}
        self._password = secrets.token_urlsafe(24)
        self._issuer = generate_issuer(folder / "issuer")
        self._token = issue_token(self._issuer.private_key, _SCOPES, "bench")
        self._port = ports.reserve()

    def start(self) -> None:
        """Start the servers, with the topics of the contracts and an empty, migrated database for each service."""
        together([self._start_broker, self._start_postgres], self._children.close)

    def _start_broker(self) -> None:
        self.kafka.start()
        asyncio.run(create_topics(kafka=self.kafka.bootstrap))

    def _start_postgres(self) -> None:
        self.postgres.start()
        for service in ROLES:
            create_service_database(self.postgres.admin_dsn, service, self._password)
            migrate(service, dsn=self.dsn(service))

    def stop(self) -> None:
        """Stop everything, and give the ports back."""
        self._children.stop(list(self.services.values()))
        self.kafka.stop()
        self.postgres.stop()
        for port in (self.kafka.port, self.kafka.controller_port, self.postgres.port, self._port):
            ports.release(port)

    def dsn(self, service: str) -> str:
        """The connection string of a service's database."""
        return dsn(service, self._password, self.postgres.port, service)

    def connect(self, service: str) -> psycopg.Connection:
        """A connection to a service's database on which every statement is a transaction."""
        return psycopg.connect(self.dsn(service), autocommit=True)

    def serve(self) -> None:
        """Start the services, and wait until invoicing answers."""
        for service, roles in ROLES.items():
            command = [sys.executable, "-m", service, "--roles", roles, "--port", str(self._port)]
            log = self.folder / "logs" / f"{service}.log"
            self.services[service] = self._children.spawn(
                service, command, log=log, environment=self._environment(), stop_signal=signal.SIGTERM
            )
        self.services["invoicing"].wait_ready(self._answers, _STARTS_WITHIN_S)

    def check(self) -> None:
        """Raises: BenchError: a service has ended."""
        for process in self.services.values():
            if process.exit_code is not None:
                raise ended(process)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask invoicing for something. Raises BenchError with its answer where it refuses."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            data=json.dumps(body or {}).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise BenchError(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error

    def pids(self) -> dict[str, int]:
        """The processes by what they are."""
        servers = {"broker": self.kafka.process, "postgres": self.postgres.process}
        return {name: process.pid for name, process in {**self.services, **servers}.items() if process is not None}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self) -> dict[str, str]:
        """The variables of the services; none of those that surround the benchmark."""
        return bare_environment() | {
            "FARTHING_KAFKA": self.kafka.bootstrap,
            "FARTHING_JWKS": str(self._issuer.jwks),
            "FARTHING_LOG_LEVEL": "WARNING",
            **{f"FARTHING_POSTGRES_{service.upper()}": self.dsn(service) for service in ROLES},
        }


@contextmanager
def running(state: Path | None) -> Iterator[World]:
    """Servers in a folder of their own, which is removed in the end."""
    with own_folder(state) as folder, Children() as children:
        world = World(folder, children)
        try:
            world.start()
            yield world
        finally:
            world.stop()
