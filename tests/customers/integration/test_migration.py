"""The migration makes what the code believes to be there."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from customers.main import SCHEMA_REVISION
from customers.store.tables import metadata
from service_kit.migrations import migrate
from service_kit.settings import sqlalchemy_url


def test_tables_and_migration_agree(empty_database: str) -> None:
    migrate("customers", dsn=empty_database)
    engine = create_engine(sqlalchemy_url(empty_database))
    with engine.connect() as connection:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert revision == SCHEMA_REVISION
    assert differences == []
