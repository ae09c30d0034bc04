"""A database and a role with its own password for each service, on our server or on the one named for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from local_platform.errors import PlatformError, folder_error
from local_platform.postgres import Postgres, create_extensions, dsn


class ServiceDatabases:
    """Where each service's data is.

    Args:
        services: the names of those that have a database.
        passwords_file: where the roles' passwords are kept between two starts.
        environment: `FARTHING_POSTGRES_<SERVICE>` names a database elsewhere; that one is used as it is.
    """

    def __init__(self, services: Sequence[str], passwords_file: Path, environment: Mapping[str, str]) -> None:
        self._file = passwords_file
        named = {name: environment.get(variable(name), "") for name in services}
        self._elsewhere = {name: found for name, found in named.items() if found}
        self._ours = [name for name in services if name not in self._elsewhere]
        self._dsns: dict[str, str] = {}

    @property
    def need_server(self) -> bool:
        """Whether any service has its database on a server of our own."""
        return bool(self._ours)

    @property
    def dsns(self) -> dict[str, str]:
        """Each service's connection string; ours are there after `locate`."""
        return self._dsns | self._elsewhere

    def locate(self, port: int) -> None:
        """Fixes the connection strings of our own databases. Raises PlatformError."""
        passwords = self._passwords()
        self._dsns = {name: dsn(name, passwords[name], port, name) for name in self._ours}

    def create(self, server: Postgres) -> None:
        """Makes the roles and databases that are not there yet. Raises PlatformError."""
        passwords = self._passwords()
        for name in self._ours:
            try:
                create_service_database(server.admin_dsn, name, passwords[name])
            except psycopg.Error as error:
                raise PlatformError(
                    f"The database of {name} could not be made.",
                    where=str(server.folder),
                    why=str(error),
                    remedy="If the disk is full, free some space or name another FARTHING_STATE; else read the log: "
                    f"{server.log}",
                ) from error

    def _passwords(self) -> dict[str, str]:
        """The kept passwords, with new ones for new services."""
        try:
            kept: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
            if new := {name: secrets.token_urlsafe(24) for name in self._ours if name not in kept}:
                kept |= new
                self._file.touch(mode=0o600)
                self._file.write_text(json.dumps(kept, indent=1))
        except OSError as error:
            raise folder_error(error, self._file.parent) from error
        return kept


def variable(service: str) -> str:
    """The variable that names a service's database."""
    return f"FARTHING_POSTGRES_{service.upper()}"


def create_service_database(admin_dsn: str, service: str, password: str) -> None:
    """Makes a role and a database of the service's name, which no other service may enter; harmless when repeated."""
    name, secret = sql.Identifier(service), sql.Literal(password)
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [service]).fetchone()
        verb = sql.SQL("ALTER" if role else "CREATE")
        connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, name, secret))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [service]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    with psycopg.connect(admin_dsn, dbname=service, autocommit=True) as connection:
        create_extensions(connection)
