"""The migrations make what the queries are written for."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from invoicing.main import SCHEMA_REVISION
from invoicing.store import account_tables, adjustment_tables, course_tables, credit_tables
from invoicing.store.tables import metadata
from service_kit.settings import sqlalchemy_url

MODULES = (account_tables, adjustment_tables, course_tables, credit_tables)
"""Those whose tables stand beside the others."""


def test_the_migrations_and_the_tables_are_equal(service_database: Callable[[str], str]) -> None:
    """DESIGN "Migrations": nobody changes one without the other."""
    engine = sa.create_engine(sqlalchemy_url(service_database("invoicing")), poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == SCHEMA_REVISION
