"""The servers that tests run against: what the environment names, else Docker, else child processes of the test run."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local_platform.kafka import Kafka
from local_platform.postgres import Postgres, create_extensions

TOPICS_TIMEOUT_SECONDS = 120
MIGRATE_TIMEOUT_SECONDS = 120


def docker_answers() -> bool:
    """Whether a Docker engine can be used."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    import docker

    with suppress(docker.errors.DockerException):
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    return False


@contextmanager
def temporary_state() -> Iterator[Path]:
    """A folder for servers of this test run."""
    folder = Path(tempfile.mkdtemp(prefix="farthing-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kafka_server() -> Iterator[str]:
    """A real broker: `FARTHING_KAFKA`, a container, or a child process. Yields host:port."""
    named = os.environ.get("FARTHING_KAFKA")
    if named:
        yield named
    elif docker_answers():
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer("apache/kafka:4.1.0").with_kraft() as container:
            yield container.get_bootstrap_server()
    else:
        with temporary_state() as state:
            broker = Kafka(state / "kafka")
            try:
                broker.start()
                yield broker.bootstrap
            finally:
                broker.stop()


@contextmanager
def postgres_server() -> Iterator[str]:
    """A real Postgres: `FARTHING_POSTGRES`, a container, or a child process. Yields a superuser's DSN."""
    named = os.environ.get("FARTHING_POSTGRES")
    if named:
        yield named
    elif docker_answers():
        from testcontainers.postgres import PostgresContainer

        with PostgresContainer("postgres:18", driver=None) as container:
            yield container.get_connection_url()
    else:
        with temporary_state() as state:
            server = Postgres(state / "postgres", durable=False)
            try:
                server.start()
                yield server.admin_dsn
            finally:
                server.stop()


def create_topics(bootstrap: str) -> None:
    """Creates every topic of the contracts that is not there yet."""
    _service_kit(["topics"], {"FARTHING_KAFKA": bootstrap}, TOPICS_TIMEOUT_SECONDS)


def _service_kit(arguments: list[str], environment: dict[str, str], timeout_seconds: float) -> None:
    command = [sys.executable, "-m", "service_kit", *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


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
        if service not in self._templates:
            name = self._create(template=None)
            dsn = in_database(self.admin_dsn, name)
            environment = {f"FARTHING_POSTGRES_{service.upper()}": dsn}
            _service_kit(["migrate", service], environment, MIGRATE_TIMEOUT_SECONDS)
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
