"""The parts of a platform, put together but not yet running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local_platform.kafka import Kafka
from local_platform.mail import SmtpServer
from local_platform.options import Options
from local_platform.ports import PortBook
from local_platform.postgres import Postgres
from local_platform.processes import Children
from local_platform.services import ServiceDefinition, ServiceProcess
from local_platform.supervisor import Part


@dataclass(frozen=True)
class Assembly:
    """A platform's parts.

    Args:
        kafka, postgres: None where servers elsewhere are used.
        services: by name.
    """

    kafka: Kafka | None
    postgres: Postgres | None
    smtp: SmtpServer
    services: dict[str, ServiceProcess]

    def part(self, name: str) -> Part:
        """A service by its name, or `kafka`, `postgres` or `smtp`. Raises KeyError."""
        return {part.name: part for part in self.parts}[name]

    @property
    def parts(self) -> list[Part]:
        """All that run in processes of ours, in the order of their start."""
        servers: list[Part | None] = [self.kafka, self.postgres, self.smtp]
        return [part for part in servers if part is not None] + list(self.services.values())


def assemble(
    options: Options,
    state: Path,
    children: Children,
    book: PortBook,
    *,
    own_postgres: bool,
    environment_of: Callable[[str], dict[str, str]],
) -> Assembly:
    """Reserves the ports and makes the parts.

    Args:
        own_postgres: whether a server of our own is needed.
        environment_of: gives a service's environment, by its name, when it starts.
    Raises:
        PlatformError: a wished port is taken.
    """
    logs = state / "logs"

    def service(definition: ServiceDefinition) -> ServiceProcess:
        return ServiceProcess(
            definition,
            children,
            port=book.take(definition.name),
            log=logs / f"{definition.name}.log",
            environment=lambda: environment_of(definition.name),
        )

    return Assembly(
        kafka=_kafka(options, state, children, book) if options.own_kafka else None,
        postgres=_postgres(options, state, children, book) if own_postgres else None,
        smtp=SmtpServer(state / "maildir", children, log=logs / "smtp.log", port=book.take("smtp")),
        services={definition.name: service(definition) for definition in options.services},
    )


def _kafka(options: Options, state: Path, children: Children, book: PortBook) -> Kafka:
    return Kafka(
        state / "kafka",
        children,
        port=book.take("kafka"),
        controller_port=book.take("kafka-controller"),
        log=state / "logs" / "kafka.log",
        heap_mb=options.heap_mb,
        quick_start=not options.full_speed,
        settings=options.kafka_settings,
    )


def _postgres(options: Options, state: Path, children: Children, book: PortBook) -> Postgres:
    return Postgres(
        state / "postgres",
        children,
        port=book.take("postgres"),
        log=state / "logs" / "postgres.log",
        durable=options.durable,
        settings=options.postgres_settings,
    )
