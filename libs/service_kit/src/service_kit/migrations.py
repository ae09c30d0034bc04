"""Schema migrations: run by a command before a service starts; a service whose schema is behind does not start.

Alembic is imported by the command only: it is a heavy import that no running service needs.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from service_kit.errors import ConfigurationError
from service_kit.settings import PREFIX, sqlalchemy_url
from service_kit.tables import erasure_table, kit_tables

if TYPE_CHECKING:
    from alembic.operations import Operations

_LOCK = 0x6D69_6772_6174_6521  # "migrate!"


class SchemaBehind(ConfigurationError):
    """The database has not been migrated to what this version of the service needs."""


def create_kit_tables(op: Operations | Any) -> None:
    """Create the outbox and the inbox; called by the first migration of each service."""
    kit = kit_tables(MetaData())
    for table in (kit.outbox, kit.inbox):
        table.create(op.get_bind())


def create_request_keys(op: Operations | Any) -> None:
    """Create the table of answered requests (`service_kit.idempotency`); called by one migration of each service."""
    kit_tables(MetaData()).request_key.create(op.get_bind())


def drop_request_keys(op: Operations | Any) -> None:
    """Undo `create_request_keys`."""
    op.drop_table("request_key")


def create_erasures(op: Operations | Any) -> None:
    """Create the table of erased customers (`service_kit.erasures`); called by one migration of each service."""
    erasure_table(MetaData()).create(op.get_bind())


def drop_kit_tables(op: Operations | Any) -> None:
    """Undo `create_kit_tables`."""
    op.drop_table("inbox")
    op.drop_table("outbox")


async def check_revision(engine: AsyncEngine, service: str, required: str) -> None:
    """Make sure that a database is migrated as far as this version of a service needs; further is no harm.

    Args:
        engine: of the service's database.
        service: its name, for the message.
        required: an Alembic revision; revisions begin with a number that grows (`0001`, `0002_indexes`).

    Raises:
        SchemaBehind: it is not, with the command to run.
    """
    found = await _revision(engine)
    if found is None or _number(found) < _number(required):
        raise SchemaBehind(
            f"the database of {service} is at revision {found or 'none'}, this version needs {required}: "
            f"run 'python -m service_kit migrate {service}'"
        )


async def _revision(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return None
        found: str | None = await connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
        return found


def _number(revision: str) -> int:
    digits = re.match(r"\d+", revision)
    if digits is None:
        raise ConfigurationError(f"revision {revision!r} does not begin with a number")
    return int(digits.group())


def migrate(service: str, revision: str = "head", dsn: str | None = None) -> None:
    """Bring a service's database to a revision.

    Args:
        service: its name and that of its package.
        revision: how far.
        dsn: the database, else FARTHING_POSTGRES_<SERVICE>.

    Raises:
        ConfigurationError: the database or the migrations are not to be found.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_of(service)))
    config.attributes["dsn"] = dsn or os.environ.get(f"{PREFIX}POSTGRES_{service.upper()}", "")
    command.upgrade(config, revision)


def migrations_of(service: str) -> Path:
    """Where a service's migrations are: `$FARTHING_MIGRATIONS/<service>`, else beside its source, else in its package.

    Raises:
        ConfigurationError: none of these is there.
    """
    named = os.environ.get(f"{PREFIX}MIGRATIONS")
    places = [Path(named) / service] if named else []
    spec = find_spec(service)
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        places += [package.parent.parent / "migrations", package / "migrations"]
    for place in places:
        if (place / "env.py").is_file():
            return place
    tried = ", ".join(str(place) for place in places) or f"no package named {service}"
    raise ConfigurationError(f"no migrations of {service}: looked in {tried}")


def run_env(metadata: MetaData | None = None) -> None:
    """The whole of a service's `env.py`: `from service_kit.migrations import run_env; run_env(metadata)`."""
    from alembic import context

    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = sa.create_engine(sqlalchemy_url(context.config.attributes["dsn"]), poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            context.run_migrations()
    engine.dispose()
