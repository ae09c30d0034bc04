"""The servers that tests run against: what the environment names, else Docker, else child processes of the test run."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local_platform import ports
from local_platform.kafka import Kafka, answers
from local_platform.postgres import Postgres, create_extensions
from local_platform.processes import Children

KAFKA_IMAGE = "apache/kafka:4.1.0"
POSTGRES_IMAGE = "postgres:18"
CONTAINER_TIMEOUT_SECONDS = 60
TOPICS_TIMEOUT_SECONDS = 60
KEPT = "FARTHING_TEST_STATE"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""What must be free in memory; a test run takes a quarter of it."""


def docker_answers() -> bool:
    """Whether a Docker engine can be used."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    import docker  # type: ignore[import-untyped]

    with suppress(docker.errors.DockerException):
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    return False


@contextmanager
def temporary_state() -> Iterator[Path]:
    """A folder for servers of this test run, removed after it, but for one in the folder of `FARTHING_TEST_STATE`.

    It is in memory where there is room: databases are made and dropped by the thousand, mostly the disk's work.
    """
    kept = os.environ.get(KEPT)
    folder = Path(tempfile.mkdtemp(prefix="farthing-test-", dir=kept or _memory()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return MEMORY if has_room else None


@contextmanager
def kafka_server() -> Iterator[str]:
    """A real broker: `FARTHING_KAFKA`, a container, or a child process. Yields host:port."""
    named = os.environ.get("FARTHING_KAFKA")
    if named:
        yield named
    elif docker_answers():
        with _kafka_container() as bootstrap:
            yield bootstrap
    else:
        with temporary_state() as state, Children() as children:
            broker = Kafka(state / "kafka", children, port=ports.reserve(), controller_port=ports.reserve())
            broker.start()
            yield broker.bootstrap


@contextmanager
def _kafka_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    port = ports.reserve()
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port}",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(f"KAFKA_{name}", value)
    try:
        with container:
            _wait_until(lambda: answers("localhost", port), CONTAINER_TIMEOUT_SECONDS)
            yield f"localhost:{port}"
    finally:
        ports.release(port)


def _wait_until(ready: Callable[[], bool], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready after {timeout_seconds} s")
        time.sleep(0.1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """A real Postgres: `FARTHING_POSTGRES`, a container, or a child process. Yields a superuser's DSN."""
    named = os.environ.get("FARTHING_POSTGRES")
    if named:
        yield named
    elif docker_answers():
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
            yield container.get_connection_url()
    else:
        with temporary_state() as state, Children() as children:
            server = Postgres(state / "postgres", children, port=ports.reserve(), durable=False)
            server.start()
            yield server.admin_dsn


def create_topics(bootstrap: str) -> None:
    """Creates every topic of the contracts that is not there yet."""
    from service_kit.kafka import admin

    with ThreadPoolExecutor(1) as other_thread:  # this one may have an event loop of the test framework
        other_thread.submit(lambda: asyncio.run(admin.create_topics(kafka=bootstrap))).result(TOPICS_TIMEOUT_SECONDS)


def in_database(dsn: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


class Databases:
    """Fresh databases on one server, each dropped at the latest when the test run ends.

    A service's schema is migrated once into a template, from which each database is then cloned in milliseconds.
    """

    def __init__(self, admin_dsn: str) -> None:
        self.admin_dsn = admin_dsn
        self._run = secrets.token_hex(4)
        self._templates: dict[str, str] = {}
        self._made: set[str] = set()

    def empty(self) -> str:
        """A new database with the extensions and no tables. Returns its DSN."""
        return in_database(self.admin_dsn, self._create(template=None))

    def migrated(self, service: str) -> str:
        """A new database with the service's newest schema. Returns its DSN."""
        return in_database(self.admin_dsn, self._create(template=self._template(service)))

    def drop(self, dsn: str) -> None:
        """Drops a database made here, ending connections to it."""
        name = urlsplit(dsn).path.lstrip("/")
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._made.discard(name)

    def drop_all(self) -> None:
        """Drops whatever is left."""
        for name in list(self._made):
            self.drop(in_database(self.admin_dsn, name))

    def _template(self, service: str) -> str:
        from service_kit.migrations import migrate

        if service not in self._templates:
            name = self._create(template=None)
            migrate(service, dsn=in_database(self.admin_dsn, name))
            self._templates[service] = name
        return self._templates[service]

    def _create(self, template: str | None) -> str:
        name = f"test_{self._run}_{secrets.token_hex(4)}"
        self._made.add(name)
        if template is not None:
            self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
            return name
        self._execute("CREATE DATABASE {}", name)
        with psycopg.connect(in_database(self.admin_dsn, name), autocommit=True) as connection:
            create_extensions(connection)
        return name

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def unique(prefix: str) -> str:
    """A name for a consumer group or record source that no other test uses: topics are shared by all tests."""
    return f"{prefix}-{secrets.token_hex(5)}"
