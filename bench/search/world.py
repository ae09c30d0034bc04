"""A Postgres that waits for its disk, and processes of the customers service on it."""

from __future__ import annotations

import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from bench.common.servers import bare_environment, own_folder

from local_platform import ports
from local_platform.databases import create_service_database
from local_platform.postgres import Postgres, dsn
from local_platform.processes import Children
from service_kit.migrations import migrate
from service_kit.tokens import generate_issuer, issue_token

SERVICE = "customers"
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
}
"""As a server of its own with a solid-state disk would have them; the rest is the default."""
_STARTS_WITHIN_S = 60.0


class World:
    """The database and the service while they run."""

    def __init__(self, folder: Path, children: Children) -> None:
        self._folder, self._children = folder, children
        self.postgres = Postgres(folder / "postgres", children, port=ports.reserve(), durable=True, settings=SETTINGS)
        self._password = secrets.token_urlsafe(24)
        self._issuer = generate_issuer(folder / "issuer")
        self.token = issue_token(self._issuer.private_key, ["customers:read"], "bench")
        self.ports: list[int] = []

    @property
    def database(self) -> str:
        """The connection string of the service's database."""
        return dsn(SERVICE, self._password, self.postgres.port, SERVICE)

    def make_database(self) -> None:
        """Start the server with a migrated, empty database."""
        self.postgres.start()
        create_service_database(self.postgres.admin_dsn, SERVICE, self._password)
        migrate(SERVICE, dsn=self.database)

    def serve(self, processes: int) -> None:
        """Start processes of the service's API, and wait until they answer."""
        environment = bare_environment() | {
            "FARTHING_POSTGRES_CUSTOMERS": self.database,
            "FARTHING_KAFKA": "127.0.0.1:1",
            "FARTHING_JWKS": str(self._issuer.jwks),
            "FARTHING_LOG_LEVEL": "WARNING",
        }
        for at in range(processes):
            port = ports.reserve()
            self.ports.append(port)
            command = [sys.executable, "-m", SERVICE, "--roles", "api", "--port", str(port)]
            log = self._folder / "logs" / f"{SERVICE}-{at}.log"
            process = self._children.spawn(SERVICE, command, log=log, environment=environment)
            process.wait_ready(lambda port=port: _answers(port), _STARTS_WITHIN_S)  # type: ignore[misc]

    def sizes_mb(self) -> dict[str, float]:
        """What the tables and indexes of the search take on disk, and the whole database (1 MB = 1,000,000 bytes)."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(_SIZES).fetchall()
        return {name: size / 1e6 for name, size in found}

    def stop(self) -> None:
        """Stop everything, and give the ports back."""
        self._children.close()
        for port in (*self.ports, self.postgres.port):
            ports.release(port)


_SIZES = """
    SELECT c.relname, pg_relation_size(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND (c.relname LIKE 'customer_search%' OR c.relname LIKE 'search_word%'
        OR c.relname IN ('customer', 'number', 'number_beginning', 'number_ending', 'number_parts'))
    UNION ALL SELECT 'database', pg_database_size(current_database())
"""


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(state: Path | None) -> Iterator[World]:
    """A server in a folder of its own, which is removed in the end."""
    with own_folder(state) as folder, Children() as children:
        world = World(folder, children)
        try:
            world.make_database()
            yield world
        finally:
            world.stop()
