"""One entry point for every service: the roles it is told to play, in one process and one event loop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from contracts.base import Event
from service_kit import asyncapi, logs
from service_kit.database import Database, bind
from service_kit.errors import ConfigurationError
from service_kit.kafka import Subscriptions
from service_kit.kafka.admin import topic_names
from service_kit.migrations import check_revision
from service_kit.outbox import Relay
from service_kit.settings import ServiceSettings

_log = logs.logger(__name__)
Role = Callable[[asyncio.Event], Awaitable[None]]
_DATABASE_WITHIN_S = 60.0
_GRACE_S = 20.0
_YOUNG_OBJECTS = 20_000


@dataclass(frozen=True)
class Service:
    """A service as it is hosted.

    Args:
        name: `customers`, `rating` ...
        settings: its settings, or the class to read them with.
        schema_revision: the Alembic revision that this version needs.
        app: makes its HTTP app.
        subscribe: declares what it consumes.
        workers: further roles by name; each gets an event that is set when it is to end, and returns then.
        publishes: the events it sends, for its AsyncAPI document.
    """

    name: str
    settings: ServiceSettings | type[ServiceSettings]
    schema_revision: str
    app: Callable[[], FastAPI]
    subscribe: Callable[[Subscriptions], None] = lambda _: None
    workers: dict[str, Role] = field(default_factory=dict)
    publishes: tuple[type[Event], ...] = ()

    @property
    def roles(self) -> list[str]:
        """All roles, in the order they start in."""
        return ["api", "consumers", "relay", *self.workers]


def run(service: Service, arguments: Sequence[str] | None = None) -> None:
    """Host a service until SIGTERM or SIGINT; ends the process with a non-zero code where a role fails.

    Arguments of the command line: `--roles api,consumers,relay,<workers>` (all), `--host` (127.0.0.1), `--port` (8000).
    """
    options = _options(service, arguments)
    settings = service.settings() if isinstance(service.settings, type) else service.settings
    logs.configure(service.name, settings.log_level)
    _collect_less_often()
    try:
        sys.exit(asyncio.run(Host(service, settings, options).run()))
    except ConfigurationError as error:
        _log.critical("cannot start", reason=str(error))
        sys.exit(f"{service.name}: {error}")


def _collect_less_often() -> None:
    """What was imported stays for ever, and a batch makes thousands of objects that no cycle holds: the collector's
    default, a look at every 700 new ones, takes a tenth of a service's time.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def _options(service: Service, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=service.name, description=f"The {service.name} service of Farthing.")
    parser.add_argument("--roles", default=",".join(service.roles), help="comma separated: %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="address of the HTTP API (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port of the HTTP API (%(default)s)")
    options = parser.parse_args(arguments)
    options.roles = [role.strip() for role in options.roles.split(",") if role.strip()]
    unknown = sorted(set(options.roles) - set(service.roles))
    if unknown or not options.roles:
        parser.error(f"unknown roles {unknown}; this service has {', '.join(service.roles)}")
    return options


class Host:
    """A service's roles while they run."""

    def __init__(self, service: Service, settings: ServiceSettings, options: argparse.Namespace) -> None:
        self._service = service
        self._settings = settings
        self._options = options
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Run the roles. Returns the process's exit code: 0 after a signal, 1 after a role failed."""
        database = bind(self._settings.postgres, pool_size=self._settings.postgres_pool)
        self._listen_for_signals()
        try:
            await self._wait_for_database(database)
            return await self._supervise(database)
        finally:
            await database.close()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _wait_for_database(self, database: Database) -> None:
        """Check the schema; a database that is only just starting is waited for."""
        deadline = asyncio.get_running_loop().time() + _DATABASE_WITHIN_S
        while True:
            try:
                return await check_revision(database.engine, self._service.name, self._service.schema_revision)
            except ConfigurationError:
                raise
            except Exception as error:
                if self._stop.is_set() or asyncio.get_running_loop().time() > deadline:
                    raise ConfigurationError(f"the database cannot be reached: {error}") from error
                _log.warning("waiting for the database", error=str(error))
                await asyncio.sleep(0.5)

    async def _supervise(self, database: Database) -> int:
        """Run the roles until a signal, or until one of them ends, which none should."""
        tasks = [asyncio.create_task(self._role(role, database), name=role) for role in self._options.roles]
        stopping = asyncio.create_task(self._stop.wait(), name="signal")
        _log.info("started", roles=self._options.roles)
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        asked_to = self._stop.is_set()
        self._stop.set()
        _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
        for task in late:
            _log.error("role did not end in time", role=task.get_name(), grace_s=_GRACE_S)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        failed = [task for task in tasks if task.cancelled() or task.exception() is not None]
        for task in failed:
            error = None if task.cancelled() else task.exception()
            _log.critical("role failed", role=task.get_name(), exc_info=error)
        if not failed and not asked_to:
            _log.critical("a role ended without being asked to")
        _log.info("stopped")
        return 0 if asked_to and not failed else 1

    async def _role(self, role: str, database: Database) -> None:
        if role == "api":
            await self._serve(database)
        elif role == "consumers":
            await self._consume()
        elif role == "relay":
            await self._relay(database).run(self._stop)
        else:
            await self._service.workers[role](self._stop)

    def _relay(self, database: Database) -> Relay:
        kept = timedelta(days=self._settings.request_keys_days)
        return Relay(self._service.name, database, self._settings.kafka, request_keys_kept=kept)

    async def _consume(self) -> None:
        subscriptions = Subscriptions(self._service.name, kafka=self._settings.kafka)
        self._service.subscribe(subscriptions)
        await subscriptions.run(self._stop)

    async def _serve(self, database: Database) -> None:
        app = self._service.app()
        app.include_router(asyncapi.router(lambda: self._documented(app)))
        app.state.ready_checks.update(database=lambda: self._database_ready(database), kafka=self._kafka_ready)
        config = uvicorn.Config(
            app,
            host=self._options.host,
            port=self._options.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
            lifespan="on",
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stopping.cancel()
        await serving

    def _documented(self, app: FastAPI) -> asyncapi.Documented:
        subscriptions = Subscriptions(self._service.name)
        self._service.subscribe(subscriptions)
        return asyncapi.Documented(
            service=self._service.name,
            title=f"{app.title}: events",
            description=app.description,
            servers=self._settings.kafka,
            sends=self._service.publishes,
            receives=[*subscriptions.declared, *subscriptions.read_elsewhere],
        )

    async def _database_ready(self, database: Database) -> None:
        await check_revision(database.engine, self._service.name, self._service.schema_revision)

    async def _kafka_ready(self) -> None:
        await topic_names(kafka=self._settings.kafka)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the host has them, for all roles."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The host listens for signals."""
        yield
