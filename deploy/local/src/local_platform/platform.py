"""The whole platform: Kafka, Postgres, mail, keys, clock, and one process per service, started, watched and stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as time_of_day
from functools import partial
from pathlib import Path
from typing import Self

from local_platform import identity
from local_platform.assembly import Assembly, assemble
from local_platform.databases import ServiceDatabases, variable
from local_platform.errors import PlatformError, folder_error, log_tail
from local_platform.folders import make_folder, state_folder
from local_platform.locks import StateLock
from local_platform.options import Options
from local_platform.parallel import together
from local_platform.ports import PortBook
from local_platform.processes import Children
from local_platform.supervisor import Part, Supervisor
from service_kit import clock

START_OF_WORK = time_of_day(9, 0)
"""The local time that a day begins with when the clock is set to a date."""
RUNNING = "platform.json"


class Platform:
    """A running platform: `with Platform(Options(...)) as platform:`, or `async with`.

    Entering returns when every service is ready; leaving stops everything in the reverse order. Whatever happens to
    this process, nothing that it started outlives it.

    `service_environment` may be changed at any time: a service gets what stands there at its next start.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.state = state_folder(self.options.state)
        self.service_environment = {name: dict(more) for name, more in self.options.service_environment.items()}
        self._databases = ServiceDatabases(
            [service.name for service in self.options.services if service.has_database],
            self.state / "passwords.json",
            self.options.environment,
        )
        self._lock: StateLock | None = None
        self._book: PortBook | None = None
        self._children: Children | None = None
        self._supervisor: Supervisor | None = None
        self._assembly: Assembly | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.start)
        except asyncio.CancelledError:
            self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def kafka(self) -> str:
        """host:port of the brokers, our own or those named by FARTHING_KAFKA."""
        own = self._parts.kafka
        return own.bootstrap if own else self.options.environment["FARTHING_KAFKA"]

    @property
    def smtp_url(self) -> str:
        """smtp://host:port."""
        return self._parts.smtp.url

    @property
    def maildir(self) -> Path:
        """Where the mails are kept; new ones are in its folder `new`."""
        return self._parts.smtp.maildir

    @property
    def logs(self) -> Path:
        """The folder with everybody's log."""
        return self.state / "logs"

    @property
    def clock_file(self) -> Path:
        """What FARTHING_CLOCK names."""
        return self.state / "clock.json"

    @property
    def service_names(self) -> list[str]:
        """The services of this platform."""
        return list(self._parts.services)

    @property
    def database_names(self) -> list[str]:
        """The services that have a database."""
        return list(self._databases.dsns)

    @property
    def environment(self) -> dict[str, str]:
        """The FARTHING_ variables that every process of this platform gets."""
        keys = identity.keys_folder(self.state)
        return {
            "FARTHING_KAFKA": self.kafka,
            **{variable(name): dsn for name, dsn in self._databases.dsns.items()},
            **{f"FARTHING_{name.upper()}_URL": self.url(name) for name in self._parts.services},
            "FARTHING_JWKS": str(keys / "jwks.json"),
            "FARTHING_SERVICE_TOKEN": str(keys / "service-token"),
            "FARTHING_CLOCK": str(self.clock_file),
            "FARTHING_SMTP": self.smtp_url,
            "FARTHING_UNCONFIRMED": "resend",  # our mail server keeps a Message-ID once
        }

    def url(self, service: str) -> str:
        """The base URL of a service's API."""
        return self._parts.services[service].url

    def postgres_dsn(self, service: str) -> str:
        """A service's own database."""
        return self._databases.dsns[service]

    def token(self, *scopes: str, subject: str = "local") -> str:
        """A bearer token with these scopes, or with all."""
        return identity.token(self.state, scopes or identity.SCOPES, subject)

    def pid(self, name: str) -> int:
        """The process id of a service, or of `kafka`, `postgres` or `smtp`. Raises PlatformError."""
        process = self._parts.part(name).process
        if process is None:
            raise PlatformError(f"{name} has not been started.")
        return process.pid

    def kill(self, name: str, signal_number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to a part's process, SIGKILL by default; it is started again as after any crash."""
        os.kill(self.pid(name), signal_number)

    def restart(self, name: str) -> None:
        """Stops a part in order, if it runs, and returns when it is ready again."""
        self.stop_part(name)
        self.start_part(name)

    def stop_part(self, name: str) -> None:
        """Stops a part in order; it is not started again by itself."""
        self._watcher.stop(self._parts.part(name))

    def start_part(self, name: str) -> None:
        """Starts a part that was stopped and returns when it is ready."""
        self._start_and_watch(self._parts.part(name))

    def wait_ready(self, service: str, timeout_seconds: float = 60.0) -> None:
        """Waits until a service says that it is ready, for instance after `kill`. Raises PlatformError."""
        process = self._parts.services[service]
        deadline = time.monotonic() + timeout_seconds
        while not process.is_ready():
            if time.monotonic() > deadline:
                why = log_tail(process.log)
                raise PlatformError(f"{service} did not become ready.", where=str(process.log), why=why)
            time.sleep(0.05)

    def set_clock(self, moment: date | datetime) -> None:
        """Moves the business clock of all processes; it runs on from there.

        Args:
            moment: an aware datetime, or a date, which means 09:00 on it in Europe/London.
        """
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, START_OF_WORK, clock.LOCAL_ZONE)
        clock.move_to(moment, file=self.clock_file)

    def reset_clock(self) -> None:
        """Back to wall time."""
        self.clock_file.unlink(missing_ok=True)

    def start(self) -> None:
        """Starts everything. Raises PlatformError, after having stopped what was started already."""
        try:
            self._lock = StateLock(self.state)
            self._children = Children(held=self._lock.children)
            self._prepare(self._children)
            self._start_servers(self._children)
            services = self._parts.services.values()
            together([partial(self._start_and_watch, part) for part in services], self._give_up)
            self._write_running()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything in the reverse order of its start. Safe to call at any time and twice."""
        with _undisturbed():
            self._give_up()
            if self._book is not None:
                self._book.close()
            if self._lock is not None:
                (self.state / RUNNING).unlink(missing_ok=True)
                self._lock.close()
                self._lock = None

    @property
    def _parts(self) -> Assembly:
        if self._assembly is None:
            raise PlatformError("The platform has not been started.")
        return self._assembly

    @property
    def _watcher(self) -> Supervisor:
        if self._supervisor is None:
            raise PlatformError("The platform has not been started.")
        return self._supervisor

    def _prepare(self, children: Children) -> None:
        """Folders, keys, ports, and at the very first start the download; nothing of the platform runs yet."""
        _keep_last_logs(make_folder(self.logs))
        try:
            identity.set_up(self.state)
        except OSError as error:
            raise folder_error(error, self.state) from error
        self._book = PortBook(self.state / "ports.json", self.options.ports)
        self._supervisor = Supervisor(children, self.options.report, self.options.restart_delays_seconds)
        self._assembly = assemble(
            self.options,
            self.state,
            children,
            self._book,
            own_postgres=self._databases.need_server,
            environment_of=self._environment_of,
        )
        self._book.save()
        if self._assembly.postgres:
            self._databases.locate(self._assembly.postgres.port)
        if self._assembly.kafka:
            self._assembly.kafka.prepare()

    def _start_servers(self, children: Children) -> None:
        """Everything that services need, side by side; each branch goes on as soon as its server is ready."""

        def databases() -> None:
            if self._parts.postgres:
                self._start_and_watch(self._parts.postgres)
                self._databases.create(self._parts.postgres)
            if self._databases.dsns:
                self._command(children, "migrate", *self._databases.dsns)

        def topics() -> None:
            if self._parts.kafka:
                self._start_and_watch(self._parts.kafka)
            self._command(children, "topics")

        together([databases, topics, partial(self._start_and_watch, self._parts.smtp)], self._give_up)

    def _command(self, children: Children, *arguments: str) -> None:
        """Runs one of service_kit's commands to its end. Raises PlatformError with what it said."""
        log = self.logs / f"{arguments[0]}.log"
        command = [sys.executable, "-m", "service_kit", *arguments]
        started = time.monotonic()
        if children.run(arguments[0], command, log=log, environment=self._full_environment()) != 0:
            text = f"`python -m service_kit {' '.join(arguments)}` failed."
            raise PlatformError(text, where=str(log), why=log_tail(log), remedy="Read the log named above.")
        self._tell(arguments[0], started, "done")

    def _start_and_watch(self, part: Part) -> None:
        started = time.monotonic()
        part.start()
        self._tell(part.name, started, "ready")
        if self.options.supervise:
            self._watcher.watch(part)

    def _tell(self, name: str, started: float, word: str) -> None:
        self.options.report(f"{name} {word} ({time.monotonic() - started:.1f} s)")

    def _give_up(self) -> None:
        """Stops every process: the services together first, then the servers that they use."""
        if self._supervisor is not None:
            self._supervisor.close()
        if self._children is None:
            return
        if self._assembly is not None:
            processes = [part.process for part in self._assembly.services.values()]
            self._children.stop(process for process in processes if process is not None)
        self._children.close()

    def _full_environment(self) -> dict[str, str]:
        return {**self.options.environment, **self.environment, "PYTHONUNBUFFERED": "1"}

    def _environment_of(self, service: str) -> dict[str, str]:
        # One process per service: it may keep its name in the consumer groups, and has its partitions back at once
        # when it is started again after a crash.
        one_process = {"FARTHING_INSTANCE": "0"}
        return self._full_environment() | one_process | self.service_environment.get(service, {})

    def _write_running(self) -> None:
        """For other processes of this user: what `env` and `token` need to know."""
        file = self.state / RUNNING
        try:
            file.touch(mode=0o600)
            file.write_text(json.dumps({"process": os.getpid(), "environment": self.environment}, indent=1))
        except OSError as error:
            raise folder_error(error, self.state) from error


def running_environment(state: Path) -> dict[str, str]:
    """The FARTHING_ variables of the platform that runs on a state folder. Raises PlatformError if none does."""
    try:
        found: dict[str, str] = json.loads((state / RUNNING).read_text())["environment"]
    except FileNotFoundError:
        raise PlatformError(
            "No platform is running here.",
            where=str(state),
            remedy="Start it (`make run`), or name its folder in FARTHING_STATE.",
        ) from None
    return found


def _keep_last_logs(folder: Path) -> None:
    """The logs of the last run are kept beside the new ones, those before it are not."""
    for log in folder.glob("*.log"):
        log.replace(log.with_name(log.name + ".last"))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Clearing up is not interrupted by another Ctrl-C; it ends within a known time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
