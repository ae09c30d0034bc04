"""The services of a platform, and one of their processes."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_platform.processes import ChildProcess, Children

READY_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True)
class ServiceDefinition:
    """A service as the platform runs it.

    Args:
        name: of the service, of its package (`python -m name`), its database and its migrations.
        roles: what the one process hosts; empty means all it has.
        has_database: whether it owns a Postgres database.
    """

    name: str
    roles: tuple[str, ...] = ()
    has_database: bool = True

    def command(self, port: int) -> list[str]:
        """How it is started."""
        roles = ["--roles", ",".join(self.roles)] if self.roles else []
        return [sys.executable, "-m", self.name, *roles, "--host", "127.0.0.1", "--port", str(port)]


SERVICES = tuple(ServiceDefinition(name) for name in ("customers", "rating", "invoicing", "notifications"))


class ServiceProcess:
    """One service's process, which can be started again on the same port.

    Args:
        definition: what to run.
        port: of its HTTP API, already reserved.
        log: its log file.
        environment: gives its environment at each start.
    """

    def __init__(
        self,
        definition: ServiceDefinition,
        children: Children,
        *,
        port: int,
        log: Path,
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        self.name, self.port, self.log = definition.name, port, log
        self.process: ChildProcess | None = None
        self._definition, self._children, self._environment = definition, children, environment

    @property
    def url(self) -> str:
        """The base of its HTTP API."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it says it is ready. Raises PlatformError with the end of its log otherwise."""
        command = self._definition.command(self.port)
        self.process = self._children.spawn(self.name, command, log=self.log, environment=self._environment())
        self.process.wait_ready(self.is_ready, READY_TIMEOUT_SECONDS)

    def is_ready(self) -> bool:
        """Whether GET /ready answers 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5.0)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Ends it in order; it can be started again."""
        if self.process is not None:
            self._children.stop([self.process])
